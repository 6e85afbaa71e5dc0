"""How EXIF data ask to turn a picture.

This is read here and not by OpenCV because its versions differ: those before 4.12 do not turn a WebP.
"""

from __future__ import annotations

import struct

EXIF_HEADER = b"Exif\0\0"
MAX_EXIF_BYTES = 1 << 20  # a JPEG has room for 64 KiB
_BYTE_ORDERS = {b"II*\0": "<", b"MM\0*": ">"}
_ORIENTATION = 0x0112


def orientation(exif: bytes) -> int:
    """The orientation that EXIF data state: 1 (upright) to 8. It is 1 if they are damaged or say nothing.

    Source: EXIF 2.32, section 4.6; the data are the first directory of a TIFF file.

    Args:
        exif: the data from their byte order mark on.
    """
    order = _BYTE_ORDERS.get(exif[:4])
    if order is None:
        return 1
    try:
        (directory,) = struct.unpack_from(f"{order}I", exif, 4)
        (entries,) = struct.unpack_from(f"{order}H", exif, directory)
        for entry in range(entries):
            tag, _, _, value = struct.unpack_from(f"{order}HHIH", exif, directory + 2 + 12 * entry)
            if tag == _ORIENTATION:
                return value if 1 <= value <= 8 else 1
    except struct.error:
        pass  # a damaged directory turns nothing
    return 1
