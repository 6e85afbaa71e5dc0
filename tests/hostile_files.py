"""Hostile pictures: mutated ones, and ones that are built to be slow or large."""

from __future__ import annotations

import struct
import zlib

import numpy as np

from pictures import VALID, png_chunk

NUMBERS = (b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff", b"\0\0\x01\0", b"\x01\0\0\0")


def mutated(data: bytes, rng: np.random.Generator) -> bytes:
    """A few bits or bytes changed, removed, put in, repeated or cut off, mostly in the header, where they do most."""
    changed = bytearray(data)
    for _ in range(rng.integers(1, 6)):
        limit = len(changed) if rng.random() < 0.5 else min(len(changed), 64)
        where = int(rng.integers(limit)) if limit else 0
        match rng.integers(6):
            case 0:
                changed[where : where + 1] = rng.bytes(1)
            case 1:
                changed[where : where + 4] = NUMBERS[rng.integers(len(NUMBERS))]
            case 2:
                del changed[where : where + int(rng.integers(1, 9))]
            case 3:
                changed[where:where] = rng.bytes(int(rng.integers(1, 9)))
            case 4:
                changed[where : where + 1] = bytes(
                    byte ^ 1 << rng.integers(8) for byte in changed[where : where + 1]
                )
            case 5:
                changed[where:where] = changed[where : where + int(rng.integers(1, 200))] * int(
                    rng.integers(1, 4)
                )
    return bytes(changed[: rng.integers(len(changed) + 1)] if rng.random() < 0.1 else changed)


def png_with(*chunks: bytes, png: bytes = VALID["png"]) -> bytes:
    """A PNG with chunks put in behind its header chunk."""
    return png[:33] + b"".join(chunks) + png[33:]


def text_bomb(kind: bytes, size: int = 7_900_000) -> bytes:
    """A chunk of compressed text or of a color profile: some 8 kB that inflate to `size` bytes."""
    before = {b"zTXt": b"a\0\0", b"iTXt": b"a\0\1\0\0\0", b"iCCP": b"a\0\0"}[kind]
    return png_chunk(kind, before + zlib.compress(bytes(size), 9))


def png_of(side: int, depth: int, color: int, row: bytes) -> bytes:
    """A square PNG whose rows are all alike, of any depth and type of color; `row` begins with its filter."""
    header = struct.pack(">IIBBBBB", side, side, depth, color, 0, 0, 0)
    packer = zlib.compressobj(1)
    rows = b"".join([*(packer.compress(row) for _ in range(side)), packer.flush()])
    chunks = png_chunk(b"IHDR", header) + png_chunk(b"IDAT", rows) + png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def jpeg_of_size(data: bytes, height: int, width: int) -> bytes:
    """A JPEG whose frame header states another size."""
    frame = next(place for code in (b"\xff\xc0", b"\xff\xc2") if (place := data.find(code)) > 0)
    return data[: frame + 5] + struct.pack(">HH", height, width) + data[frame + 9 :]


def jpeg_of_scans(scans: int, data: bytes = VALID["jpeg progressive"]) -> bytes:
    """A JPEG whose last scan comes again and again."""
    last = data.rindex(b"\xff\xda")
    return data[:last] + data[last:-2] * (scans + 1 - data.count(b"\xff\xda")) + data[-2:]
