"""Decodes the samples of a PGM or PPM file."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from twinface.core.types import ByteArray
from twinface.faces.formats.netpbm import NetpbmHeader, netpbm_header

_SAMPLES_AT_A_TIME = 3 << 18


def decode_netpbm(data: bytes) -> ByteArray:
    """[H, W, C] with C = 1 (PGM) or 3 (PPM, RGB), scaled so that the largest possible sample becomes 255.

    Args:
        data: a whole file, which `read_netpbm` has accepted.

    Raises:
        ValueError: a sample is larger than the largest possible one, or is no number.
        cv2.error: likewise.
    """
    header = netpbm_header(data)
    samples = _plain_samples(data, header) if header.is_plain else _raw_samples(data, header)
    levels = np.arange(header.largest + 1)
    to_byte = ((levels * 255 + header.largest // 2) // header.largest).astype(np.uint8)
    pixels = np.empty(samples.size, np.uint8)
    # A block at a time, because NumPy makes eight bytes of each sample to look it up.
    for first in range(0, samples.size, _SAMPLES_AT_A_TIME):
        block = samples[first : first + _SAMPLES_AT_A_TIME]
        if (most := int(block.max())) > header.largest:
            raise ValueError(f"a sample of {most}, need at most {header.largest}")
        if header.is_plain and header.channels == 3:  # OpenCV has blue first
            block = block.reshape(-1, 3)[:, ::-1].reshape(-1)
        pixels[first : first + block.size] = block if header.largest == 255 else to_byte[block]
    return pixels.reshape(header.height, header.width, header.channels)


def _raw_samples(data: bytes, header: NetpbmHeader) -> np.ndarray[Any, Any]:
    """[H × W × C], as the samples lie in the file."""
    count = header.height * header.width * header.channels
    return np.frombuffer(data, np.uint8 if header.largest < 256 else ">u2", count, header.start)


def _plain_samples(data: bytes, header: NetpbmHeader) -> np.ndarray[Any, Any]:
    """[H × W × C] uint16, from decimal numbers; of a PPM with blue first.

    OpenCV itself scales plain files, and rounds them down. So it is given a header that makes it return the samples as
    they are. That header also makes sure that OpenCV and the check before agree on the size.
    """
    head = b"P%d\n%d %d\n65535\n" % (header.kind, header.width, header.height)
    # OpenCV refuses a plain file that does not end in white space, so a line end is added.
    rewritten = b"".join((head, memoryview(data)[header.start :], b"\n"))
    decoded = cv2.imdecode(np.frombuffer(rewritten, np.uint8), cv2.IMREAD_ANYCOLOR | cv2.IMREAD_ANYDEPTH)
    if decoded is None:
        raise ValueError("its samples cannot be decoded")
    return decoded.reshape(-1)
