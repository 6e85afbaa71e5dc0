"""`twinface serve`."""

from __future__ import annotations

from typing import Annotated

import typer

from twinface.cli.console import say
from twinface.cli.gallery_options import GalleryOptions
from twinface.cli.options import grouped


@grouped
def serve(
    which: GalleryOptions,
    host: Annotated[
        str, typer.Option(help="Address to listen on; beyond this machine, API keys are needed.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8000,
    model: Annotated[
        str | None, typer.Option(help="A model's name or place, for a new gallery; else the gallery's own.")
    ] = None,
    workers: Annotated[int, typer.Option(help="Processes that answer.", min=1, max=64)] = 1,
    rate: Annotated[float, typer.Option(help="Requests a second for each key; 0 for no limit.", min=0)] = 50,
    jobs: Annotated[bool, typer.Option(help="Work on jobs, too.")] = True,
) -> None:
    """Serve recognition and a gallery over REST, with a web page at /.

    It listens to this machine alone unless --host says otherwise.
    """
    from twinface.service.server import serve as run
    from twinface.service.settings import Limits, ServiceSettings

    settings = ServiceSettings(
        host=host,
        port=port,
        gallery=which.gallery,
        model=model,
        key_file=None if which.key_file is None else str(which.key_file),
        workers=workers,
        jobs=jobs,
        limits=Limits(rate=rate),
    )
    shown = f"[{host}]" if ":" in host else host
    run(settings, lambda: say(f"Twinface serves http://{shown}:{port} (Ctrl-C stops it)"))
