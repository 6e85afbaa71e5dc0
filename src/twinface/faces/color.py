"""Gray or RGB: the two kinds of color that a picture can have."""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np

from twinface.core.types import ByteArray

Color = Literal["gray", "rgb"]
CHANNELS: dict[Color, int] = {"gray": 1, "rgb": 3}

_BYTES_AT_A_TIME = 1 << 20


def convert_color(pixels: ByteArray, color: Color) -> ByteArray:
    """Pixels in the wanted color; gray is .299 R + .587 G + .114 B.

    Args:
        pixels: [H, W, C] uint8 with C = 1 (gray) or 3 (RGB).
        color: "gray" or "rgb".

    Returns:
        [H, W, C] uint8 with the C of `color`; `pixels` itself if it has that already.
    """
    if pixels.shape[2] == CHANNELS[color]:
        return pixels
    code = cv2.COLOR_RGB2GRAY if color == "gray" else cv2.COLOR_GRAY2RGB
    return np.asarray(cv2.cvtColor(pixels, code), np.uint8).reshape(*pixels.shape[:2], CHANNELS[color])


def convert_decoded(decoded: cv2.typing.MatLike, color: Color) -> ByteArray:
    """Pixels as OpenCV decodes them, in the wanted color. Color pixels are changed where they lie, without a copy.

    Args:
        decoded: uint8, [H, W] for gray, or [H, W, 3] with blue first.
        color: "gray" or "rgb".

    Returns:
        [H, W, C] uint8 with C = 1 (gray) or 3 (RGB).
    """
    pixels = np.asarray(decoded, np.uint8)
    if pixels.ndim == 2:
        return convert_color(pixels[..., np.newaxis], color)
    if color == "gray":
        return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY), np.uint8)[..., np.newaxis]
    rows = max(1, _BYTES_AT_A_TIME // (3 * pixels.shape[1]))
    for first in range(0, len(pixels), rows):
        band = pixels[first : first + rows]
        cv2.cvtColor(band, cv2.COLOR_BGR2RGB, dst=band)
    return pixels
