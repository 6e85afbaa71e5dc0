"""The entries of a folder of one's own: which of them are seen, and which are pictures."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from twinface.core.errors import DataError
from twinface.core.formatting import one_line
from twinface.faces.extra_formats import extra_suffixes

log = logging.getLogger("twinface")

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


LeaveOut = Callable[[str, str], object]  # called with a path relative to the root, and why it cannot be read


def _warn(path: str, why: str) -> None:
    log.warning("%s: left out, because it cannot be read (%s)", one_line(path), why)


def visible(
    root: Path, folder: Path | None = None, leave_out: LeaveOut = _warn
) -> Iterator[os.DirEntry[str]]:
    """The entries of `folder` (None for `root`), without hidden ones and links that are broken or lead out of `root`.

    Args:
        root: the folder as a whole.
        folder: in it.
        leave_out: called where the user may not read `folder`, or what a link leads to.

    Raises:
        DataError: `root` cannot be read; or `folder` cannot, for a reason that may pass, such as too many open files.
    """
    place = folder or root
    try:
        with os.scandir(place) as entries:
            for entry in entries:
                if not entry.name.startswith(".") and _is_followed(entry, root, leave_out):
                    yield entry
    except OSError as error:
        if place == root or not isinstance(error, PermissionError):
            raise DataError(f"{place}: the folder cannot be read ({error.strerror})") from error
        leave_out(str(place.relative_to(root)), error.strerror or "")


def _is_followed(entry: os.DirEntry[str], root: Path, leave_out: LeaveOut) -> bool:
    """Whether an entry is no link, or a link to something within the root."""
    path = Path(entry.path)
    if not entry.is_symlink():
        return True
    try:
        return path.exists() and not leads_out(path, root)
    except PermissionError as error:
        leave_out(str(path.relative_to(root)), error.strerror or "")
        return False


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
