"""`twinface gallery …`: a gallery as a whole, and corrections of its answers."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from twinface.cli.console import print_json, say
from twinface.cli.gallery_options import GalleryOptions, ModelOptions, Name
from twinface.cli.options import Json, grouped
from twinface.core.errors import SettingsError
from twinface.core.formatting import brief, count

app = typer.Typer(
    help="A gallery as a whole: what it holds, backups, keys, corrections.", no_args_is_help=True
)
FaceNumber = Annotated[
    int | None, typer.Option(help="Which face of the photo; the largest is number 1.", min=1)
]
Photo = Annotated[Path, typer.Argument(help="A photo.")]


@app.command("stats")
@grouped
def stats(which: GalleryOptions, json: Json = False) -> None:
    """Say how much a gallery holds, and with which model and settings it was made."""
    with which.open() as gallery:
        found = gallery.stats().to_dict()
    if json:
        print_json(found)
    else:
        print("\n".join(f"{name.replace('_', ' ')}: {value}" for name, value in found.items()))


@app.command("check")
@grouped
def check(which: GalleryOptions, json: Json = False) -> None:
    """Check a gallery's tables: exit 0 sound, 2 damaged."""
    with which.open() as gallery:
        found = gallery.check()
    print_json(found) if json else print("\n".join(found or ["sound"]))
    sys.exit(2 if found else 0)


@app.command("audit")
@grouped
def audit(
    which: GalleryOptions,
    after: Annotated[int, typer.Option(help="Go on after this line.", min=0)] = 0,
    limit: Annotated[int, typer.Option(help="List so many lines at most.", min=1)] = 1000,
    json: Json = False,
) -> None:
    """List what was done; people stand there as random numbers."""
    with which.open() as gallery:
        found = gallery.audit(after, limit)
    if json:
        print_json([vars(entry) for entry in found])
    else:
        for entry in found:
            print(f"{entry.id:>6}  {entry.at}  {entry.what:<10}  {entry.who}  {entry.detail}".rstrip())


@app.command("backup")
@grouped
def backup(
    which: GalleryOptions,
    target: Annotated[Path, typer.Argument(help="The file to write; an older one is replaced.")],
) -> None:
    """Write a copy of a gallery to a file. An encrypted gallery's copy is as encrypted, under the same key."""
    with which.open() as gallery:
        gallery.backup(target)
    say(f"{target}: written")


@app.command("export")
@grouped
def export(
    which: GalleryOptions,
    target: Annotated[Path, typer.Argument(help="The file to write; an older one is replaced.")],
    json: Json = False,
) -> None:
    """Write all people with their embeddings to a file of JSON lines. It is not encrypted."""
    from twinface.core.progress import progress_bar

    with which.open() as gallery, progress_bar("exporting", unit="person") as progress:
        people = gallery.export(target, progress)
    print_json({"people": people}) if json else say(f"{target}: {count(people, 'person')}, in the clear")


@app.command("import")
@grouped
def import_(
    which: GalleryOptions,
    source: Annotated[Path, typer.Argument(help="A file that `twinface gallery export` wrote.")],
    json: Json = False,
) -> None:
    """Add the people of an export to a gallery, which is made if there is none; names that are taken are left out."""
    from twinface.core.progress import progress_bar

    with which.open(create=True) as gallery, progress_bar("importing", unit="person") as progress:
        done = gallery.import_people(source, progress)
    print_json(vars(done)) if json else say(f"{count(done.people, 'person')} added, {done.skipped} left out")


@app.command("copy")
def copy(
    source: Annotated[str, typer.Argument(help="A gallery: a file or a URL.")],
    target: Annotated[str, typer.Argument(help="Another one; is made if there is none.")],
    source_key: Annotated[Path | None, typer.Option(help="The key file of the first one.")] = None,
    target_key: Annotated[Path | None, typer.Option(help="The key file of the second one.")] = None,
    json: Json = False,
) -> None:
    """Copy all people from one gallery into another, of any kind; names that are taken are left out."""
    from twinface.core.progress import progress_bar
    from twinface.recognition.gallery.tables import GalleryTables

    with (
        GalleryTables(source, key=source_key, create=False) as first,
        GalleryTables(target, key=target_key) as second,
        progress_bar("copying", unit="person") as progress,
    ):
        done = first.copy_to(second, progress)
    print_json(vars(done)) if json else say(f"{count(done.people, 'person')} added, {done.skipped} left out")


