"""Prepared faces as one memory-mapped array, so that pictures are decoded once and not at every start.

The cache is a folder with two kinds of files:

* `prepared/KEY.u8` holds faces: N x H x W x C bytes and nothing else. KEY depends on the bytes of all the pictures and
  on the preparation, so an entry never becomes stale. A change to an entry's own bytes that keeps its size is not
  noticed.
* `known/FINGERPRINT.txt` remembers the content of some picture files; see `content`.

Only files that an interrupted run left behind are ever removed. The folder may be deleted at any time.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from functools import partial
from itertools import repeat
from pathlib import Path

import cv2
import numpy as np

from twinface.core.errors import DataError, StorageError
from twinface.core.storage import new_file, remove_leftovers
from twinface.core.threads import map_in_order
from twinface.core.types import ByteArray, FaceSet, ProgressCallback
from twinface.faces.align import align
from twinface.faces.cache_folder import cache_folder
from twinface.faces.color import convert_color
from twinface.faces.content import content_of
from twinface.faces.crop import prepare
from twinface.faces.decode import decode
from twinface.faces.files import read_bytes
from twinface.faces.frame import Landmarks
from twinface.faces.preparation import Preparation


@dataclass(frozen=True, eq=False)
class PreparedFaces:
    """The pictures of a `FaceSet`, ready for a network.

    Attributes:
        images: [N, H, W, C] uint8, memory-mapped and read-only, in the order of the set's `paths`.
        content: the SHA-256 over the SHA-256 of each picture's bytes; a run records it as that of its data.
        preparation: how the pictures were prepared.
    """

    images: ByteArray
    content: str
    preparation: Preparation

    def __len__(self) -> int:
        return len(self.images)


def prepare_faces(
    faces: FaceSet,
    preparation: Preparation,
    *,
    cache: Path | None = None,
    progress: ProgressCallback | None = None,
) -> PreparedFaces:
    """Prepares every picture of a set, or opens the result of an earlier call.

    Pictures with landmarks are first aligned to the standard frame.

    Several processes may do so at once. Each writes a file of its own, and it does not matter which of them gets the
    entry's name, because all are the same.

    Args:
        faces: the pictures.
        preparation: which part of them, in which size and color.
        cache: the folder for the result; None means `cache_folder()`.
        progress: called with (pictures done, pictures in total) while pictures are prepared; not called if they were
            prepared before.

    Raises:
        DataError: there are no pictures, some are missing, or they changed while they were read.
        ImageError: a picture cannot be read; its name is in the message.
        StorageError: the cache cannot be written.
    """
    if not len(faces):
        raise DataError(f"{faces.name}: no pictures, need at least one")
    cache = cache_folder() if cache is None else Path(cache)
    content = content_of(faces, cache)
    entry = cache / "prepared" / f"{_entry_key(content.sha256, preparation, faces)}.u8"
    shape = (len(faces), preparation.height, preparation.width, preparation.channels)
    images = _open_entry(entry, shape)
    if images is None:
        try:
            _write_entry(entry, faces, preparation, content.sha256, progress)
        except DataError:
            content.forget()  # or the same wrong content would be expected at every start
            raise
        images = _open_entry(entry, shape)
    if images is None:
        raise StorageError(
            f"{entry}: was written and cannot be opened: check the disk, or set TWINFACE_CACHE"
        )
    return PreparedFaces(images, content.sha256, preparation)


def _entry_key(content: str, preparation: Preparation, faces: FaceSet) -> str:
    # Another version of OpenCV may round differently, so the faces are then prepared anew.
    parts = f"{content} {preparation.key} OpenCV {cv2.__version__}"
    if faces.landmarks is not None:
        # The last word changes whenever `align` rounds in another way.
        parts += f" {hashlib.sha256(faces.landmarks.tobytes()).hexdigest()} halved"
    return hashlib.sha256(parts.encode()).hexdigest()


def _open_entry(entry: Path, shape: tuple[int, int, int, int]) -> ByteArray | None:
    """The faces of an entry as [N, H, W, C], or None if there is no entry or it has another size."""
    try:
        if entry.stat().st_size != math.prod(shape):
            return None
        return np.memmap(entry, np.uint8, mode="r", shape=shape)
    except (OSError, ValueError):
        return None


def _write_entry(
    entry: Path, faces: FaceSet, preparation: Preparation, content: str, progress: ProgressCallback | None
) -> None:
    """Prepares all pictures into a new file, which gets its name when it is complete.

    Raises:
        DataError: the pictures do not have the expected content.
    """
    size = len(faces) * preparation.height * preparation.width * preparation.channels
    remove_leftovers(entry.parent)
    found = hashlib.sha256()
    work = partial(_digest_and_face, preparation=preparation)
    paths = (faces.root / path for path in faces.paths)
    landmarks = repeat(None) if faces.landmarks is None else faces.landmarks
    try:
        # Plain writes instead of a writable memory map: on a full disk a write fails with an error, while a map kills
        # the process.
        with new_file(entry) as file:
            for done, (digest, face) in enumerate(
                map_in_order(work, zip(paths, landmarks, strict=False)), start=1
            ):
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


def _digest_and_face(
    picture: tuple[Path, Landmarks | None], preparation: Preparation
) -> tuple[bytes, ByteArray]:
    # The file is read once, so that the digest and the pixels are those of the same bytes.
    path, landmarks = picture
    data = read_bytes(path)
    if landmarks is None:
        pixels = decode(data, preparation.color, str(path))
    else:
        pixels = convert_color(align(decode(data, "rgb", str(path)), landmarks), preparation.color)
    return hashlib.sha256(data).digest(), prepare(pixels, preparation)
