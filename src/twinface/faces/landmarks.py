"""The landmarks of all faces of a data set of photos, found once and kept in the cache."""

from __future__ import annotations

import contextlib
import hashlib
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from twinface.core.errors import StorageError
from twinface.core.storage import new_file
from twinface.core.threads import map_in_order
from twinface.core.types import FaceSet, FloatArray, ProgressCallback
from twinface.faces.cache_folder import cache_folder
from twinface.faces.choose import central_face
from twinface.faces.content import content_of
from twinface.faces.detect import LEAST_SCORE, YUNET, FaceDetector
from twinface.faces.picture import load_picture

# Raise it whenever the same photos would get other landmarks.
_VERSION = 2


def find_landmarks(
    faces: FaceSet, *, cache: Path | None = None, progress: ProgressCallback | None = None
) -> FloatArray:
    """Finds the face in each picture of a set: the largest one near the middle.

    Args:
        faces: N pictures.
        cache: the folder for the result; None means `cache_folder()`. An earlier result is read from it.
        progress: called with (pictures done, pictures in total); not called if an earlier result was read.

    Returns:
        [N, 5, 2] float64, in pixels of each picture; NaN where there is no face.

    Raises:
        DataError: pictures are missing.
        ImageError: a picture cannot be read.
        ModelError: the detector's weights are missing.
    """
    cache = cache_folder() if cache is None else cache
    content = content_of(faces, cache).sha256
    detector = f"{content} {YUNET.sha256} {LEAST_SCORE} {_VERSION} OpenCV {cv2.__version__}"
    entry = cache / "landmarks" / f"{hashlib.sha256(detector.encode()).hexdigest()}.npy"
    known = _read(entry, len(faces))
    if known is not None:
        return known
    found = np.full((len(faces), 5, 2), np.nan)
    work = partial(_find, detector=FaceDetector())
    for row, landmarks in enumerate(map_in_order(work, (faces.root / path for path in faces.paths))):
        if landmarks is not None:
            found[row] = landmarks
        if progress is not None:
            progress(row + 1, len(faces))
    # A cache that others fill may be read-only. Then the faces are found again at each start.
    with contextlib.suppress(StorageError), new_file(entry) as file:
        np.save(file, found)
    return found


def _find(path: Path, detector: FaceDetector) -> FloatArray | None:
    pixels = load_picture(path, "rgb")
    face = central_face(detector.find(pixels), *pixels.shape[:2])
    return None if face is None else face.landmarks


def _read(entry: Path, pictures: int) -> FloatArray | None:
    """An earlier result, or None if there is none or it is damaged."""
    try:
        found = np.load(entry, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return found if found.shape == (pictures, 5, 2) and found.dtype == np.float64 else None
