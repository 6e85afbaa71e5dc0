"""Prepared faces as one memory-mapped array, so that pictures are decoded once and not at every start.

The cache is a folder with two kinds of file:

* `prepared/KEY.u8` is the faces themselves, N x H x W x C bytes and nothing else. KEY stands for the
  bytes of all the pictures and for the preparation, so an entry never becomes stale.
* `known/FINGERPRINT.txt` remembers what the bytes of some files added up to, under a fingerprint of
  their names, sizes, times and inodes, so that the files need not be read to find their entry.

So a changed picture is noticed even where its size and modification time were put back: the system
sets the time of the last status change (`ctime`) itself. Not noticed is a change within the same tick
of the file system's clock, some milliseconds, and a change of an entry's bytes that keeps its size.
Nothing is ever removed except what an interrupted run left; the folder may be deleted at any time.
"""

from __future__ import annotations

import contextlib
import hashlib
import math
import os
import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import platformdirs

from twinface.core.errors import DataError, StorageError
from twinface.core.storage import new_file, remove_leftovers, write_text
from twinface.core.threads import map_in_order
from twinface.core.types import ByteArray, FaceSet, ProgressCallback
from twinface.faces.crop import prepare
from twinface.faces.decode import decode
from twinface.faces.files import read_bytes
from twinface.faces.preparation import Preparation


@dataclass(frozen=True, eq=False)
class PreparedFaces:
    """The pictures of a `FaceSet`, ready for a network.

    Attributes:
        images: [N, H, W, C] uint8, memory-mapped and read-only, in the order of the set's `paths`.
        content: what a run records as its data: the SHA-256 over the SHA-256 of each picture's bytes.
        preparation: how the pictures were prepared.
    """

    images: ByteArray
    content: str
    preparation: Preparation

    def __len__(self) -> int:
        return len(self.images)


def cache_folder() -> Path:
    """Where prepared faces are kept: `TWINFACE_CACHE`, or this user's usual folder for caches."""
    chosen = os.environ.get("TWINFACE_CACHE")
    return Path(chosen).expanduser() if chosen else Path(platformdirs.user_cache_dir("twinface"))


def prepare_faces(
    faces: FaceSet,
    preparation: Preparation,
    *,
    cache: Path | None = None,
    progress: ProgressCallback | None = None,
) -> PreparedFaces:
    """Prepares every picture of a set, or opens what was prepared before.

    Several processes may do so at once: each writes a file of its own, and any of them can take the
    entry's name, since all are the same.

    Args:
        faces: the pictures.
        preparation: what to make of them.
        cache: the folder to keep the result in; None means `cache_folder()`.
        progress: called with (pictures done, pictures in all) while pictures are prepared, and not
            at all when they were prepared before.

    Raises:
        DataError: there are no pictures, some are missing, or they changed while they were read.
        ImageError: a picture cannot be read; its name is in the message.
        StorageError: the cache cannot be written.
    """
    if not len(faces):
        raise DataError(f"{faces.name}: no pictures, need at least one")
    cache = cache_folder() if cache is None else Path(cache)
    known = cache / "known" / f"{_fingerprint(faces)}.txt"
    content = _recall(known) or _learn(faces, known)
    entry = cache / "prepared" / f"{_entry_key(content, preparation)}.u8"
    shape = (len(faces), preparation.height, preparation.width, preparation.channels)
    images = _open_entry(entry, shape)
    if images is None:
        try:
            _write_entry(entry, faces, preparation, content, progress)
        except DataError:
            with contextlib.suppress(OSError):
                known.unlink()  # or the same wrong content would be expected for ever
            raise
        images = _open_entry(entry, shape)
    if images is None:
        raise StorageError(
            f"{entry}: was written and cannot be opened: check the disk, or set TWINFACE_CACHE"
        )
    return PreparedFaces(images, content, preparation)


def _fingerprint(faces: FaceSet) -> str:
    """What can be known of the files without reading them, as 64 hexadecimal digits."""
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
    """The content that is known under a fingerprint, or None."""
    try:
        content = known.read_text()
    except (OSError, UnicodeDecodeError):
        return None
    return content if re.fullmatch("[0-9a-f]{64}", content) else None


def _learn(faces: FaceSet, known: Path) -> str:
    """Reads all the files for their content, and remembers it unless they changed meanwhile."""
    content = _content_of(faces)
    if f"{_fingerprint(faces)}.txt" == known.name:
        # A cache that others fill may be read-only; then the files are read at each start.
        with contextlib.suppress(StorageError):
            write_text(known, content)
    return content


def _content_of(faces: FaceSet) -> str:
    content = hashlib.sha256()
    for digest in map_in_order(_digest_of, (faces.root / path for path in faces.paths)):
        content.update(digest)
    return content.hexdigest()


def _digest_of(path: Path) -> bytes:
    return hashlib.sha256(read_bytes(path)).digest()


def _entry_key(content: str, preparation: Preparation) -> str:
    # Another OpenCV may round otherwise somewhere, so a new one prepares anew.
    parts = f"{content} {preparation.key} OpenCV {cv2.__version__}"
    return hashlib.sha256(parts.encode()).hexdigest()


def _open_entry(entry: Path, shape: tuple[int, int, int, int]) -> ByteArray | None:
    """The faces of an entry as [N, H, W, C], or None where there is none or it has another size."""
    try:
        if entry.stat().st_size != math.prod(shape):
            return None
        return np.memmap(entry, np.uint8, mode="r", shape=shape)
    except (OSError, ValueError):
        return None


def _write_entry(
    entry: Path, faces: FaceSet, preparation: Preparation, content: str, progress: ProgressCallback | None
) -> None:
    """Prepares all pictures into a new file, which gets its name when it is complete."""
    size = len(faces) * preparation.height * preparation.width * preparation.channels
    remove_leftovers(entry.parent)
    found = hashlib.sha256()
    work = partial(_digest_and_face, preparation=preparation)
    paths = (faces.root / path for path in faces.paths)
    try:
        # Plain writes rather than a writable memory map: on a full disk a write fails with an error, a map kills
        # the process.
        with new_file(entry) as file:
            for done, (digest, face) in enumerate(map_in_order(work, paths), start=1):
                found.update(digest)
                file.write(face.data)
                if progress is not None:
                    progress(done, len(faces))
            if found.hexdigest() != content:
                raise DataError(
                    f"{faces.name}: pictures in {faces.root} changed while they were read: run it again"
                )
    except StorageError as error:
        raise StorageError(
            f"{error}: set TWINFACE_CACHE to a folder that can be written and has {size / 1e6:,.0f} MB free"
        ) from error


def _digest_and_face(path: Path, preparation: Preparation) -> tuple[bytes, ByteArray]:
    # From one reading, so that the digest and the pixels cannot be those of two states of the file.
    data = read_bytes(path)
    face = prepare(decode(data, preparation.color, str(path)), preparation)
    return hashlib.sha256(data).digest(), face