@app.command("certify")
@grouped
def certify(
    which: ModelOptions,
    out: Annotated[Path | None, typer.Option(help="The page to write (.html).")] = None,
    fpir: Annotated[float, typer.Option(help="How many strangers may be taken for somebody.")] = 1e-2,
    traffic: Annotated[float, typer.Option(help="Strangers a day.", min=0)] = 1000,
    json: Json = False,
) -> None:
    """Measure how good a gallery is with its model, on its own people: error rates, look-alikes, poor faces."""
    from twinface.core.progress import progress_bar
    from twinface.core.storage import write_text
    from twinface.recognition.gallery.certificate_page import certificate_page

    if out is not None and out.suffix.lower() != ".html":
        raise SettingsError(f"--out {out}: the name of the page has to end in .html")
    with which.open_with_model() as gallery, progress_bar("measuring", unit="person") as progress:
        found = gallery.certify(fpir, traffic, progress)
    if out is not None:
        write_text(out, certificate_page(found))
        say(f"written: {out}")
    if json:
        print_json(found.to_dict())
        return
    print(f"{found.people} people, {found.faces} faces, model {found.model}; threshold {found.threshold:.3f}")
    for what, rate in (
        ("strangers taken for somebody", found.strangers),
        ("own people missed", found.missed),
    ):
        print(f"{what}: " + ("not measured" if rate is None else f"{rate.value:.4f} {rate.interval}"))
    low, high = found.false_alarms[1:]
    print(
        f"false alarms a day at {traffic:g} strangers: {brief(found.false_alarms[0])} [{brief(low)}, {brief(high)}]"
    )
    for pair in found.alike[:5]:
        print(f"alike: {pair.first} and {pair.second}, score {pair.score:.3f}")
    print(f"fewer than two faces: {len(found.few_faces)}; no good face: {len(found.poor_faces)}")


@app.command("re-embed")
@grouped
def re_embed(
    which: ModelOptions,
    leave_out: Annotated[
        bool, typer.Option("--leave-out", help="Finish even if people would be left without a face.")
    ] = False,
    json: Json = False,
) -> None:
    """Move a gallery to another --model, from the crops that were kept: exit 0 done, 1 people must be photographed.

    The old embeddings serve until all new ones are there. A stopped call goes on when it is repeated.
    """
    from twinface.core.progress import progress_bar
    from twinface.recognition.gallery.gallery import Gallery

    if which.model is None:
        raise typer.BadParameter("need --model, the one to move to")
    with (
        Gallery(which.gallery, key=which.key_file, create=False, aligned=which.aligned) as gallery,
        progress_bar("embedding", unit="face") as progress,
    ):
        done = gallery.reembed(which.model, leave_out=leave_out, progress=progress)
    if json:
        print_json(done.to_dict())
    else:
        print("\n".join(f"to be photographed again: {name}" for name in done.photograph_again))
        state = (
            "the gallery is of the new model now"
            if done.is_finished
            else "not finished; the old model serves"
        )
        say(f"{done.faces} faces embedded, {done.lost} without a crop: {state}")
    sys.exit(0 if done.is_finished else 1)


@app.command("scrub")
@grouped
def scrub(which: GalleryOptions) -> None:
    """Erase what was deleted, where an earlier command could not because another process held the files."""
    with which.open() as gallery:
        gallery.scrub()
    say("done")


@app.command("key")
def key(target: Annotated[Path, typer.Argument(help="The key file to make.")]) -> None:
    """Make a key file for an encrypted gallery. Who loses it loses the gallery."""
    from twinface.recognition.gallery.key import write_key_file

    write_key_file(target)
    say(f"{target}: written; keep a copy in a safe place, and apart from the gallery's backups")


@app.command("change-key")
@grouped
def change_key(
    which: GalleryOptions,
    new_key_file: Annotated[Path, typer.Argument(help="The new key file, made by `twinface gallery key`.")],
) -> None:
    """Seal an encrypted gallery under another key. Backups stay under the old one."""
    with which.open() as gallery:
        gallery.change_key(new_key_file)
    say("the gallery opens with the new key from now on")


@app.command("confirm")
@grouped
def confirm(
    which: ModelOptions, name: Name, photo: Photo, face: FaceNumber = None, json: Json = False
) -> None:
    """Say that a face is a person: it is enrolled, and found from now on."""
    with which.open_with_model() as gallery:
        person = gallery.confirm(name, photo, face)
    said = f"remembered: this is {person.name}, who has {count(person.faces, 'face')} now"
    print_json(person.to_dict()) if json else say(said)


@app.command("reject")
@grouped
def reject(
    which: ModelOptions, name: Name, photo: Photo, face: FaceNumber = None, json: Json = False
) -> None:
    """Say that a face is not a person, who is then not found on it, nor on faces more like it than like the person."""
    with which.open_with_model() as gallery:
        person = gallery.reject(name, photo, face)
    print_json(person.to_dict()) if json else say(f"remembered: this is not {person.name}")


@app.command("move")
@grouped
def move(
    which: GalleryOptions,
    face: Annotated[int, typer.Argument(help="The number of an enrolled face, see `twinface show`.")],
    name: Name,
    to: Annotated[str, typer.Argument(help="Whose face it is in truth.")],
    json: Json = False,
) -> None:
    """Give an enrolled face to another person, and remember that it is not the first one."""
    with which.open() as gallery:
        first, second = gallery.move(face, name, to)
    if json:
        print_json([first.to_dict(), second.to_dict()])
    else:
        say(f"{first.name} has {count(first.faces, 'face')} now, {second.name} has {second.faces}")
