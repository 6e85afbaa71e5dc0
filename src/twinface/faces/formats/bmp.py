"""BMP: the size in its header."""

from __future__ import annotations

import struct

from twinface.faces.formats.structure import Structure

_BYTE = 2e-9  # seconds a byte of the file


def read_bmp(data: bytes) -> Structure:
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
    return Structure(height, width, len(data) * _BYTE)
