"""Where the face is in a prepared picture, so that an occlusion map does not spend its time on the background."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from twinface.core.types import FloatArray
from twinface.faces.frame import Frame
from twinface.faces.preparation import Preparation

Window: TypeAlias = tuple[slice, slice]  # rows and columns of a picture

# How far the window reaches from the middle of the five landmarks, in distances between the eyes. The 112×112 frame of
# ArcFace reaches as far.
_ABOVE, _BELOW, _BESIDE = 2.05, 1.6, 1.6


def face_window(preparation: Preparation, frame: Frame | None) -> Window:
    """The rows and columns of a prepared face that show the face, from the hair to the chin.

    Args:
        preparation: from an aligned picture to the prepared face.
        frame: where the landmarks are in the aligned picture, or None if that is not known. Then the window is the
            whole prepared face.

    Example:
        >>> from twinface.core.types import WHOLE_FRAME
        >>> from twinface.faces.frame import STANDARD_FRAME
        >>> face_window(Preparation(WHOLE_FRAME, 250, 250, "rgb"), STANDARD_FRAME)
        (slice(42, 210, None), slice(53, 200, None))
    """
    landmarks = _landmarks(preparation, frame)
    if landmarks is None:
        return slice(0, preparation.height), slice(0, preparation.width)
    eyes = float(np.hypot(*(landmarks[1] - landmarks[0])))
    x, y = landmarks.mean(axis=0)
    rows = _span(y - _ABOVE * eyes, y + _BELOW * eyes, preparation.height)
    return rows, _span(x - _BESIDE * eyes, x + _BESIDE * eyes, preparation.width)


def _landmarks(preparation: Preparation, frame: Frame | None) -> FloatArray | None:
    """[5, 2], in pixels of the prepared face."""
    if preparation.frame is not None:
        return preparation.frame.landmarks
    if frame is None:
        return None
    region = preparation.region
    start = np.array([region.left * frame.width, region.top * frame.height])
    extent = np.array([region.width * frame.width, region.height * frame.height])
    size = np.array([preparation.width, preparation.height])
    return np.asarray((frame.landmarks + 0.5 - start) / extent * size - 0.5, np.float64)


def _span(low: float, high: float, pixels: int) -> slice:
    """The pixels between two places, or all pixels if the face is not inside."""
    first, last = max(0, round(low)), min(pixels, round(high))
    return slice(first, last) if last - first >= 8 else slice(0, pixels)
