"""The largest and slowest pictures of each format, for `hostile_pictures.py`: some ordinary, some built to be slow."""

from __future__ import annotations

import io
import struct
import sys
import zlib
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from hostile_files import jpeg_of_scans, jpeg_of_size, png_of, png_with, text_bomb
from hostile_webp import webp_of_groups
from pictures import VALID, png_chunk

SIDE = 5000
JPEG_444 = (cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444)
PROGRESSIVE = (cv2.IMWRITE_JPEG_PROGRESSIVE, 1)


@cache
def noise(soft: bool = False) -> np.ndarray:
    """[5000, 5000, 3] uint8 noise, which nothing compresses, or soft noise, which is like a very detailed photo."""
    pixels = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
    if soft:
        blurred = cv2.GaussianBlur(pixels, (0, 0), 1.2)
        pixels = np.asarray(cv2.normalize(blurred, None, 0, 255, cv2.NORM_MINMAX), np.uint8)  # type: ignore[call-overload]
    return pixels


def by_opencv(extension: str, soft: bool, *options: int, gray: bool = False) -> bytes:
    """A picture of 25 million pixels, encoded by OpenCV."""
    pixels = noise(soft)[..., 0] if gray else noise(soft)
    return bytes(cv2.imencode(extension, pixels, list(options))[1])


