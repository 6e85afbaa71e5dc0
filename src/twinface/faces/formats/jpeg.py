"""JPEG: a walk from marker to marker."""

from __future__ import annotations

import re
import struct

from twinface.faces.formats.exif import EXIF_HEADER
from twinface.faces.formats.structure import Structure

# A JPEG has about ten scans. A hostile file may hold a million scans of a few bytes each, and the decoder visits the
# whole picture for each of them.
MAX_JPEG_SCANS = 100
# A photo has some ten segments. With metadata of 64 MiB in segments of 64 KiB it would be a thousand.
MAX_JPEG_SEGMENTS = 10_000

# The markers that a length follows. `FF 00` is a byte of picture data, `FF 01` and `FF D0` to `FF D7` have no length,
# and further `FF` may precede a marker.
_MARKER = re.compile(rb"\xff([^\x00\x01\xd0-\xd7\xff])")
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_BASELINE, _EXTENDED, _PROGRESSIVE = 0xC0, 0xC1, 0xC2
_START_OF_SCAN, _END_OF_IMAGE, _APPLICATION_1 = 0xDA, 0xD9, 0xE1

# Seconds a pixel, a pixel of each scan, and a byte of picture data.
_PIXEL, _PIXEL_OF_A_SCAN, _BYTE, _PROGRESSIVE_BYTE = 12e-9, 0.6e-9, 6e-9, 22e-9


def read_jpeg(data: bytes) -> Structure:
    """Walks from marker to marker, as libjpeg does, until the end of the image.

    Segments are skipped by their length. So an end marker inside a segment, such as that of a thumbnail, is not taken
    for the end of the picture.
    """
    frame = None
    exif = b""
    scans = coded = 0
    position = 2
    for _ in range(MAX_JPEG_SEGMENTS):
        marker = _MARKER.search(data, position)
        if marker is None:
            raise ValueError("truncated: its end marker is missing")
        coded += marker.start() - position
        code = marker[1][0]
        if code == _END_OF_IMAGE:
            if frame is None or not scans:
                raise ValueError("it ends before its picture begins")
            return _structure(frame, scans, coded, exif)
        (length,) = struct.unpack_from(">H", data, marker.end())
        if length < 2:
            raise ValueError(f"a segment of {length} bytes, need 2 or more")
        begin, position = marker.end() + 2, marker.end() + length
        if code in _FRAMES and frame is None:
            frame = code, *struct.unpack_from(">HH", data, begin + 1)
        elif code == _START_OF_SCAN:
            scans += 1
            if scans > MAX_JPEG_SCANS:
                raise ValueError(f"more than {MAX_JPEG_SCANS} scans")
        elif code == _APPLICATION_1 and not exif and data.startswith(EXIF_HEADER, begin):
            exif = data[begin + len(EXIF_HEADER) : position]
    raise ValueError(f"more than {MAX_JPEG_SEGMENTS:,} segments")


def _structure(frame: tuple[int, int, int], scans: int, coded: int, exif: bytes) -> Structure:
    """From a frame's kind, height and width, the number of scans, and the bytes of picture data."""
    kind, height, width = frame
    if kind not in {_BASELINE, _EXTENDED, _PROGRESSIVE}:
        raise ValueError("it is lossless, hierarchical or arithmetic-coded: save it as an ordinary JPEG")
    byte = _PROGRESSIVE_BYTE if kind == _PROGRESSIVE else _BYTE
    seconds = height * width * (_PIXEL + scans * _PIXEL_OF_A_SCAN) + coded * byte
    return Structure(height, width, seconds, exif)
