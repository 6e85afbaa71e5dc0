"""`twinface embed`."""

from __future__ import annotations

import sys
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from twinface.cli.console import print_json, say
from twinface.cli.options import Json, ModelPlace
from twinface.core.formatting import count


class Faces(StrEnum):
    """Which faces of a photo get a row."""

    LARGEST = "largest"
    ONE = "one"
    ALL = "all"


def embed(
    pictures: Annotated[
        Path, typer.Argument(help="A folder of photos, or a text file with one name in each line.")
    ],
    out: Annotated[Path, typer.Option(help="The folder to write. An interrupted one is continued.")],
    model: ModelPlace = "best",
    faces: Annotated[
        Faces, typer.Option(help="Of a photo with several: the largest, only one (others fail), or all.")
    ] = Faces.LARGEST,
    aligned: Annotated[
        bool, typer.Option("--aligned", help="Take pictures as they are: they are framed as the model needs.")
    ] = False,
    json: Json = False,
) -> None:
    """Find and embed the faces of any number of photos.

    Row by row in embeddings.npy; faces.csv says which face each row belongs to, pictures.txt lists the photos. It can
    be stopped at any time, and continues when it is called again. Exit 2 if a photo could not be used.
    """
    from twinface.core.progress import progress_bar
    from twinface.recognition.batch import embed_files
    from twinface.recognition.embedding_folder import FAILED

    with progress_bar("embedding") as progress:
        done = embed_files(pictures, out, model, progress, faces="aligned" if aligned else faces.value)
    if json:
        print_json({**asdict(done), "faces": done.faces})
    else:
        print(
            f"{out}: {count(done.faces, 'embedding')} of length {done.length} from {count(done.pictures, 'picture')}"
        )
    if done.failed:
        say(
            f"{done.failed} of {done.pictures} pictures could not be used: {out / FAILED} says why; their rows are NaN"
        )
        sys.exit(2)
