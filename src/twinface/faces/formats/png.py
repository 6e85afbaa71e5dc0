"""PNG: a walk from chunk to chunk, and a PNG without the chunks that decoding does not need."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from twinface.faces.formats.exif import MAX_EXIF_BYTES
from twinface.faces.formats.structure import Structure

# Encoders write chunks of 8 KiB and more, so 64 MiB are about 8,000.
MAX_PNG_CHUNKS = 100_000

_SIGNATURE_BYTES = 8
_DRAWN = frozenset({b"IHDR", b"PLTE", b"IDAT", b"IEND"})
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # type of color → samples a pixel
_ROW_BYTE, _FILE_BYTE = 8.5e-9, 5e-9  # seconds a byte of inflated rows, and of the file


def read_png(data: bytes) -> Structure:
    """Walks from chunk to chunk until the end chunk."""
    length, kind, width, height, depth, color = struct.unpack_from(">I4sIIBB", data, _SIGNATURE_BYTES)
    if kind != b"IHDR" or length != 13:
        raise ValueError("its first chunk is no header (IHDR of 13 bytes)")
    if color not in _CHANNELS:
        raise ValueError(f"a color type of {color}, need one of {sorted(_CHANNELS)}")
    exif = b""
    drawn = 0
    for kind, start, stop in _chunks(data):
        if kind == b"eXIf" and stop - start <= MAX_EXIF_BYTES:
            exif = data[start + 8 : stop - 4]
        drawn += kind == b"IDAT"
    if not drawn:
        raise ValueError("it has no pixels (no IDAT chunk)")
    row = -(-width * _CHANNELS[color] * depth // 8)
    return Structure(height, width, height * row * _ROW_BYTE + len(data) * _FILE_BYTE, exif)


def drawn_chunks(data: bytes) -> bytes:
    """The PNG with only the chunks that its pixels need.

    A few megabytes of compressed text can keep libpng busy for minutes, a broken first frame of an animation ends the
    process in OpenCV 4.12, OpenCV 5 makes room for any length that a chunk states, and transparency is ignored anyway.
    Of an animation its default picture is left, which is the first frame.

    Args:
        data: a whole file, which `read_png` has accepted.
    """
    view = memoryview(data)
    kept = [view[:_SIGNATURE_BYTES]]
    kept += [view[start:stop] for kind, start, stop in _chunks(data) if kind in _DRAWN]
    is_whole = sum(map(len, kept)) == len(data)
    return data if is_whole else b"".join(kept)


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """The type of each chunk until the end chunk, and where it starts and stops."""
    position = _SIGNATURE_BYTES
    for _ in range(MAX_PNG_CHUNKS):
        start = position
        if start + 12 > len(data):
            raise ValueError("truncated: its end chunk is missing")
        length, kind = struct.unpack_from(">I4s", data, start)
        position += 12 + length
        if position > len(data):
            raise ValueError("truncated: a chunk is longer than the file")
        yield kind, start, position
        if kind == b"IEND":
            return
    raise ValueError(f"more than {MAX_PNG_CHUNKS:,} chunks")
