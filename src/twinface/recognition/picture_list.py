"""The picture files of a folder, or those that a text file names."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from twinface.core.errors import DataError
from twinface.datasets.entries import can_be_read, is_image, visible


def list_pictures(source: Path) -> Iterator[str]:
    """Yield the paths of picture files, relative to the folder or to the text file's folder.

    Args:
        source: a folder, which is searched with all its subfolders, in an order that does not depend on the file
            system; hidden files and links that lead out of it are left out, and so is, with a warning, what this user
            may not read. Or a text file with one path per line, UTF-8 with or without a byte order mark. Blanks at a
            line's end count only where there is a picture of that name.

    Raises:
        DataError: the folder or the text file cannot be read, is a photo, or names a picture outside its own folder. A
            list may come from anybody, and must not choose which files of this machine are opened.
    """
    if source.is_dir():
        yield from _search(source, source)
        return
    if is_image(source.name) and source.is_file():
        raise DataError(f"{source}: is a photo; need a folder or a text file with one path a line")
    root = os.path.realpath(source.parent)
    try:
        with source.open(encoding="utf-8-sig", errors="surrogateescape") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    name = line.rstrip("\r\n")
                    name = name if os.path.exists(os.path.join(root, name)) else name.rstrip()  # noqa: PTH110, PTH118
                    _refuse_outside(root, name, f"{source} line {number}")
                    yield name
    except OSError as error:
        raise DataError(
            f"{source}: cannot be read ({error.strerror}); need a folder or a list of pictures"
        ) from error


def _refuse_outside(root: str, name: str, where: str) -> None:
    """Refuses a path that leads out of `root`, links followed. An absolute path that stays inside is as good."""
    try:
        inside = os.path.realpath(os.path.join(root, name)).startswith(os.path.join(root, ""))  # noqa: PTH118
    except ValueError:  # a zero byte
        inside = False
    if not inside:
        raise DataError(
            f"{where}: {name!r} is outside of the list's folder, {root}: put the list into a folder that holds all "
            "its pictures"
        )


def write_list(source: Path, write: Callable[[bytes], object]) -> tuple[int, str]:
    """Write the paths of picture files, one per line.

    Args:
        source: see `list_pictures`.
        write: called with each line.

    Returns:
        How many pictures there are, and the SHA-256 of all lines.

    Raises:
        DataError: there is no picture, a name has a line break in it, or `source` cannot be read.
    """
    count, checksum = 0, hashlib.sha256()
    for picture in list_pictures(source):
        line = os.fsencode(picture) + b"\n"
        if b"\n" in line[:-1]:
            raise DataError(f"{source}: the name {picture!r} has a line break in it: rename it")
        write(line)
        checksum.update(line)
        count += 1
    if not count:
        raise DataError(
            f"{source}: no pictures, need a folder that holds some, or a text file that names one per line"
        )
    return count, checksum.hexdigest()


def _search(root: Path, folder: Path) -> Iterator[str]:
    entries = sorted((entry.name, entry.is_dir()) for entry in visible(root, folder))
    for name, is_folder in entries:
        path = folder / name
        if is_folder and not path.is_symlink():
            yield from _search(root, path)
        elif not is_folder and can_be_read(name):
            yield str(path.relative_to(root))
