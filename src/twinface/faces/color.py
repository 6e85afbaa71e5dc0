"""Gray or RGB: the two kinds of color that a picture can have."""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np

from twinface.core.types import ByteArray

Color = Literal["gray", "rgb"]
CHANNELS: dict[Color, int] = {"gray": 1, "rgb": 3}


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
