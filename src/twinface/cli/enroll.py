"""`twinface enroll`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from twinface.cli.console import print_json
from twinface.cli.gallery_options import ModelOptions
from twinface.cli.options import Json, grouped

if TYPE_CHECKING:
    from twinface.recognition.gallery.records import Enrolment


class ReviewChoice(StrEnum):
    """How much is refused."""

    OFF = "off"
    STANDARD = "standard"
    STRICT = "strict"


class EncryptionChoice(StrEnum):
    """What is sealed."""

    OFF = "off"
    TEMPLATES = "templates"
    ALL = "all"


@dataclass(frozen=True)
class NewGalleryOptions:
    """Settings of a gallery that is made now."""

    encrypt: Annotated[
        EncryptionChoice | None,
        typer.Option(
            help="For a new gallery: seal templates, or names too (all); the default where there is a key."
        ),
    ] = None
    keep_crops: Annotated[
        bool,
        typer.Option("--keep-crops", help="For a new gallery: keep the faces, to change the model later."),
    ] = False


@grouped
def enroll(
    which: ModelOptions,
    new: NewGalleryOptions,
    name: Annotated[str, typer.Argument(help="Of the person: new, or in the gallery already.")],
    photos: Annotated[list[Path], typer.Argument(help="Photos of this person.")],
    review: Annotated[
        ReviewChoice, typer.Option(help="How much is refused: nothing, poor photos, or whatever is doubtful.")
    ] = ReviewChoice.STANDARD,
    json: Json = False,
) -> None:
    """Enrol photos of a person in a gallery, which is made if there is none. Exit 0 enrolled, 2 no photo was taken.

    Each photo is taken or refused with a reason. What it says is enrolled is on the disk.
    """
    from twinface.recognition.gallery.contents import GallerySettings

    settings = GallerySettings(
        encryption=new.encrypt.value if new.encrypt else None, keep_crops=new.keep_crops
    )
    with which.open_with_model(create=settings) as gallery:
        result = gallery.enroll(name, *photos, review=review.value)
    if json:
        print_json(result.to_dict())
    else:
        print("\n".join(_lines(result)))
    sys.exit(0 if result else 2)


def _lines(result: Enrolment) -> Iterator[str]:
    for photo in result.photos:
        reasons = f": {'; '.join(photo.reasons)}" if photo.reasons else ""
        yield f"{photo.photo}: {'enrolled' if photo.accepted else 'refused'}{reasons}"
    yield from result.notes
    taken = sum(photo.accepted for photo in result.photos)
    state = "new" if result.is_new else "not in the gallery" if result.id is None else "was there before"
    yield f"{result.name}: {taken} of {len(result.photos)} photos enrolled ({state})"
