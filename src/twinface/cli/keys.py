"""`twinface keys`: who may call the service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, cast

import typer

from twinface.cli.console import print_json, say
from twinface.cli.gallery_options import GalleryOptions
from twinface.cli.options import Json, grouped
from twinface.core.formatting import count

if TYPE_CHECKING:
    from twinface.recognition.gallery.tables import GalleryTables
    from twinface.service.keys import KeyTable, Scope

app = typer.Typer(help="Make, list and revoke the API keys of `twinface serve`.", no_args_is_help=True)


def _table(gallery: GalleryTables) -> KeyTable:
    from twinface.recognition.gallery.sql_store import sql_tables
    from twinface.service.keys import KeyTable

    return KeyTable(sql_tables(gallery.store))


@app.command()
@grouped
def make(
    which: GalleryOptions,
    label: Annotated[str, typer.Argument(help="Who or what uses it.")],
    scope: Annotated[
        str, typer.Option(help="read, enrol (change people too) or admin (everything).")
    ] = "read",
    json: Json = False,
) -> None:
    """Make a key. It is shown once: the gallery holds a hash of it."""
    with which.open(create=True) as gallery:
        place, is_empty = gallery.store.place, not len(gallery)
        key, text = _table(gallery).make(label, cast("Scope", scope))
    if json:
        print_json({**key.to_dict(), "key": text})
    else:
        print(text)
        say(f"key {key.id} for {key.label}, scope {key.scope}: keep it, it is not shown again")
        say(f"it is for the service of {place}{', where nobody is enrolled yet' if is_empty else ''}")


@app.command("list")
@grouped
def list_(which: GalleryOptions, json: Json = False) -> None:
    """List the keys, revoked ones too."""
    with which.open() as gallery:
        found = _table(gallery).every()
    if json:
        print_json([key.to_dict() for key in found])
        return
    for key in found:
        state = f"revoked {key.revoked[:10]}" if key.revoked else f"since {key.created[:10]}"
        print(f"{key.id}  {key.scope:<6} {state:<18} {key.label}")
    say(count(len(found), "key"))


@app.command()
@grouped
def revoke(
    which: GalleryOptions,
    id: Annotated[str, typer.Argument(help="The key's id, see `twinface keys list`.")],
    json: Json = False,
) -> None:
    """Make a key useless, within a second. Once the last one is revoked, nobody can call until a new one is made."""
    with which.open() as gallery:
        table = _table(gallery)
        key, is_last = table.revoke(id), not table.has_active()
    print_json(key.to_dict()) if json else print(f"{key.id} ({key.label}) is revoked")
    if is_last:
        say(
            "no key is left: nobody can call the service until `twinface keys make LABEL` makes one for this gallery"
        )
