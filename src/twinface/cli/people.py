"""`twinface people`, `show`, `rename`, `merge`, `split` and `forget`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from twinface.cli.console import print_json, say
from twinface.cli.gallery_options import GalleryOptions, ModelOptions, Name
from twinface.cli.options import Json, grouped
from twinface.core.formatting import count

if TYPE_CHECKING:
    from twinface.recognition.gallery.records import PersonDetails


@grouped
def people(
    which: GalleryOptions,
    after: Annotated[int, typer.Option(help="Go on after the person with this number.", min=0)] = 0,
    limit: Annotated[int | None, typer.Option(help="List so many at most; else all.", min=1)] = None,
    json: Json = False,
) -> None:
    """List the people of a gallery, in the order in which they were enrolled."""
    with which.open() as gallery:
        found = gallery.people(after, limit) if limit else tuple(gallery.every(after))
    if json:
        print_json([person.to_dict() for person in found])
        return
    for person in found:
        print(f"{person.id:>6}  {person.name}  ({count(person.faces, 'face')}, since {person.created[:10]})")
    say(count(len(found), "person"))


@grouped
def show(which: ModelOptions, name: Name, json: Json = False) -> None:
    """Show a person: faces with their quality, look-alikes, and what was corrected."""
    with which.open_with_model() as gallery:
        details = gallery.show(name)
    if json:
        print_json(details.to_dict())
    else:
        print("\n".join(_lines(details)))


@grouped
def rename(
    which: GalleryOptions,
    name: Name,
    new_name: Annotated[str, typer.Argument(help="The new name.")],
    json: Json = False,
) -> None:
    """Give a person another name; the old one is erased from the gallery's files."""
    with which.open() as gallery:
        person = gallery.rename(name, new_name)
    print_json(person.to_dict()) if json else print(f"{name} is {person.name} now")


@grouped
def merge(
    which: GalleryOptions,
    name: Name,
    other: Annotated[str, typer.Argument(help="The person whose faces go to the first one.")],
    json: Json = False,
) -> None:
    """Make two people one, who has the first one's name."""
    with which.open() as gallery:
        person = gallery.merge(name, other)
    print_json(person.to_dict()) if json else print(f"{person.name} has {count(person.faces, 'face')} now")


@grouped
def split(
    which: ModelOptions,
    name: Name,
    new_name: Annotated[str, typer.Argument(help="Of the second person.")],
    faces: Annotated[
        str | None,
        typer.Option(help="Numbers of faces for the second person: 3,5 (see `show`); else by likeness."),
    ] = None,
    json: Json = False,
) -> None:
    """Make two people of one."""
    numbers = None
    if faces is not None:
        try:
            numbers = [int(number) for number in faces.split(",")]
        except ValueError:
            raise typer.BadParameter(
                f"--faces {faces}: need numbers with commas between, such as 3,5"
            ) from None
    with which.open_with_model() as gallery:
        both = gallery.split(name, new_name, numbers)
    if json:
        print_json([person.to_dict() for person in both])
    else:
        print("\n".join(f"{person.name}: {count(person.faces, 'face')}" for person in both))


@grouped
def forget(
    which: GalleryOptions,
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    json: Json = False,
) -> None:
    """Remove a person with everything that belongs to them, from every file of the gallery.

    It asks on a terminal; elsewhere it needs --yes. Backups that were made before still have the person, and so have
    the results of jobs, until the job is deleted.
    """
    with which.open() as gallery:
        person = gallery.contents.find(name)
        if not yes and not _is_sure(gallery.contents.name_of(person)):
            say("nothing was changed")
            sys.exit(2)
        gallery.forget(person.id)  # somebody else may have the name by now
    print_json({"forgotten": True}) if json else print("forgotten")


def _is_sure(name: str) -> bool:
    if not sys.stdin.isatty():
        raise typer.BadParameter("this cannot be undone: call it with --yes")
    say(f"Forget {name} for good? Type yes:")
    return sys.stdin.readline().strip().lower() == "yes"


def _lines(details: PersonDetails) -> Iterator[str]:
    person = details.person
    yield f"{person.name} (number {person.id}), since {person.created}"
    for face in details.faces:
        yield f"  face {face.id}: quality {face.quality}, since {face.created}{', kept' if face.has_crop else ''}"
    if details.confirmed or details.rejected:
        yield f"  corrections: {details.confirmed} confirmed, {details.rejected} rejected"
    for other in details.look_alikes:
        rate = "" if other.rate is None else f", about {100 * other.rate:.1f} of 100 photos confused"
        yield f"  {'scores as the same person as' if other.same_person else 'looks like'} {other.name}{rate}"
