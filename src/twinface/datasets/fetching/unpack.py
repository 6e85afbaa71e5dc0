"""Unpacks a downloaded archive of LFW, completely or not at all, and never outside its folder."""

from __future__ import annotations

import gzip
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from twinface.core.errors import DataError
from twinface.datasets.lfw.home import picture_folders

MOST_MEMBERS = 50_000
MOST_BYTES = 1 << 30
MOST_HEADER_BYTES = 1 << 16  # of one member; LFW's have 512
LONGEST_NAME = 255


def unpack(archive: Path, root: Path, layout: str) -> Path:
    """Unpacks a tar archive of LFW below `root`, completely or not at all.

    Args:
        archive: the .tgz file.
        root: the folder to unpack it into.
        layout: the alignment that it has to hold, a key of `LAYOUTS`.

    Returns:
        The picture folder.

    Raises:
        DataError: the archive is damaged, holds links, devices, names that lead out of the folder or are longer than
            `LONGEST_NAME`, headers of more than `MOST_HEADER_BYTES`, more than `MOST_MEMBERS` files or more than
            `MOST_BYTES` bytes, or does not hold this layout.
    """
    with tempfile.TemporaryDirectory(dir=root, prefix=".unpacking-") as temporary:
        try:
            with (
                _BoundedHeaders(archive, "rb") as unzipped,
                tarfile.open(fileobj=unzipped, mode="r:") as tar,
            ):
                tar.extractall(temporary, members=_checked(tar, unzipped, archive), filter="data")
        # RecursionError: tarfile calls itself for each header before a member.
        except (tarfile.TarError, EOFError, zlib.error, OSError, RecursionError) as error:
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


class _BoundedHeaders(gzip.GzipFile):
    """An unzipped archive of which headers of limited length can be read.

    tarfile reads a header as a whole. A few hundred kilobytes of archive can hold one of gigabytes.

    Attributes:
        left: how many bytes of headers may still be read before the next member; None while a file is unpacked.
    """

    left: int | None = MOST_HEADER_BYTES

    def read(self, size: int | None = -1) -> bytes:
        """See `gzip.GzipFile.read`.

        Raises:
            tarfile.ReadError: the headers before a member are too long.
        """
        if self.left is not None:
            if size is None or not 0 <= size <= self.left:
                raise tarfile.ReadError(f"a header of more than {MOST_HEADER_BYTES:,} bytes")
            self.left -= size
        return super().read(size)


def _checked(tar: tarfile.TarFile, unzipped: _BoundedHeaders, archive: Path) -> Iterator[tarfile.TarInfo]:
    """The members of an archive, as long as they are safe."""
    total = 0
    for count, member in enumerate(tar, start=1):
        total += member.size
        problem = _problem(member)
        if count > MOST_MEMBERS or total > MOST_BYTES:
            problem = f"more than {MOST_MEMBERS} files or {MOST_BYTES >> 20} MiB"
        if problem:
            raise DataError(f"{archive}: it is unsafe, {problem}: nothing was unpacked")
        member.pax_headers = {}  # the tar file keeps its members
        unzipped.left = None
        yield member
        unzipped.left = MOST_HEADER_BYTES


def _problem(member: tarfile.TarInfo) -> str | None:
    """What is unsafe about a member, or None."""
    # Names and numbers of folders in it are limited, because Python's own functions make and remove nested folders by
    # calling themselves.
    if len(member.name) > LONGEST_NAME:
        return f"the name {member.name[:40]!r}… has {len(member.name):,} characters, need at most {LONGEST_NAME:,}"
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts or "\\" in member.name:
        return f"{member.name!r} leaves the folder"
    if not (member.isreg() or member.isdir()) or member.issparse():
        return f"{member.name!r} is no plain file"
    return None
