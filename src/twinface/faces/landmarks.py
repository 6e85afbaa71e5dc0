"""The landmarks of all faces of a data set of photos, found once and kept in the cache."""

from __future__ import annotations

import contextlib
import errno
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from twinface.core.errors import ImageError, StorageError
from twinface.core.formatting import one_line
from twinface.core.storage import new_file
from twinface.core.threads import map_in_order
from twinface.core.types import FaceSet, FloatArray, IntArray, ProgressCallback
from twinface.faces.cache_folder import cache_folder
from twinface.faces.choose import central_face
from twinface.faces.content import fingerprint_of
from twinface.faces.detect import LEAST_SCORE, YUNET, FaceDetector
from twinface.faces.extra_formats import readable_extras
from twinface.faces.picture import load_picture

# Raise it whenever the same photos would get another result.
_VERSION = 4
UNREADABLE = -1
# Errors after which the same file may be read the next time.
_PASSING = {
    *(errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EIO, errno.EAGAIN, errno.EINTR, errno.ETIMEDOUT),
    getattr(errno, "ESTALE", errno.EIO),  # of network folders
}
# Of one picture: landmarks, how many faces, what is wrong with it, and whether that may pass.
_Found = tuple[FloatArray, int, str, bool]


@dataclass(frozen=True, eq=False)
class FoundFaces:
    """What was found in N pictures.

    Attributes:
        landmarks: [N, 5, 2] float64, in pixels of each picture; NaN where there is no face.
        count: [N] int64, how many faces there are; `UNREADABLE` where the picture cannot be read.
        problems: N texts, why a picture cannot be read; "" for all others.
    """

    landmarks: FloatArray
    count: IntArray
    problems: tuple[str, ...]


def find_faces(
    faces: FaceSet, *, cache: Path | None = None, progress: ProgressCallback | None = None
) -> FoundFaces:
    """Finds the face in each picture of a set: the largest one near the middle.

    A picture that cannot be read is no error here.

    Args:
        faces: N pictures.
        cache: the folder for the result; None means `cache_folder()`. An earlier result is read from it.
        progress: called with (pictures done, pictures in total); not called if an earlier result was read.

    Raises:
        DataError: pictures are missing.
        ModelError: the detector's weights are missing.
    """
    method = f"{YUNET.sha256} {LEAST_SCORE}"
    return _look_at_all(faces, method, lambda: partial(_find, detector=FaceDetector()), cache, progress)


def check_pictures(
    faces: FaceSet, *, cache: Path | None = None, progress: ProgressCallback | None = None
) -> FoundFaces:
    """Decodes each picture of a set, to know which of them can be read. No face is looked for.

    Args, Raises: see `find_faces`.

    Returns:
        Landmarks are NaN, and the count is 0 where a picture can be read.
    """
    return _look_at_all(faces, "decoded", lambda: _decode, cache, progress)


def _look_at_all(
    faces: FaceSet,
    method: str,
    make_work: Callable[[], Callable[[Path], _Found]],
    cache: Path | None,
    progress: ProgressCallback | None,
) -> FoundFaces:
    cache = cache_folder() if cache is None else cache
    # Another picture can be read once a package is installed that reads its format.
    key = f"{fingerprint_of(faces)} {method} {_VERSION} OpenCV {cv2.__version__} {readable_extras()}"
    entry = cache / "landmarks" / f"{hashlib.sha256(key.encode()).hexdigest()}.npz"
    known = _read(entry, len(faces))
    if known is not None:
        return known
    landmarks = np.full((len(faces), 5, 2), np.nan)
    count = np.zeros(len(faces), np.int64)
    problems = []
    keep = True
    paths = (faces.root / path for path in faces.paths)
    for row, (points, number, problem, may_pass) in enumerate(map_in_order(make_work(), paths)):
        landmarks[row], count[row] = points, number
        problems.append(problem)
        keep = keep and not may_pass
        if progress is not None:
            progress(row + 1, len(faces))
    if keep:
        # A cache that others fill may be read-only. Then the faces are found again at each start.
        with contextlib.suppress(StorageError), new_file(entry) as file:
            np.savez_compressed(
                file, allow_pickle=False, landmarks=landmarks, count=count, problems=np.array(problems)
            )
    return FoundFaces(landmarks, count, tuple(problems))


def _find(path: Path, detector: FaceDetector) -> _Found:
    try:
        pixels = load_picture(path, "rgb")
    except ImageError as error:
        return _unreadable(path, error)
    found = detector.find(pixels)
    face = central_face(found, *pixels.shape[:2])
    return _no_landmarks() if face is None else face.landmarks, len(found), "", False


def _decode(path: Path) -> _Found:
    try:
        load_picture(path, "gray")
    except ImageError as error:
        return _unreadable(path, error)
    return _no_landmarks(), 0, "", False


def _unreadable(path: Path, error: ImageError) -> _Found:
    cause = error.__cause__
    may_pass = isinstance(cause, OSError) and cause.errno in _PASSING
    return _no_landmarks(), UNREADABLE, one_line(str(error).removeprefix(f"{path}: ")), may_pass


def _no_landmarks() -> FloatArray:
    return np.full((5, 2), np.nan)


def _read(entry: Path, pictures: int) -> FoundFaces | None:
    """An earlier result, or None if there is none or it is damaged."""
    try:
        with np.load(entry, allow_pickle=False) as arrays:
            landmarks, count, problems = arrays["landmarks"], arrays["count"], arrays["problems"]
    except Exception:  # NumPy and zip raise a dozen kinds for damaged bytes; the faces are then found again
        return None
    shapes = landmarks.shape == (pictures, 5, 2) and count.shape == problems.shape == (pictures,)
    kinds = landmarks.dtype == np.float64 and count.dtype == np.int64 and problems.dtype.kind == "U"
    return FoundFaces(landmarks, count, tuple(map(str, problems))) if shapes and kinds else None
