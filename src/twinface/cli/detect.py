"""`twinface detect`."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from twinface.cli.console import print_json, say
from twinface.cli.options import Json, Show, are_many
from twinface.core.formatting import count

if TYPE_CHECKING:
    from twinface.recognition.show.view import PhotoView


def detect(
    photo: Annotated[Path, typer.Argument(help="A photo; or a folder, or a text file that lists photos.")],
    out: Annotated[
        Path | None,
        typer.Option(help="The table for many photos: .csv or .jsonl. An interrupted one is continued."),
    ] = None,
    show: Show = None,
    json: Json = False,
) -> None:
    """Find the faces in a photo: where they are, and how good. Exit 0 found, 1 none, 2 a bad file.

    With a folder, or a text file that lists photos, it writes a table of all faces; exit 2 if a photo could not be
    read.
    """
    if are_many(photo, out):
        if out is None or show is not None:
            raise typer.BadParameter("many photos need --out FILE.csv or FILE.jsonl, and take no --show")
        _detect_many(photo, out, json)
        return
    view = _seen(photo, show)
    if json:
        print_json(_values(view, photo))
    else:
        print("\n".join(_lines(view)))
    sys.exit(0 if view.faces else 1)


def _seen(photo: Path, show: Path | None) -> PhotoView:
    from twinface.faces.frame import STANDARD_FRAME
    from twinface.recognition.photo_faces import FaceReader
    from twinface.recognition.show.view import view_photo

    if show is None:
        return view_photo(photo, FaceReader(STANDARD_FRAME))
    from twinface.recognition.show.save import check_target, save_view

    check_target(show)
    view = view_photo(photo, FaceReader(STANDARD_FRAME))
    save_view(view, show)
    say(f"shown: {show}")
    return view


def _values(view: PhotoView, photo: Path) -> dict[str, Any]:
    return {
        "photo": str(photo),
        "width": view.width,
        "height": view.height,
        "faces": [face.to_dict() for face in view.faces],
    }


def _lines(view: PhotoView) -> list[str]:
    """How many faces there are, and a line for each."""
    from twinface.recognition.face_text import face_text

    found = count(len(view.faces), "face") if view.faces else "no face"
    return [f"{view.name}: {found}", *(face_text(face) for face in view.faces)]


def _detect_many(source: Path, out: Path, json: bool) -> None:
    from twinface.core.progress import progress_bar
    from twinface.recognition.batch_detect import detect_files

    with progress_bar("detecting") as progress:
        done = detect_files(source, out, progress)
    if json:
        print_json(asdict(done))
    else:
        faces, photos = count(done.faces, "face"), count(done.pictures, "photo")
        print(f"{out}: {faces} in {photos}, {done.without_face} without a face")
    if done.unreadable:
        say(f"{done.unreadable} of {done.pictures} photos could not be read: {out} says why")
        sys.exit(2)
