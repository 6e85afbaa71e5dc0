"""What a picture file says about itself before it is decoded."""

from __future__ import annotations

from typing import NamedTuple


class Structure(NamedTuple):
    """What was found in a file without decoding it.

    Attributes:
        height, width: in pixels, before any EXIF turn.
        seconds: about how long OpenCV takes to decode it on one core. The formulas are rounded from measurements on a
            core of 2024 (`benchmarks/hostile_pictures.py` prints both); they matter near the limit only.
        exif: the EXIF data, from its byte order mark on; empty if there are none.
    """

    height: int
    width: int
    seconds: float
    exif: bytes = b""
