"""`twinface cluster`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from twinface.cli.console import print_json, say
from twinface.cli.gallery_options import GalleryOptions
from twinface.cli.options import BEST, Json, ModelPlace, grouped
from twinface.core.formatting import count


@grouped
def cluster(
    which: GalleryOptions,
    photos: Annotated[Path, typer.Argument(help="A folder of photos, or a text file that lists them.")],
    out: Annotated[Path, typer.Option(help="The folder to write. An interrupted one is continued.")],
    model: ModelPlace = BEST,
    name: Annotated[
        list[str] | None,
        typer.Option(help="Enrol a group in the gallery: 0=Ann. Look at groups.html first."),
    ] = None,
    json: Json = False,
) -> None:
    """Group the faces of unnamed photos by person: a page to look at, a table, and with --name people of a gallery.

    Two faces of one photo are two people. Exit 2 if a photo could not be used.
    """
    from twinface.core.progress import progress_bar
    from twinface.recognition.embedding_folder import FAILED
    from twinface.recognition.gallery.photo_groups import EMBEDDINGS, GROUPS, PAGE, group_photos

    if name:
        _enroll(which, photos, out, model, name, json)
        return
    if which.gallery or which.key_file:
        raise typer.BadParameter("--gallery and --key-file go with --name: nobody is enrolled without it")
    with progress_bar("embedding") as progress:
        done = group_photos(photos, out, model, progress)
    if json:
        print_json(done.to_dict())
    else:
        faces, groups = count(len(done.faces), "face"), count(done.groups, "group")
        print(f"{faces} in {groups}, {done.single} of them of one face")
        print(f"look at {out / PAGE}; the table is {out / GROUPS}")
    if done.failed:
        say(f"{count(done.failed, 'photo')} could not be used: {out / EMBEDDINGS / FAILED} says why")
        sys.exit(2)


def _enroll(which: GalleryOptions, photos: Path, out: Path, model: str, names: list[str], json: bool) -> None:
    from twinface.recognition.gallery.gallery import Gallery
    from twinface.recognition.gallery.photo_groups import enroll_groups

    chosen: dict[int, str] = {}
    for text in names:
        group, _, called = text.partition("=")
        if not group.strip().isdecimal() or not called.strip():
            raise typer.BadParameter(f"--name {text}: need a group and a name, such as 0=Ann")
        if int(group) in chosen:
            raise typer.BadParameter(
                f"--name {text}: group {int(group)} is named {chosen[int(group)]} already"
            )
        chosen[int(group)] = called
    with Gallery(which.gallery, None if model == BEST else model, key=which.key_file) as gallery:
        done = enroll_groups(gallery, photos, out, chosen)
    if json:
        print_json([each.to_dict() for each in done])
    for each in done:
        taken = sum(photo.accepted for photo in each.photos)
        say("\n".join([f"{each.name}: {taken} of {len(each.photos)} faces enrolled", *each.notes]))
    sys.exit(0 if all(done) else 2)
