"""Small made-up pictures in every format that is read."""

from __future__ import annotations

import struct
import zlib

import cv2
import numpy as np

from twinface.core.types import ByteArray


def picture(height: int = 24, width: int = 37, channels: int = 3) -> ByteArray:
    """[H, W, C] with smooth shades, so that lossy formats stay close, and no symmetry."""
    rows, columns = np.mgrid[:height, :width]
    shades = [rows * 5 + columns, columns * 4 + rows * rows // 9, 255 - rows * 3 - columns * 3]
    return np.clip(np.stack(shades[:channels], axis=2), 0, 255).astype(np.uint8)


def encoded(extension: str, image: ByteArray, *options: int) -> bytes:
    pixels = cv2.cvtColor(image, cv2.COLOR_RGB2BGR) if image.shape[2] == 3 else image
    return bytes(cv2.imencode(extension, pixels, list(options))[1])


def netpbm(kind: int, image: ByteArray, brightest: int = 255, end: str = "\n") -> bytes:
    header = f"P{kind}\n# made by a test\n{image.shape[1]} {image.shape[0]}\n{brightest}\n".encode()
    if kind < 5:
        return header + " ".join(str(sample) for sample in image.ravel()).encode() + end.encode()
    return header + image.astype(np.uint8 if brightest < 256 else ">u2").tobytes()


GRAY, RGB = picture(channels=1), picture()
LOSSLESS = {
    "png": encoded(".png", RGB),
    "png gray": encoded(".png", GRAY),
    "webp lossless": encoded(".webp", RGB, cv2.IMWRITE_WEBP_QUALITY, 101),
    "bmp": encoded(".bmp", RGB),
    "bmp gray": encoded(".bmp", GRAY),
    "pgm": netpbm(5, GRAY),
    "ppm": netpbm(6, RGB),
    "plain pgm": netpbm(2, GRAY),
    "plain ppm": netpbm(3, RGB),
}
LOSSY = {
    "jpeg": encoded(".jpg", RGB),
    "jpeg gray": encoded(".jpg", GRAY),
    "jpeg progressive": encoded(".jpg", RGB, cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
    "jpeg with restarts": encoded(".jpg", RGB, cv2.IMWRITE_JPEG_RST_INTERVAL, 1),
    "webp": encoded(".webp", RGB),
}
VALID = LOSSLESS | LOSSY


def exif(orientation: int) -> bytes:
    """A TIFF block that says nothing but how to turn the picture."""
    return b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0)


def with_jpeg_segment(data: bytes, code: int, payload: bytes) -> bytes:
    """Puts a segment right behind the start of a JPEG."""
    return data[:2] + struct.pack(">BBH", 0xFF, code, len(payload) + 2) + payload + data[2:]


def png_chunk(kind: bytes, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload)) + kind + payload + struct.pack(">I", zlib.crc32(kind + payload))
