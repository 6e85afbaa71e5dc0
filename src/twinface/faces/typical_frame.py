"""Where the faces lie in a data set of pictures that are framed alike, measured."""

from __future__ import annotations

import numpy as np

from twinface.core.errors import ModelError
from twinface.core.types import FaceSet, FloatArray
from twinface.faces.choose import central_face
from twinface.faces.detect import FaceDetector
from twinface.faces.frame import Frame
from twinface.faces.picture import load_picture

_SAMPLE = 100  # pictures that are looked at
_SHARE = 0.8  # of them must have a face
_SPREAD = 0.5  # eye distances by which the landmarks of half the pictures may be off the median; ORL has .19, LFW-a .08
_LONG_SIDE = 250  # of the frame, in pixels


def typical_frame(faces: FaceSet) -> Frame | None:
    """The frame that these pictures share: the medians of their landmarks.

    Args:
        faces: one picture or more; up to 100 of them are looked at.

    Returns:
        The frame, or None if the pictures are not framed alike, or the face detector is not installed.

    Raises:
        ImageError: a picture cannot be read.
    """
    try:
        detector = FaceDetector()
    except ModelError:
        return None
    rows = np.linspace(0, len(faces) - 1, min(len(faces), _SAMPLE)).round().astype(int)
    places: list[FloatArray] = []
    sizes = []
    for row in rows:
        pixels = load_picture(faces.root / faces.paths[row], "rgb")
        height, width = pixels.shape[:2]
        sizes.append((height, width))
        face = central_face(detector.find(pixels), height, width)
        if face is not None and face.turn == 0:
            places.append((face.landmarks + 0.5) / (width, height))
    if len(places) < _SHARE * len(rows):
        return None
    height, width = np.median(sizes, axis=0)
    scale = _LONG_SIDE / max(height, width)
    size = np.maximum(16, np.round(scale * np.array([width, height])))
    points = np.stack(places) * size - 0.5
    middle = np.median(points, axis=0)
    off = np.linalg.norm(points - middle, axis=2) / max(1e-9, np.linalg.norm(middle[1] - middle[0]))
    if np.median(off) > _SPREAD:
        return None
    return Frame(
        int(size[1]), int(size[0]), tuple((round(float(x), 1), round(float(y), 1)) for x, y in middle)
    )
