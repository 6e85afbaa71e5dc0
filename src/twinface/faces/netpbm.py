"""PGM and PPM pictures, plain and binary: what the ORL faces come in.

They are read here because OpenCV reads them wrongly: it leaves a picture whose brightest sample is
not 255 as dark as its numbers are, and it refuses a plain file that lacks the last newline.

Problems are raised as `ValueError`; `imaging` says which picture they were met in.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from twinface.core.types import ByteArray

# The width, the height and the brightest sample, parted by white space and `#` comments, and then the
# one white space before the samples. Nine digits each keep a hostile header from making huge integers.
_GAP = rb"(?:\s|#[^\n]*\n)+"
_HEADER = re.compile(rb"P([2356])" + 3 * (_GAP + rb"(\d{1,9})") + rb"\s")
_LONGEST_HEADER = 4096


@dataclass(frozen=True)
class NetpbmHeader:
    """What stands before the samples of a PGM or PPM file.

    Attributes:
        plain: the samples are decimal numbers rather than bytes.
        channels: 1 (PGM) or 3 (PPM).
        height, width: in pixels.
        brightest: the sample that means full brightness, 1 to 65,535.
        start: where the samples begin, in bytes.
    """

    plain: bool
    channels: int
    height: int
    width: int
    brightest: int
    start: int

    @property
    def samples(self) -> int:
        """How many numbers the picture has."""
        return self.height * self.width * self.channels


def read_netpbm_header(data: bytes) -> NetpbmHeader:
    """Reads the header and checks that as many bytes follow as it promises, without reading them.

    Raises:
        ValueError: the header is no PGM or PPM header, or too few bytes follow.
    """
    match = _HEADER.match(data[:_LONGEST_HEADER])
    if match is None:
        raise ValueError("need width, height and the brightest sample after P2, P3, P5 or P6")
    kind, width, height, brightest = (int(group) for group in match.groups())
    if not 1 <= brightest <= 65535:
        raise ValueError(f"the brightest sample is {brightest}, need 1 to 65535")
    header = NetpbmHeader(kind < 5, 1 if kind in {2, 5} else 3, height, width, brightest, match.end())
    found = len(data) - header.start
    # Every plain sample takes a digit, and white space before the next.
    needed = 2 * header.samples - 1 if header.plain else header.samples * _sample_type(header).itemsize
    if found < needed:
        raise ValueError(f"cut short: {found} bytes of samples, need {needed}")
    return header


def decode_netpbm(data: bytes) -> ByteArray:
    """Decodes a PGM or PPM file to [H, W, C] uint8 with C = 1 or 3 (RGB).

    Samples are scaled so that the brightest possible one becomes 255.

    Raises:
        ValueError: the file is damaged or cut short.
    """
    header = read_netpbm_header(data)
    if header.plain:
        samples = _plain_samples(data[header.start :])
    else:
        samples = np.frombuffer(data, _sample_type(header), count=header.samples, offset=header.start)
    if len(samples) < header.samples:
        raise ValueError(f"cut short: {len(samples)} samples, need {header.samples}")
    samples = samples[: header.samples]
    if samples.min() < 0 or samples.max() > header.brightest:
        raise ValueError(f"a sample is outside 0 to {header.brightest}")
    levels = np.arange(header.brightest + 1)
    to_byte = ((levels * 255 + header.brightest // 2) // header.brightest).astype(np.uint8)
    pixels: ByteArray = to_byte[samples].reshape(header.height, header.width, header.channels)
    return pixels


def _sample_type(header: NetpbmHeader) -> np.dtype[np.integer]:
    return np.dtype(np.uint8 if header.brightest < 256 else ">u2")


def _plain_samples(text: bytes) -> np.ndarray[tuple[int], np.dtype[np.integer]]:
    # No `count` is given: with one, NumPy fills up what is missing with whatever the memory held.
    # 64 bits, since a number too large for the type would come back as another, valid one.
    return np.fromstring(text, dtype=np.int64, sep=" ")
