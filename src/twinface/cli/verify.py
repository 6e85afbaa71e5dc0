"""`twinface verify`."""

from __future__ import annotations

import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from twinface.cli.console import print_json, say
from twinface.cli.gallery_options import GalleryOptions
from twinface.cli.options import BEST, Json, ModelPlace, Show, VerdictOptions, grouped

if TYPE_CHECKING:
    from twinface.recognition.verdict import Verdict
    from twinface.recognition.verifier import Verifier

GALLERY_VARIABLE = "TWINFACE_GALLERY"
_EXIT = {True: 0, False: 1, None: 2}


@dataclass(frozen=True)
class PairsOptions:
    """A file with pairs, in place of two photos."""

    pairs: Annotated[
        Path | None, typer.Option(help="A CSV with the columns left and right, in place of two photos.")
    ] = None
    root: Annotated[
        Path | None, typer.Option(help="The folder of the photos that --pairs names; else that of the CSV.")
    ] = None
    out: Annotated[
        Path | None,
        typer.Option(help="The table for --pairs: .csv or .jsonl. An interrupted one is continued."),
    ] = None


@dataclass(frozen=True)
class OtherOptions(GalleryOptions, PairsOptions):
    """What two photos can be replaced by: the pairs of a file, or a person of a gallery and a photo."""


@grouped
def verify(
    which: VerdictOptions,
    other: OtherOptions,
    left: Annotated[
        Path | None, typer.Argument(help="A photo; or with --gallery the name of a person.")
    ] = None,
    right: Annotated[Path | None, typer.Argument(help="Another photo.")] = None,
    model: ModelPlace = BEST,
    show: Show = None,
    json: Json = False,
) -> None:
    """Say whether two photos show the same person: exit 0 same, 1 different, 2 cannot tell.

    It finds the faces, aligns them and compares the largest of each photo, unless another is asked for. With --pairs it
    verifies all pairs of a file, and exits with 2 if some could not be told. With --gallery the first argument is the
    name of an enrolled person; with TWINFACE_GALLERY it is one if there is no such file.
    """
    if other.pairs is not None:
        if left or right or show:
            raise typer.BadParameter("--pairs takes neither photos nor --show")
        if other.gallery or other.key_file:
            raise typer.BadParameter(
                "--gallery and --key-file go with a person and a photo, not with --pairs"
            )
        _verify_pairs(model, which, other, json)
        return
    if left is None or right is None:
        raise typer.BadParameter("need two photos, or --pairs FILE")
    if other.root or other.out:
        raise typer.BadParameter("--root and --out go with --pairs")
    is_name = other.gallery is not None or (GALLERY_VARIABLE in os.environ and not left.exists())
    if is_name:
        if show:
            raise typer.BadParameter("--show needs two photos, and a gallery keeps none")
        if other.gallery is not None and left.is_file():
            raise typer.BadParameter(
                f"with --gallery the first argument is a person's name; {left} is a file"
            )
        verdict = _verdict_on_person(str(left), right, model, which, other)
    elif other.key_file:
        raise typer.BadParameter("--key-file goes with --gallery")
    else:
        verdict = _verdict(left, right, which.verifier(model), show)
    if json:
        print_json(verdict.to_dict())
    else:
        print("\n".join(_lines(verdict, (right.name,) if is_name else (left.name, right.name))))
    sys.exit(_EXIT[verdict.same])


def _verdict(left: Path, right: Path, verifier: Verifier, show: Path | None) -> Verdict:
    if show is None:
        return verifier.verify(left, right)
    from twinface.core.progress import progress_bar
    from twinface.recognition.show.save import show as ask_and_show

    with progress_bar("maps") as progress:
        verdict = ask_and_show(left, right, show, verifier, progress=progress)
    say(f"shown: {show}")
    return verdict


def _verdict_on_person(
    name: str, photo: Path, model: str, which: VerdictOptions, known: GalleryOptions
) -> Verdict:
    from twinface.core.errors import UnknownPersonError
    from twinface.recognition.gallery.gallery import Gallery

    own = None if model == BEST else model
    with Gallery(
        known.gallery, own, key=known.key_file, create=False, faces=which.choice, aligned=which.aligned
    ) as gallery:
        try:
            return gallery.verify(name, photo, rates=which.wanted, any_quality=which.any_quality)
        except UnknownPersonError as error:
            if known.gallery is not None:
                raise
            raise UnknownPersonError(f"{name}: there is no such file; and {error}") from error


def _lines(verdict: Verdict, names: tuple[str, ...]) -> list[str]:
    """The verdict, the model, a line for each face that was compared, and notes."""
    from twinface.recognition.face_text import found_text, model_text, quality_text
    from twinface.recognition.verifier import notes_on_faces

    lines = [verdict.explain(), model_text(verdict)]
    if verdict.score is None:  # the notes are in the first line
        return lines
    if verdict.rates is not None:
        lines.append(verdict.rates.explain())
    for name, face in zip(names, verdict.faces, strict=True):
        quality = "" if face.quality is None else f"; {quality_text(face.quality)}"
        lines.append(f"{name}: {found_text(face)}{quality}")
    # The lines of both photos say how many faces there are.
    known = notes_on_faces(verdict.faces) if len(verdict.faces) == 2 else []
    return [*lines, *(note for note in verdict.notes if note not in known)]


def _verify_pairs(model: str, which: VerdictOptions, many: PairsOptions, json: bool) -> None:
    from twinface.core.progress import progress_bar
    from twinface.recognition.pair_file import verify_pairs

    assert many.pairs is not None
    if json and many.out is None:
        raise typer.BadParameter("--pairs with --json needs --out: the table is printed without it")
    # One thread a call: each core verifies pairs of its own.
    verifier = which.verifier(model, threads=1)
    with progress_bar("verifying", unit="pair") as progress:
        done = verify_pairs(verifier, many.pairs, many.root, many.out, progress)
    if json:
        print_json(asdict(done))
    elif many.out is not None:
        print(f"{many.out}: {done.pairs} pairs, {done.same} same, {done.different} different")
    if done.untold:
        say(
            f"{done.untold} of {done.pairs} pairs could not be told: {done.no_face} without a face, "
            f"{done.several_faces} with several, {done.poor_quality} with a face of poor quality, {done.uncertain} "
            f"with a score in between, {done.unreadable} with a photo that cannot be read"
        )
        sys.exit(2)