def by_pillow(kind: str, alpha: bool = False, frames: int = 1, **options: object) -> bytes:
    """A picture of 25 million pixels, encoded by Pillow."""
    pixels = np.dstack([noise(True), noise()[..., 0] // 64 * 64]) if alpha else noise(True)
    file = io.BytesIO()
    more = (
        {"save_all": True, "append_images": [Image.fromarray(255 - pixels)] * (frames - 1)}
        if frames > 1
        else {}
    )
    Image.fromarray(pixels).save(file, kind, **options, **more)
    return file.getvalue()


def cmyk(**options: object) -> bytes:
    """A JPEG of four inks."""
    file = io.BytesIO()
    Image.fromarray(np.dstack([noise(True), noise(True)[..., 0]]), "CMYK").save(file, "jpeg", **options)
    return file.getvalue()


def dense_png(depth: int, color: int, channels: int) -> bytes:
    """A PNG whose filter is the slowest one, of numbers that compress to a third."""
    rows = np.random.default_rng(0).integers(0, 4, (SIDE, 1 + SIDE * channels * depth // 8), np.uint8)
    rows[:, 0] = 4
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", SIDE, SIDE, depth, color, 0, 0, 0))
    data = png_chunk(b"IDAT", zlib.compress(rows.tobytes(), 1))
    return b"\x89PNG\r\n\x1a\n" + header + data + png_chunk(b"IEND", b"")


def bitmap(kind: int, side: int, largest: int = 255) -> bytes:
    """A PGM or PPM."""
    samples = np.tile(
        noise(True)[:side, :side].ravel() if kind in {3, 6} else noise(True)[:side, :side, 0].ravel(), 1
    )
    head = b"P%d\n%d %d\n%d\n" % (kind, side, side, largest)
    if kind > 3:
        return head + (samples.tobytes() if largest < 256 else (samples.astype(">u2") * 257).tobytes())
    return head + b"7 " * samples.size


def padded(before: bytes, piece: bytes, after: bytes) -> bytes:
    """A file of 64 MiB, filled with one piece again and again."""
    return before + piece * ((64 * 2**20 - len(before) - len(after)) // len(piece)) + after


JPEG, PNG = VALID["jpeg"], VALID["png"]
LARGEST: dict[str, Callable[[], bytes]] = {
    "JPEG of a photo": partial(by_opencv, ".jpg", True, cv2.IMWRITE_JPEG_QUALITY, 95),
    "JPEG of best quality": partial(by_opencv, ".jpg", True, cv2.IMWRITE_JPEG_QUALITY, 100, *JPEG_444),
    "JPEG of noise": partial(by_opencv, ".jpg", False, cv2.IMWRITE_JPEG_QUALITY, 95),
    "JPEG of four inks": partial(cmyk, quality=90),
    "JPEG, progressive": partial(by_opencv, ".jpg", True, cv2.IMWRITE_JPEG_QUALITY, 95, *PROGRESSIVE),
    "JPEG, progressive, four inks": partial(cmyk, quality=80, progressive=True),
    "JPEG, progressive, of noise": partial(
        by_opencv, ".jpg", False, cv2.IMWRITE_JPEG_QUALITY, 98, *JPEG_444, *PROGRESSIVE
    ),
    "JPEG of 100 scans": lambda: jpeg_of_size(jpeg_of_scans(100), SIDE, SIDE),
    "JPEG of empty segments": lambda: padded(JPEG[:2], b"\xff\xfe\0\2", JPEG[2:]),
    "JPEG of metadata": lambda: padded(JPEG[:2], b"\xff\xe1\xff\xff" + bytes(65533), JPEG[2:]),
    "JPEG of stuffed bytes": lambda: padded(JPEG[:-2], b"\xff\0", JPEG[-2:]),
    "JPEG of filling bytes": lambda: padded(JPEG[:-2], b"\xff", JPEG[-2:]),
    "JPEG of restart marks": lambda: padded(JPEG[:-2], b"\xff\xd0", JPEG[-2:]),
    "PNG of a photo": partial(by_opencv, ".png", True),
    "PNG of a photo, gray": partial(by_opencv, ".png", True, gray=True),
    "PNG, one color": lambda: png_of(SIDE, 8, 2, bytes([4]) + bytes(3 * SIDE)),
    "PNG, slowest filter": partial(dense_png, 8, 2, 3),
    "PNG with alpha, slowest filter": partial(dense_png, 8, 6, 4),
    "PNG of 16 bits, gray": partial(dense_png, 16, 0, 1),
    "PNG of 16 bits": partial(dense_png, 16, 2, 3),
    "PNG of compressed text": lambda: png_with(text_bomb(b"zTXt") * 400),
    "PNG of a compressed profile": lambda: png_with(text_bomb(b"iCCP", 100_000_000)),
    "PNG of plain text": lambda: padded(PNG[:33], png_chunk(b"tEXt", b"a\0b"), PNG[33:]),
    "PNG of empty chunks": lambda: padded(PNG[:33], png_chunk(b"IDAT", b""), PNG[33:]),
    "PNG of EXIF data": lambda: png_with(png_chunk(b"eXIf", b"MM\0*" + bytes(64_000_000))),
    "WebP of a photo": partial(by_opencv, ".webp", True, cv2.IMWRITE_WEBP_QUALITY, 95),
    "WebP of noise": partial(by_opencv, ".webp", False, cv2.IMWRITE_WEBP_QUALITY, 80),
    "WebP with alpha": partial(by_pillow, "webp", alpha=True, quality=75, method=0),
    "WebP, lossless": partial(by_opencv, ".webp", True, cv2.IMWRITE_WEBP_QUALITY, 101),
    "WebP, animated": partial(by_pillow, "webp", frames=2, quality=75, method=0),
    "WebP, lossless, of many codes": lambda: webp_of_groups(1024, 65536),
    "BMP": lambda: bytes(cv2.imencode(".bmp", noise(True)[:4400])[1]),
    "PGM": partial(bitmap, 5, SIDE),
    "PGM of 16 bits": partial(bitmap, 5, SIDE, 65535),
    "PGM, plain": partial(bitmap, 2, SIDE),
    "PPM of 16 bits": partial(bitmap, 6, 3300, 65535),
    "PPM, plain": partial(bitmap, 3, 3300),
    "PGM, plain, of comments": lambda: padded(b"P2\n8 8\n255\n" + b"7 " * 63, b"#\n", b"7\n"),
}
