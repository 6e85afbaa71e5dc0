"""The entries of a folder of one's own: which of them are seen, and which are pictures."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from twinface.core.errors import DataError
from twinface.faces.extra_formats import extra_suffixes

PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".pgm", ".ppm")
# Of pictures that are not read, or only by a program that adds their format.
_OTHER_SUFFIXES = (
    ".heic",
    ".heif",
    ".avif",
    ".gif",
    ".tif",
    ".tiff",
    ".dng",
    ".nef",
    ".cr2",
    ".arw",
    ".svg",
    ".jfif",
)


def visible(root: Path, folder: Path | None = None) -> Iterator[os.DirEntry[str]]:
    """The entries of `folder` (None for `root`), without hidden ones and links that are broken or lead out of `root`.

    Raises:
        DataError: the folder cannot be read.
    """
    try:
        with os.scandir(folder or root) as entries:
            for entry in entries:
                path = Path(entry.path)
                followed = not entry.is_symlink() or (path.exists() and not leads_out(path, root))
                if followed and not entry.name.startswith("."):
                    yield entry
    except OSError as error:
        raise DataError(f"{folder or root}: the folder cannot be read ({error.strerror})") from error


def leads_out(path: Path, root: Path) -> bool:
    """Whether `path`, with all links followed, is outside `root`."""
    # Path.resolve would raise an error where links form a loop.
    return not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(root))


def is_picture(name: str) -> bool:
    """Whether a file's name has the suffix of a picture."""
    return name.lower().endswith(PICTURE_SUFFIXES)


def can_be_read(name: str) -> bool:
    """Whether a file's name has the suffix of a picture in a format that this program reads."""
    return is_picture(name) or name.lower().endswith(extra_suffixes())


def is_image(name: str) -> bool:
    """Whether a file's name has the suffix of a picture, in a format that is read or not."""
    return is_picture(name) or name.lower().endswith(_OTHER_SUFFIXES)
