"""Draws occlusion maps over their faces, with OpenCV alone, so that it works without the extra that trains."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from twinface.core.types import ByteArray, Float32Array, FloatArray
from twinface.recognition.canvas import (
    DIFFERENT,
    SAME,
    SMALL,
    below,
    beside,
    framed,
    paper,
    text,
    text_width,
    write,
)
from twinface.recognition.occlusion import FINE, Patches
from twinface.recognition.verdict import Verdict

_OPACITY = 0.75  # of the fullest colour, so that the face stays visible
_FACE_HEIGHT, _MARGIN, _BAR = 360, 20, 18  # pixels
_LEAST_WIDTH = 760  # room for the text


def strongest_change(maps: Float32Array) -> float:
    """The largest change of the score in both maps `[2, H, W]`, up or down; at least 1e-9."""
    return max(float(np.abs(maps).max()), 1e-9)


def overlay(face: ByteArray, part: Float32Array, most: float, patches: Patches = FINE) -> ByteArray:
    """A face in grey with its map over it: blue speaks for "same", orange for "different".

    Args:
        face: `[H, W, C]` uint8 with C = 1 or 3 (RGB); the window that was covered.
        part: `[H, W]`, its map. For the eye, it is smoothed over half the distance between two positions of the patch.
        most: the change of the score that gets the fullest colour.
        patches: that made the map.

    Returns:
        `[H, W, 3]` uint8, RGB.
    """
    gray = (
        face[..., 0] if face.shape[2] == 1 else np.asarray(cv2.cvtColor(face, cv2.COLOR_RGB2GRAY), np.uint8)
    )
    spread = [max(patches.step * side / 2, 0.1) for side in part.shape]
    smooth = cv2.GaussianBlur(
        part, (0, 0), sigmaX=spread[1], sigmaY=spread[0], borderType=cv2.BORDER_REPLICATE
    )
    return _blend(gray, np.clip(np.asarray(smooth, np.float64) / most, -1, 1))


def enlarged_overlay(
    face: ByteArray, part: Float32Array, most: float, patches: Patches, height: int
) -> ByteArray:
    """As `overlay`, in another height; the width follows."""
    width = round(height * face.shape[1] / face.shape[0])
    return overlay(_enlarged(face, height, width), _enlarged(part, height, width)[..., 0], most, patches)


def draw_maps(faces: ByteArray, maps: Float32Array, verdict: Verdict, patches: Patches = FINE) -> ByteArray:
    """Both faces side by side with their maps, the verdict above, and what the colours mean below.

    Args:
        faces: `[2, H, W, C]` uint8 with C = 1 or 3 (RGB).
        maps: `[2, H, W]`, see `occlusion.occlusion_maps`.
        verdict: on the two faces.
        patches: that made the maps.

    Returns:
        `[H, W, 3]` uint8, RGB.
    """
    most = strongest_change(maps)
    panels = beside(
        [
            enlarged_overlay(face, part, most, patches, _FACE_HEIGHT)
            for face, part in zip(faces, maps, strict=True)
        ],
        _MARGIN,
    )
    width = max(panels.shape[1], _LEAST_WIDTH)
    left = paper(panels.shape[0], (width - panels.shape[1]) // 2)
    blocks = [text([verdict.explain()], width), beside([left, panels]), color_bar(most, width)]
    return framed(below(blocks, _MARGIN), _MARGIN)


def color_bar(most: float, width: int) -> ByteArray:
    """All colours, from the strongest "different" to the strongest "same", with what they mean.

    Args:
        most: the change of the score that has the fullest colour.
        width: of the block in pixels.
    """
    gray = np.full((_BAR, width), 128, np.uint8)
    bar = _blend(gray, np.tile(np.linspace(-1, 1, width), (_BAR, 1)))
    numbers = paper(24, width)
    for said, share in ((f"{-most:+.3f}", 0.0), ("0", 0.5), (f"{most:+.3f}", 1.0)):
        write(numbers, said, share * (width - text_width(said, SMALL)), 18, SMALL)
    return below([bar, numbers, text([color_meaning(most)], width, SMALL)])


def color_meaning(most: float) -> str:
    """How to read the colours of a map."""
    return (
        "Blue speaks for 'same': covered there, the score falls. Orange speaks for 'different': there it rises. "
        f"The fullest colour moves the score by {most:.3f}."
    )


def _enlarged(array: ByteArray | Float32Array, height: int, width: int) -> Any:
    """A face `[H, W, C]` or a map `[H, W]` in another size, as `[height, width, C]` (C = 1 for a map)."""
    method = cv2.INTER_CUBIC if array.dtype == np.uint8 else cv2.INTER_NEAREST
    return cv2.resize(array, (width, height), interpolation=method).reshape(height, width, -1)


def _blend(gray: ByteArray, share: FloatArray) -> ByteArray:
    """`[H, W]` grey with colour over it, as strong as the share `[H, W]` in [-1, 1] → `[H, W, 3]`."""
    colour = np.where(share[..., np.newaxis] >= 0, SAME, DIFFERENT)
    opacity = _OPACITY * np.abs(share)[..., np.newaxis]
    return np.asarray(np.round((1 - opacity) * gray[..., np.newaxis] + opacity * colour), np.uint8)
