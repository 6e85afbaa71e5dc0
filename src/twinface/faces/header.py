"""What a picture's bytes say before anything is decoded: its format, its size, and that its end is there.

A decoder trusts the header: a PNG of some hundred kilobytes makes it allocate gigabytes, and a JPEG
that was cut off in a download comes back with its lower part gray. Both are noticed here, by walking
the file's own structure, at the cost of some microseconds.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass

from twinface.core.errors import ImageError
from twinface.faces.netpbm import read_netpbm_header

MAX_PIXELS = 25_000_000
MIN_SIDE = 8
# Encoders write about ten. A file may hold a million scans of a few bytes each, and every one of them
# makes the decoder visit the whole picture again.
MAX_JPEG_SCANS = 100


@dataclass(frozen=True)
class ImageHeader:
    """What a picture claims to be: its format by name, and its size in pixels before any EXIF turn."""

    format: str
    height: int
    width: int


def read_image_header(data: bytes, name: str) -> ImageHeader:
    """Checks a picture's bytes without decoding them.

    Args:
        data: the whole file.
        name: what to call the picture in an error.

    Raises:
        ImageError: the format is not one that is read, the file is damaged or cut short, or its
            pixels are too many or too few.
    """
    found = next((entry for entry in _FORMATS if entry[1].match(data)), None)
    if found is None:
        names = ", ".join(kind for kind, _, _ in _FORMATS)
        raise ImageError(f"{name}: not a picture that is read: starts with {data[:8]!r}; need one of {names}")
    kind, _, read_size = found
    try:
        height, width = read_size(data)
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


# Not among the markers that have a length: `FF 00` is a byte of picture data, `FF 01` and `FF D0` to
# `FF D7` stand alone, and further `FF` may stand before a marker.
_JPEG_MARKER = re.compile(rb"\xff([^\x00\x01\xd0-\xd7\xff])")
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_START_OF_SCAN, _END_OF_IMAGE = 0xDA, 0xD9


def _jpeg_size(data: bytes) -> tuple[int, int]:
    """Walks from marker to marker, as libjpeg does, until the end of the image.

    Segments are stepped over by their length, so that an end marker inside one (a thumbnail has its
    own) is not taken for the picture's.
    """
    size = None
    scans = 0
    position = 2
    while (marker := _JPEG_MARKER.search(data, position)) is not None:
        code = marker[1][0]
        if code == _END_OF_IMAGE:
            if size is None or not scans:
                raise ValueError("it ends before its picture begins")
            return size
        (length,) = struct.unpack_from(">H", data, marker.end())
        if length < 2:
            raise ValueError(f"a segment of {length} bytes, need 2 or more")
        if code in _JPEG_FRAMES and size is None:
            height, width = struct.unpack_from(">HH", data, marker.end() + 3)
            size = height, width
        if code == _START_OF_SCAN:
            scans += 1
            if scans > MAX_JPEG_SCANS:
                raise ValueError(f"more than {MAX_JPEG_SCANS} scans")
        position = marker.end() + length
    raise ValueError("truncated: its end marker is missing")


def _png_size(data: bytes) -> tuple[int, int]:
    length, kind, width, height = struct.unpack_from(">I4sII", data, 8)
    if kind != b"IHDR" or length != 13:
        raise ValueError(f"its first chunk is {kind!r} of {length} bytes, need b'IHDR' of 13")
    position = 8
    while kind != b"IEND":
        if position + 12 > len(data):
            raise ValueError("truncated: its end chunk is missing")
        length, kind = struct.unpack_from(">I4s", data, position)
        position += 12 + length
    return height, width


def _webp_size(data: bytes) -> tuple[int, int]:
    (length,) = struct.unpack_from("<I", data, 4)
    if length + 8 > len(data):
        raise ValueError(f"truncated: {len(data)} bytes, need {length + 8}")
    kind = data[12:16]
    if kind == b"VP8X":
        return 1 + int.from_bytes(data[27:30], "little"), 1 + int.from_bytes(data[24:27], "little")
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return 1 + (bits >> 14 & 0x3FFF), 1 + (bits & 0x3FFF)
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return height & 0x3FFF, width & 0x3FFF
    raise ValueError(f"its first chunk is {kind!r}, need b'VP8 ', b'VP8L' or b'VP8X'")


def _bmp_size(data: bytes) -> tuple[int, int]:
    start, header_length = struct.unpack_from("<II", data, 10)
    if header_length < 40:
        raise ValueError(f"a header of {header_length} bytes, need 40 or more")
    width, height, _, depth, compression = struct.unpack_from("<iiHHI", data, 18)
    height = abs(height)  # a negative one means that the first row is the top one
    if compression not in {0, 3}:
        raise ValueError(f"compression {compression}, need none")
    needed = start + height * (-(-width * depth // 32) * 4)
    if len(data) < needed:
        raise ValueError(f"truncated: {len(data)} bytes, need {needed}")
    return height, width


def _netpbm_size(data: bytes) -> tuple[int, int]:
    header = read_netpbm_header(data)
    return header.height, header.width


# Format, how its bytes begin, and what reads (height, width) and makes sure that the end is there.
_FORMATS: tuple[tuple[str, re.Pattern[bytes], Callable[[bytes], tuple[int, int]]], ...] = (
    ("JPEG", re.compile(rb"\xff\xd8\xff"), _jpeg_size),
    ("PNG", re.compile(rb"\x89PNG\r\n\x1a\n"), _png_size),
    ("WebP", re.compile(rb"RIFF....WEBP", re.DOTALL), _webp_size),
    ("BMP", re.compile(rb"BM"), _bmp_size),
    ("PGM/PPM", re.compile(rb"P[2356][\s#]"), _netpbm_size),
)
