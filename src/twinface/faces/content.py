"""The content of a set of pictures as one checksum, remembered so that the files need not be read at every start.

`known/FINGERPRINT.txt` in the cache folder holds the content of some files. The fingerprint covers their names, sizes,
times and inodes. So a changed picture is noticed even if its size and modification time were put back, because the
system itself sets the time of the last status change (`ctime`). A change within the same tick of the file system's
clock, some milliseconds, is not noticed.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from twinface.core.errors import DataError, StorageError
from twinface.core.storage import write_text
from twinface.core.threads import map_in_order
from twinface.core.types import FaceSet
from twinface.faces.files import read_bytes


@dataclass(frozen=True)
class Content:
    """The content of a set of pictures.

    Attributes:
        sha256: the SHA-256 over the SHA-256 of each picture's bytes, as 64 hexadecimal digits.
        remembered_in: the file that holds it, or would hold it if the cache could be written.
    """

    sha256: str
    remembered_in: Path

    def forget(self) -> None:
        """Removes the remembered content, after it turned out to be wrong."""
        with contextlib.suppress(OSError):
            self.remembered_in.unlink()


def content_of(faces: FaceSet, cache: Path) -> Content:
    """The content of a set of pictures. The files are read only if it is not remembered.

    Args:
        faces: the pictures.
        cache: the cache folder.

    Raises:
        DataError: pictures are missing.
        ImageError: a picture cannot be read.
    """
    fingerprint = fingerprint_of(faces)
    known = cache / "known" / f"{fingerprint}.txt"
    content = _recall(known)
    if content is None:
        content = _read_all(faces)
        if fingerprint_of(faces) == fingerprint:
            # A cache that others fill may be read-only. Then the files are read at each start.
            with contextlib.suppress(StorageError):
                write_text(known, content)
    return Content(content, known)


def fingerprint_of(faces: FaceSet) -> str:
    """A checksum over everything about the files that is known without reading them, as 64 hexadecimal digits.

    Raises:
        DataError: pictures are missing.
    """
    root = faces.root.resolve()
    lines = [str(root)]
    missing = []
    for path in faces.paths:
        try:
            status = (root / path).stat()
        except (OSError, ValueError):
            missing.append(path)
            continue
        lines.append(f"{path}\0{status.st_size} {status.st_mtime_ns} {status.st_ctime_ns} {status.st_ino}")
    if missing:
        raise DataError(
            f"{faces.name}: {len(missing):,} of {len(faces):,} pictures are missing in {faces.root}, "
            f"the first is {missing[0]}: complete the folder or name another one"
        )
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


def _recall(known: Path) -> str | None:
    """The content in such a file, or None if there is none or it is damaged."""
    try:
        content = known.read_text()
    except (OSError, UnicodeDecodeError):
        return None
    return content if re.fullmatch("[0-9a-f]{64}", content) else None


def _read_all(faces: FaceSet) -> str:
    """The content, from the files."""
    content = hashlib.sha256()
    for digest in map_in_order(_digest_of, (faces.root / path for path in faces.paths)):
        content.update(digest)
    return content.hexdigest()


def _digest_of(path: Path) -> bytes:
    return hashlib.sha256(read_bytes(path)).digest()
