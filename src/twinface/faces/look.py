"""A photo as the detector sees it: brought to another size, with a border, turned; and the way back to the photo."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from twinface.core.types import ByteArray, FloatArray
from twinface.faces.shrink import shrink


@dataclass(frozen=True, eq=False)
class Look:
    """A photo in another size.

    Attributes:
        pixels: [h, w, 3] uint8 RGB.
        back: [2, 3] float64: `back @ [x, y, 1]` is the place in the photo of a point in `pixels`. The centre of the
            first pixel is (0, 0) in both.
        turn: how far the photo is turned clockwise: 0, 90, 180 or 270 degrees.
    """

    pixels: ByteArray
    back: FloatArray
    turn: int = 0

    def turned(self, turn: int) -> Look:
        """The same look, turned clockwise by 90, 180 or 270 degrees."""
        height, width = self.pixels.shape[:2]
        back = {
            90: [[0, 1, 0], [-1, 0, height - 1]],
            180: [[-1, 0, width - 1], [0, -1, height - 1]],
            270: [[0, -1, width - 1], [1, 0, 0]],
        }[turn]
        pixels = np.ascontiguousarray(np.rot90(self.pixels, -turn // 90))
        return Look(pixels, _after(self.back, np.array(back, np.float64)), (self.turn + turn) % 360)

    def in_photo(self, points: FloatArray) -> FloatArray:
        """[K, 2] points (x, y) in `pixels` → the same points in the photo."""
        return np.asarray(points @ self.back[:, :2].T + self.back[:, 2], np.float64)


def look_at(pixels: ByteArray, long_side: int, border: int = 0) -> Look:
    """A photo with a long side of so many pixels, and a black border around it.

    Args:
        pixels: [H, W, 3] uint8 RGB.
        long_side: of the photo in the look.
        border: on each side, in pixels of the look.
    """
    height, width = pixels.shape[:2]
    scale = long_side / max(height, width)
    size = max(1, round(height * scale)), max(1, round(width * scale))
    across, down = width / size[1], height / size[0]
    if scale < 1:
        pixels, across, down = shrink(pixels, *size)
    elif size != (height, width):
        pixels = np.asarray(cv2.resize(pixels, size[::-1], interpolation=cv2.INTER_LINEAR), np.uint8)
    look = Look(pixels, np.array([[across, 0, across / 2 - 0.5], [0, down, down / 2 - 0.5]]))
    return _bordered(look, border) if border else look


def _bordered(look: Look, border: int) -> Look:
    height, width, channels = look.pixels.shape
    pixels = np.zeros((height + 2 * border, width + 2 * border, channels), np.uint8)
    pixels[border : border + height, border : border + width] = look.pixels
    return replace(
        look, pixels=pixels, back=_after(look.back, np.array([[1.0, 0, -border], [0, 1, -border]]))
    )


def _after(last: FloatArray, first: FloatArray) -> FloatArray:
    """The affine map that does `first`, then `last`; each is [2, 3]."""
    return np.asarray(last @ np.vstack([first, [0, 0, 1]]), np.float64)
