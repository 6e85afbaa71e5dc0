"""Unpacks a downloaded archive of LFW, completely or not at all, and never outside its folder."""

from __future__ import annotations

import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from twinface.core.errors import DataError
from twinface.datasets.lfw.home import picture_folders

MOST_MEMBERS = 50_000
MOST_BYTES = 1 << 30


def unpack(archive: Path, root: Path, layout: str) -> Path:
    """Unpacks a tar archive of LFW below `root`, completely or not at all.

    Args:
        archive: the .tgz file.
        root: the folder to unpack it into.
        layout: the alignment that it has to hold, a key of `LAYOUTS`.

    Returns:
        The picture folder.

    Raises:
        DataError: the archive is damaged, holds links, devices, names that lead out of the folder, more than
            `MOST_MEMBERS` files or more than `MOST_BYTES` bytes, or does not hold this layout.
    """
    with tempfile.TemporaryDirectory(dir=root, prefix=".unpacking-") as temporary:
        try:
            with tarfile.open(archive, "r:gz") as tar:
                tar.extractall(temporary, members=_checked(tar, archive), filter="data")
        except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
            raise DataError(
                f"{archive}: it cannot be unpacked ({error}): free some space or fetch it again"
            ) from error
        found = picture_folders(Path(temporary)).get(layout)
        if found is None:
            raise DataError(f"{archive}: it holds no pictures of the layout {layout}")
        target = root / found.name
        try:
            return found.rename(target)
        except OSError as error:
            raise DataError(f"{target}: it is there but holds no pictures: move it away") from error


def _checked(tar: tarfile.TarFile, archive: Path) -> Iterator[tarfile.TarInfo]:
    """The members of an archive, as long as they are safe."""
    total = 0
    for count, member in enumerate(tar, start=1):
        total += member.size
        path = PurePosixPath(member.name)
        if path.is_absolute() or ".." in path.parts or "\\" in member.name:
            raise DataError(
                f"{archive}: it is unsafe, {member.name!r} leaves the folder: nothing was unpacked"
            )
        if not (member.isreg() or member.isdir()):
            raise DataError(
                f"{archive}: it is unsafe, {member.name!r} is no plain file: nothing was unpacked"
            )
        if count > MOST_MEMBERS or total > MOST_BYTES:
            raise DataError(
                f"{archive}: it is unsafe, more than {MOST_MEMBERS} files or {MOST_BYTES >> 20} MiB: nothing "
                "was unpacked"
            )
        yield member
