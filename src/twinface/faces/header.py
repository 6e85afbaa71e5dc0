"""Checks a picture's bytes before they are decoded: its format, its size, and that its end is there.

A decoder trusts the header. A PNG of some hundred kilobytes can make it allocate gigabytes, and a JPEG that was cut
off during a download is decoded with a gray lower part. Both are refused here, within some microseconds.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass

from twinface.core.errors import ImageError
from twinface.faces.formats import bmp_size, jpeg_size, netpbm_size, png_size, webp_size

MAX_PIXELS = 25_000_000
MIN_SIDE = 8

# Format, how its bytes begin, and the function that finds (height, width) and checks that the end is there.
_FORMATS: tuple[tuple[str, re.Pattern[bytes], Callable[[bytes], tuple[int, int]]], ...] = (
    ("JPEG", re.compile(rb"\xff\xd8\xff"), jpeg_size),
    ("PNG", re.compile(rb"\x89PNG\r\n\x1a\n"), png_size),
    ("WebP", re.compile(rb"RIFF....WEBP", re.DOTALL), webp_size),
    ("BMP", re.compile(rb"BM"), bmp_size),
    ("PGM/PPM", re.compile(rb"P[2356][\s#]"), netpbm_size),
)


@dataclass(frozen=True)
class ImageHeader:
    """The format of a picture by name, and its size in pixels before any EXIF turn, as its header states them."""

    format: str
    height: int
    width: int


def read_image_header(data: bytes, name: str) -> ImageHeader:
    """Checks a picture's bytes without decoding them.

    Args:
        data: the whole file.
        name: what to call the picture in an error.

    Raises:
        ImageError: the format is not supported, the file is damaged or truncated, or the picture has more than
            25 million pixels or a side of fewer than 8.
    """
    found = next((entry for entry in _FORMATS if entry[1].match(data)), None)
    if found is None:
        names = ", ".join(kind for kind, _, _ in _FORMATS)
        raise ImageError(
            f"{name}: not a picture in a supported format: starts with {data[:8]!r}; need one of {names}"
        )
    kind, _, size_of = found
    try:
        height, width = size_of(data)
    except (ValueError, struct.error) as error:
        reason = "truncated inside its header" if isinstance(error, struct.error) else error
        raise ImageError(f"{name}: damaged {kind}: {reason}; need the whole, unchanged file") from error
    if height * width > MAX_PIXELS:
        raise ImageError(
            f"{name}: {width} x {height} pixels, need at most {MAX_PIXELS:,} in all: make it smaller"
        )
    if min(height, width) < MIN_SIDE:
        raise ImageError(f"{name}: {width} x {height} pixels, need at least {MIN_SIDE} x {MIN_SIDE}")
    return ImageHeader(kind, height, width)
