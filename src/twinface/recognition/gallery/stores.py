"""Opens a gallery's store: a file, or a database by its URL."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from twinface.core.errors import GalleryError
from twinface.recognition.gallery.store import Store

GALLERY_VARIABLE = "TWINFACE_GALLERY"


def default_place() -> str:
    """Where the gallery is if nobody says: `TWINFACE_GALLERY`, else a file in this user's data folder."""
    if chosen := os.environ.get(GALLERY_VARIABLE):
        return chosen
    import platformdirs

    return str(Path(platformdirs.user_data_dir("twinface")) / "gallery.db")


def open_store(place: str | Path, create: bool = True) -> Store:
    """The store at a place.

    Args:
        place: the path of a file; or a URL, whose first part is one of `STORES`.
        create: make it if it is not there.

    Raises:
        GalleryError: there is none, or no store for such a URL.
        StorageError: it cannot be opened, or is damaged.
    """
    text = str(place)
    scheme = text.partition("://")[0] if "://" in text else ""
    if scheme not in STORES:
        raise GalleryError(
            f"{scheme}://…: found no store for such a URL, need a file or one of {', '.join(filter(None, STORES))}"
        )
    return STORES[scheme](text, create)


def _sqlite(place: str, create: bool) -> Store:
    from twinface.recognition.gallery.sqlite import SqliteStore

    file = Path(place.removeprefix("sqlite://")).expanduser()
    if not create and not file.exists():
        raise GalleryError(f"{file}: found no gallery there: `twinface enroll NAME PHOTO` makes one")
    return SqliteStore(file)


def _postgres(place: str, create: bool) -> Store:
    from twinface.recognition.gallery.postgres import PostgresStore

    return PostgresStore(place, create)


# The first part of a URL → how it is opened. A path has none.
STORES: dict[str, Callable[[str, bool], Store]] = {
    "": _sqlite,
    "sqlite": _sqlite,
    "postgresql": _postgres,
    "postgres": _postgres,
}
