"""Checks a picture's bytes before they are decoded: its format, its size, and that its end is there.

A decoder trusts the header. A PNG of some hundred kilobytes can make it allocate gigabytes, a JPEG that was cut off
during a download is decoded with a gray lower part, and some large pictures keep a core busy for seconds. All are
refused here, within some microseconds.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass

from twinface.core.errors import ImageError
from twinface.faces.extra_formats import extra_format_of
from twinface.faces.files import MAX_FILE_BYTES
from twinface.faces.formats.bmp import read_bmp
from twinface.faces.formats.jpeg import read_jpeg
from twinface.faces.formats.netpbm import read_netpbm
from twinface.faces.formats.png import read_png
from twinface.faces.formats.structure import Structure
from twinface.faces.formats.webp import read_webp

MAX_PIXELS = 25_000_000
MIN_SIDE = 8
MAX_SECONDS = 1.0  # of decoding, see `Structure`

# Format, how its bytes begin, and the function that reads its structure.
_FORMATS: tuple[tuple[str, re.Pattern[bytes], Callable[[bytes], Structure]], ...] = (
    ("JPEG", re.compile(rb"\xff\xd8\xff"), read_jpeg),
    ("PNG", re.compile(rb"\x89PNG\r\n\x1a\n"), read_png),
    ("WebP", re.compile(rb"RIFF....WEBP", re.DOTALL), read_webp),
    ("BMP", re.compile(rb"BM"), read_bmp),
    ("PGM/PPM", re.compile(rb"P[2356][\s#]"), read_netpbm),
)
# Formats that people may try, so that the error can name them.
_NOT_READ: tuple[tuple[str, re.Pattern[bytes]], ...] = (
    ("GIF", re.compile(rb"GIF8")),
    ("TIFF", re.compile(rb"II\*\0|MM\0\*")),
    ("HEIC or AVIF", re.compile(rb"....ftyp(hei|hev|mif1|msf1|avi)", re.DOTALL)),
    ("PDF", re.compile(rb"%PDF-")),
)


@dataclass(frozen=True)
class ImageHeader:
    """The format of a picture by name, its size in pixels before any EXIF turn, and its EXIF data ("" if it has none).

    See `Structure` for the data.
    """

    format: str
    height: int
    width: int
    exif: bytes = b""


def read_image_header(data: bytes, name: str) -> ImageHeader:
    """Checks a picture's bytes without decoding them.

    Args:
        data: the whole file.
        name: what to call the picture in an error.

    Raises:
        ImageError: the format is not supported, the file is damaged, truncated or larger than 64 MiB, or the picture
            has more than 25 million pixels or a side of fewer than 8, or would take more than a second to decode.
    """
    if len(data) > MAX_FILE_BYTES:
        raise ImageError(f"{name}: more than {MAX_FILE_BYTES >> 20} MiB, need a smaller file")
    kind, (height, width, seconds, exif) = read_structure(data, name)
    if height * width > MAX_PIXELS:
        raise ImageError(
            f"{name}: {width} x {height} pixels, need at most {MAX_PIXELS:,} in all: make it smaller"
        )
    if min(height, width) < MIN_SIDE:
        raise ImageError(f"{name}: {width} x {height} pixels, need at least {MIN_SIDE} x {MIN_SIDE}")
    if seconds > MAX_SECONDS:
        raise ImageError(
            f"{name}: a {kind} of {width} x {height} pixels and {len(data) / 2**20:.1f} MiB takes about "
            f"{seconds:.1f} s to decode, need at most {MAX_SECONDS:g} s: make it smaller, or save it as an ordinary "
            "JPEG"
        )
    return ImageHeader(kind, height, width, exif)


def read_structure(data: bytes, name: str) -> tuple[str, Structure]:
    """A picture's format, and what its bytes say about it; no limit is checked.

    Raises:
        ImageError: the format is not supported, or the file is damaged or truncated.
    """
    kind, read = _format_of(data, name)
    try:
        return kind, read(data)
    except (ValueError, struct.error) as error:
        reason = "truncated inside its header" if isinstance(error, struct.error) else error
        raise ImageError(f"{name}: damaged {kind}: {reason}; need the whole, unchanged file") from error


def _format_of(data: bytes, name: str) -> tuple[str, Callable[[bytes], Structure]]:
    for kind, pattern, read in _FORMATS:
        if pattern.match(data):
            return kind, read
    extra = extra_format_of(data)
    if extra is None:
        raise _unsupported(data, name)
    if missing := extra.missing():
        raise ImageError(f"{name}: found a {extra.name} file, which needs another package: {missing}")
    return extra.name, extra.structure


def _unsupported(data: bytes, name: str) -> ImageError:
    # Bytes of the file are not quoted: it may be any file of this machine, and the message ends up in reports.
    names = ", ".join(kind for kind, _, _ in _FORMATS)
    for kind, pattern in _NOT_READ:
        if pattern.match(data):
            return ImageError(f"{name}: found a {kind} file, need one of {names}: convert it")
    return ImageError(f"{name}: not a picture in a supported format, need one of {names}")
