"""`twinface embed`."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from twinface.cli.console import print_json, say
from twinface.cli.options import SHIPPED, Json, ModelPlace


def embed(
    pictures: Annotated[
        Path, typer.Argument(help="A folder of pictures, or a text file with one name in each line.")
    ],
    out: Annotated[Path, typer.Option(help="The folder to write. An interrupted one is continued.")],
    model: ModelPlace = SHIPPED,
    json: Json = False,
) -> None:
    """Embed any number of picture files: rows of embeddings.npy, in the order of pictures.txt.

    It can be stopped at any time, and continues when it is called again. Exit 2 if a picture could not be read.
    """
    from twinface.core.progress import progress_bar
    from twinface.recognition.batch import embed_files
    from twinface.recognition.embedding_folder import FAILED

    with progress_bar("embedding") as progress:
        done = embed_files(pictures, out, model, progress)
    if json:
        print_json(asdict(done))
    else:
        print(f"{out}: {done.pictures} embeddings of length {done.length}")
    if done.failed:
        say(f"{done.failed} of {done.pictures} pictures could not be read: {out / FAILED} says why")
        sys.exit(2)
