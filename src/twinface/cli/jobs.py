"""`twinface jobs …`: background jobs of a gallery, added, worked off and looked at without a server."""

from __future__ import annotations

import sys
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from twinface.cli.console import print_json, say
from twinface.cli.gallery_options import GalleryOptions, ModelOptions
from twinface.cli.options import Json, grouped
from twinface.core.formatting import count

if TYPE_CHECKING:
    from twinface.recognition.gallery.tables import GalleryTables
    from twinface.service.jobs.records import Job
    from twinface.service.jobs.table import JobTable

app = typer.Typer(
    help="Background jobs of a gallery: identify, embed or group many photos, re-embed, certify.",
    no_args_is_help=True,
)
JobId = Annotated[str, typer.Argument(help="A job, as `twinface jobs list` names it.")]
_AT_A_TIME = 16  # photos in one transaction
_ROWS = 200


class KindName(StrEnum):
    """What a job does."""

    IDENTIFY = "identify"
    EMBED = "embed"
    CLUSTER = "cluster"
    REEMBED = "reembed"
    CERTIFY = "certify"


@app.command("add")
@grouped
def add(
    which: GalleryOptions,
    kind: Annotated[KindName, typer.Argument(help="What is to be done.")],
    photos: Annotated[
        Path | None, typer.Argument(help="A folder of photos, or a text file that lists them.")
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="A setting of this kind: fpir=0.001, model=sface.")
    ] = None,
    json: Json = False,
) -> None:
    """Add a job; `twinface jobs run` or a server works on it. The photos are copied into the gallery until then."""
    from twinface.service.jobs.settings import TAKES_PHOTOS

    if (photos is not None) != (kind.value in TAKES_PHOTOS):
        raise typer.BadParameter(f"{kind.value} needs {'no photos' if photos else 'a folder of photos'}")
    with which.open() as gallery:
        table = _table(gallery)
        job = table.create(kind.value, _settings(settings or []))
        if photos is not None:
            try:
                _add_photos(table, job, photos)
                job = table.start(job.id)
            except BaseException:  # also Ctrl-C: half of a folder is of no use
                table.delete(job.id)
                raise
    print_json(job.to_dict()) if json else print(job.id)


@app.command("list")
@grouped
def list_(
    which: GalleryOptions,
    limit: Annotated[int, typer.Option(help="List so many at most.", min=1)] = 100,
    json: Json = False,
) -> None:
    """List jobs, the newest first."""
    with which.open() as gallery:
        found = _table(gallery).jobs(limit=limit)
    print_json([job.to_dict() for job in found]) if json else print("\n".join(map(_line, found)))
    say(count(len(found), "job"))


@app.command("show")
@grouped
def show(which: GalleryOptions, job: JobId, json: Json = False) -> None:
    """Show a job: exit 0, or 2 if it has failed."""
    with which.open() as gallery:
        found = _table(gallery).get(job)
    print_json(found.to_dict()) if json else print(_line(found))
    if not json and found.error:
        say(found.error)
    sys.exit(2 if found.state == "failed" else 0)


@app.command("results")
@grouped
def results(
    which: GalleryOptions,
    job: JobId,
    after: Annotated[int, typer.Option(help="Go on after this row.", min=0)] = 0,
    limit: Annotated[int | None, typer.Option(help="Print so many rows at most; else all.", min=1)] = None,
) -> None:
    """Print the results that are there, as JSON: a line for each photo or group, or one object.

    After the groups come the photos that are in none, each with its problem.
    """
    from json import dumps

    from twinface.service.jobs.results import results_page

    with which.open() as gallery:
        table, next_one, left = _table(gallery), after, limit
        while True:
            page = results_page(table, gallery.contents, job, next_one, min(_ROWS, left or _ROWS))
            if "result" in page:
                print_json(page["result"])
                return
            for row in (*page["rows"], *page.get("without_face", ())):
                print(dumps(row, allow_nan=False))
            left = None if left is None else left - len(page["rows"])
            if page["next"] is None or left == 0:
                return
            next_one = page["next"]


@app.command("cancel")
@grouped
def cancel(which: GalleryOptions, job: JobId, json: Json = False) -> None:
    """End a job; results that are there stay, photos that wait are erased."""
    with which.open() as gallery:
        found = _table(gallery).cancel(job)
    print_json(found.to_dict()) if json else print(_line(found))


@app.command("delete")
@grouped
def delete(which: GalleryOptions, job: JobId, json: Json = False) -> None:
    """Remove a job with its photos and results, from every file of the gallery."""
    with which.open() as gallery:
        _table(gallery).delete(job)
    print_json({"deleted": True}) if json else print("deleted")


@app.command("run")
@grouped
def run(
    which: ModelOptions,
    forever: Annotated[bool, typer.Option("--forever", help="Wait for more jobs when none is left.")] = False,
) -> None:
    """Work on the jobs of a gallery until none is left. Several may run at once, on one machine or many.

    Ctrl-C and SIGTERM end it after the photo that it has in hand; the next worker goes on there.
    """
    from twinface.core.interruption import stop_on_signals
    from twinface.core.progress import progress_bar
    from twinface.service.jobs.records import ENDED
    from twinface.service.jobs.worker import Worker

    with which.open_with_model() as gallery, progress_bar("working") as progress:

        def report(job: Job) -> None:
            if job.state in ENDED:
                say(_line(job))
            elif job.total:
                progress(job.done, job.total)

        with stop_on_signals() as request:
            worker = Worker(gallery, report=report)
            worker.run(forever, lambda: request.signal_number is not None)


def _table(gallery: GalleryTables) -> JobTable:
    from twinface.service.jobs.table import JobTable

    return JobTable(gallery.contents)


def _settings(given: list[str]) -> dict[str, Any]:
    """`name=value`, where a value is JSON if it can be, else a text."""
    from json import loads

    found: dict[str, Any] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals:
            raise typer.BadParameter(f"--set {text}: need a name and a value, such as fpir=0.001")
        try:
            found[name.strip()] = loads(value)
        except ValueError:
            found[name.strip()] = value.strip()
    return found


def _add_photos(table: JobTable, job: Job, source: Path) -> None:
    from twinface.core.errors import DataError, ImageError
    from twinface.core.progress import progress_bar
    from twinface.faces.files import read_bytes
    from twinface.recognition.picture_list import list_pictures

    root = source if source.is_dir() else source.parent
    names = list(islice(list_pictures(source), table.limits.photos + 1))
    if not names:
        raise DataError(
            f"{source}: no pictures, need a folder that holds some, or a text file that names one per line"
        )
    with progress_bar("adding") as progress:
        for start in range(0, len(names), _AT_A_TIME):
            part = []
            for name in names[start : start + _AT_A_TIME]:
                try:
                    part.append((name, read_bytes(root / name)))
                except ImageError as error:
                    say(f"left out: {error}")
            refused = [photo for photo in table.add_photos(job.id, part) if not photo.accepted]
            if refused:
                raise DataError(f"{refused[0].photo}: {refused[0].reasons[0]}; no job was added")
            progress(min(start + _AT_A_TIME, len(names)), len(names))


def _line(job: Job) -> str:
    facts = job.to_dict()
    return f"{job.id}  {job.kind:<8}  {job.state:<9}  {job.done:>6} of {job.total}  {facts['created']}"
