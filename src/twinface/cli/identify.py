"""`twinface identify`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from twinface.cli.console import print_json, say
from twinface.cli.gallery_options import ModelOptions
from twinface.cli.options import Json, are_many, grouped
from twinface.core.formatting import count

if TYPE_CHECKING:
    from twinface.recognition.gallery.records import Identification, IdentifiedFace

_CANDIDATES = 5  # for each face


@grouped
def identify(
    which: ModelOptions,
    photo: Annotated[
        Path, typer.Argument(help="A photo with any number of faces; or a folder, or a list of photos.")
    ],
    top: Annotated[
        int | None,
        typer.Option(help="How many candidates to name for each face of one photo; else 5.", min=1),
    ] = None,
    fpir: Annotated[
        float, typer.Option(help="How many strangers may be taken for somebody: 1e-2 is one of 100.")
    ] = 1e-2,
    out: Annotated[
        Path | None,
        typer.Option(help="The table for many photos: .csv or .jsonl. An interrupted one is continued."),
    ] = None,
    json: Json = False,
) -> None:
    """Say who is on a photo: exit 0 if anybody is known, 1 if nobody is, 2 if there is no face or a bad file.

    With a folder, or a text file that lists photos, it writes a table with a row for each face; exit 2 if a photo could
    not be read.
    """
    if are_many(photo, out):
        if out is None:
            raise typer.BadParameter("many photos need --out FILE.csv or FILE.jsonl")
        if top is not None:
            raise typer.BadParameter(
                "--top goes with one photo: the table of --out names one person for each face"
            )
        _identify_many(which, photo, out, fpir, json)
        return
    with which.open_with_model() as gallery:
        answer = gallery.identify(photo, _CANDIDATES if top is None else top, fpir)
    if json:
        print_json(answer.to_dict())
    else:
        print("\n".join(_lines(answer, photo.name)))
    sys.exit(0 if answer else 1 if answer.faces else 2)


def _lines(answer: Identification, photo: str) -> Iterator[str]:
    from twinface.recognition.face_text import face_text

    yield f"{photo}: {count(len(answer.faces), 'face') if answer.faces else 'no face'}"
    for face in answer.faces:
        where = f"{face_text(face.face)}" if face.face.box else "the picture as it is"
        yield f"{face.name or 'Nobody I know'}: {where}"
        yield from _candidates(face, answer.fpir)
    yield f"{answer.people:,} enrolled; of strangers, at most {answer.fpir:g} are taken for one of them."
    yield f"Model {answer.model}: trained on {answer.trained_on}."
    if answer.rates:
        yield f"Measured: {answer.rates}."


def _candidates(face: IdentifiedFace, fpir: float) -> Iterator[str]:
    for candidate in face.candidates:
        mark = "*" if candidate.name == face.name else "-" if candidate.rejected else " "
        yield (
            f"  {mark} {candidate.name}: probability {candidate.probability:.3f}, score {candidate.score:.3f}, "
            f"reached by {_share(candidate.fpir)} of strangers"
        )
    yield f"    nobody: probability {face.nobody:.3f}"
    yield from (f"    {note}" for note in face.notes)


def _share(fpir: float) -> str:
    """A share of strangers; the smallest ones are continued from larger ones, and not measured."""
    return "fewer than 0.00001" if fpir < 1e-5 else f"{fpir:.2g}"


def _identify_many(which: ModelOptions, source: Path, out: Path, fpir: float, json: bool) -> None:
    from twinface.core.progress import progress_bar

    # One thread a call: each core identifies photos of its own.
    with which.open_with_model(threads=1) as gallery, progress_bar("identifying") as progress:
        done = gallery.identify_files(source, out, fpir, progress)
    if json:
        print_json(done.to_dict())
    else:
        print(
            f"{out}: {count(done.faces, 'face')} in {count(done.pictures, 'photo')}, {done.known} of them known"
        )
        print("\n".join(f"{photos:>6}  {name}" for name, photos in done.people.items()))
    if done.unreadable:
        say(f"{done.unreadable} of {done.pictures} photos could not be read: {out} says why")
        sys.exit(2)
