"""From pixels to the bytes of a picture file."""

from __future__ import annotations

import cv2

from twinface.core.types import ByteArray


def encode_jpeg(face: ByteArray) -> bytes:
    """[H, W, C] uint8 with C = 1 or 3 (RGB) → the bytes of a JPEG file of quality 90, for reports."""
    pixels = cv2.cvtColor(face, cv2.COLOR_RGB2BGR) if face.shape[2] == 3 else face
    _, encoded = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 90])
    return encoded.tobytes()
