"""The size of a picture in each format that is read, found by walking the file's structure without decoding it.

Each function takes a whole file, returns (height, width) in pixels before any EXIF turn, and raises `ValueError` or
`struct.error` if the file is damaged or its end is missing.
"""

from __future__ import annotations

import re
import struct
from typing import NamedTuple

# A JPEG has about ten scans. A hostile file may hold a million scans of a few bytes each, and the decoder visits the
# whole picture for each of them.
MAX_JPEG_SCANS = 100

# The markers that a length follows. `FF 00` is a byte of picture data, `FF 01` and `FF D0` to `FF D7` have no length,
# and further `FF` may precede a marker.
_JPEG_MARKER = re.compile(rb"\xff([^\x00\x01\xd0-\xd7\xff])")
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_START_OF_SCAN, _END_OF_IMAGE = 0xDA, 0xD9

# The width, the height and the largest sample, separated by white space and `#` comments, and one white space before
# the samples. At most nine digits each, so that a hostile header cannot make huge integers.
_GAP = rb"(?:\s|#[^\n]*\n)+"
_NETPBM_HEADER = re.compile(rb"P([2356])" + 3 * (_GAP + rb"(\d{1,9})") + rb"\s")
_LONGEST_NETPBM_HEADER = 4096


def jpeg_size(data: bytes) -> tuple[int, int]:
    """Walks from marker to marker, as libjpeg does, until the end of the image.

    Segments are skipped by their length. So an end marker inside a segment, such as that of a thumbnail, is not taken
    for the end of the picture.
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


def png_size(data: bytes) -> tuple[int, int]:
    """Walks from chunk to chunk until the end chunk."""
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


def webp_size(data: bytes) -> tuple[int, int]:
    """Compares the file's length with the one in its header."""
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


def bmp_size(data: bytes) -> tuple[int, int]:
    """Compares the file's length with that of the rows that its header announces."""
    start, header_length = struct.unpack_from("<II", data, 10)
    if header_length < 40:
        raise ValueError(f"a header of {header_length} bytes, need 40 or more")
    width, height, _, depth, compression = struct.unpack_from("<iiHHI", data, 18)
    height = abs(height)  # a negative height means that the first row is the top one
    if compression not in {0, 3}:
        raise ValueError(f"compression {compression}, need none")
    needed = start + height * (-(-width * depth // 32) * 4)
    if len(data) < needed:
        raise ValueError(f"truncated: {len(data)} bytes, need {needed}")
    return height, width


class NetpbmHeader(NamedTuple):
    """The text before the samples of a PGM or PPM file.

    Attributes:
        kind: 2 (PGM) and 3 (PPM) have samples as decimal numbers, 5 (PGM) and 6 (PPM) as bytes.
        width, height: in pixels.
        largest: the sample that means full brightness, 1 to 65,535.
        start: position of the first sample, in bytes.
    """

    kind: int
    width: int
    height: int
    largest: int
    start: int


def netpbm_header(data: bytes) -> NetpbmHeader:
    """Reads the header of a PGM or PPM file.

    Raises:
        ValueError: the bytes are no such header.
    """
    match = _NETPBM_HEADER.match(data[:_LONGEST_NETPBM_HEADER])
    if match is None:
        raise ValueError("need width, height and the largest sample after P2, P3, P5 or P6")
    kind, width, height, largest = (int(group) for group in match.groups())
    if not 1 <= largest <= 65535:
        raise ValueError(f"the largest sample is {largest}, need 1 to 65535")
    return NetpbmHeader(kind, width, height, largest, match.end())


def netpbm_size(data: bytes) -> tuple[int, int]:
    """Compares the number of bytes behind the header with the number of samples that it announces."""
    kind, width, height, largest, start = netpbm_header(data)
    samples = width * height * (1 if kind in {2, 5} else 3)
    # In a plain file each sample has at least one digit, and white space before the next sample.
    needed = 2 * samples - 1 if kind < 5 else samples * (1 if largest < 256 else 2)
    if len(data) - start < needed:
        raise ValueError(f"truncated: {len(data) - start} bytes of samples, need {needed}")
    return height, width
