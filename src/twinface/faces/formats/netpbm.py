"""PGM and PPM: the header before the samples."""

from __future__ import annotations

import re
from typing import NamedTuple

from twinface.faces.formats.structure import Structure

# The width, the height and the largest sample, separated by white space and `#` comments, and one white space before
# the samples. At most nine digits each, so that a hostile header cannot make huge integers.
_GAP = rb"(?:\s|#[^\n]*\n)+"
_HEADER = re.compile(rb"P([2356])" + 3 * (_GAP + rb"(\d{1,9})") + rb"\s")
_LONGEST_HEADER = 4096
_BYTE = 8e-9  # seconds a byte of the file


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

    @property
    def channels(self) -> int:
        """Samples a pixel."""
        return 1 if self.kind in {2, 5} else 3

    @property
    def is_plain(self) -> bool:
        """Whether the samples are decimal numbers."""
        return self.kind < 5


def netpbm_header(data: bytes) -> NetpbmHeader:
    """Reads the header of a PGM or PPM file.

    Raises:
        ValueError: the bytes are no such header.
    """
    match = _HEADER.match(data[:_LONGEST_HEADER])
    if match is None:
        raise ValueError("need width, height and the largest sample after P2, P3, P5 or P6")
    kind, width, height, largest = (int(group) for group in match.groups())
    if not 1 <= largest <= 65535:
        raise ValueError(f"the largest sample is {largest}, need 1 to 65535")
    return NetpbmHeader(kind, width, height, largest, match.end())


def read_netpbm(data: bytes) -> Structure:
    """Compares the number of bytes behind the header with the number of samples that it announces."""
    header = netpbm_header(data)
    samples = header.width * header.height * header.channels
    # In a plain file each sample has at least one digit, and white space before the next sample.
    needed = 2 * samples - 1 if header.is_plain else samples * (1 if header.largest < 256 else 2)
    if len(data) - header.start < needed:
        raise ValueError(f"truncated: {len(data) - header.start} bytes of samples, need {needed}")
    return Structure(header.height, header.width, len(data) * _BYTE)
