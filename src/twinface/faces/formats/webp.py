"""WebP: its chunks, and its first frame as a file of its own."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from twinface.faces.formats.exif import EXIF_HEADER, MAX_EXIF_BYTES
from twinface.faces.formats.structure import Structure
from twinface.faces.formats.webp_lossless import check_tiles

MAX_WEBP_CHUNKS = 100_000

_FIRST_CHUNK = 12
_FRAME_HEADER_BYTES = 16
_LOSSY, _LOSSLESS, _EXTENDED, _ANIMATION_FRAME = b"VP8 ", b"VP8L", b"VP8X", b"ANMF"
_HAS_ALPHA = 1 << 28  # in the header of a lossless picture
_SHORTEST_FILE = 64  # OpenCV takes no file of less than 32 bytes for a WebP

# Seconds a pixel and a byte.
_COST = {_LOSSY: (28e-9, 22e-9), _LOSSLESS: (20e-9, 4e-9)}


class WebpFrame(NamedTuple):
    """The first picture in a WebP file, and where it lies on the canvas.

    Attributes:
        kind: b"VP8 " (lossy) or b"VP8L" (lossless).
        start, stop: where its compressed data are in the file.
        height, width: of the picture, in pixels.
        top, left: where it lies on the canvas.
        canvas_height, canvas_width: of the whole, in pixels.
        exif: the EXIF data.
    """

    kind: bytes
    start: int
    stop: int
    height: int
    width: int
    top: int
    left: int
    canvas_height: int
    canvas_width: int
    exif: bytes = b""

    @property
    def fills_canvas(self) -> bool:
        """Whether nothing of the canvas is left free."""
        return (self.height, self.width) == (self.canvas_height, self.canvas_width)


def read_webp(data: bytes) -> Structure:
    """Compares the file's length with the one in its header, and finds the first frame."""
    frame = webp_frame(data)
    if frame.kind == _LOSSLESS:
        check_tiles(data, frame.start, frame.stop, frame.height * frame.width)
    pixel, byte = _COST[frame.kind]
    seconds = frame.canvas_height * frame.canvas_width * pixel + (frame.stop - frame.start) * byte
    return Structure(frame.canvas_height, frame.canvas_width, seconds, frame.exif)


def webp_frame(data: bytes) -> WebpFrame:
    """Finds the first frame of a WebP file.

    Raises:
        ValueError, struct.error: the file is damaged or truncated.
    """
    (length,) = struct.unpack_from("<I", data, 4)
    end = length + 8
    if end > len(data):
        raise ValueError(f"truncated: {len(data)} bytes, need {end}")
    kind, start, stop = next(_chunks(data, _FIRST_CHUNK, end), (b"", 0, 0))
    if kind in _COST:
        return _frame(data, kind, start, stop)
    if kind != _EXTENDED or stop - start < 10:
        raise ValueError("its first chunk is none of VP8, VP8L and VP8X")
    canvas = _plus_one(data, start + 7), _plus_one(data, start + 4)
    found = None
    exif = b""
    rest = stop + (stop - start & 1)
    for kind, start, stop in _chunks(data, rest, end):
        if kind == b"EXIF" and stop - start <= MAX_EXIF_BYTES:
            exif = data[start:stop].removeprefix(EXIF_HEADER)
        elif found is None and kind in _COST:
            found = _frame(data, kind, start, stop)
            if (found.height, found.width) != canvas:
                raise ValueError("its picture has another size than its canvas")
        elif found is None and kind == _ANIMATION_FRAME:
            found = _animation_frame(data, start, stop)
    if found is None:
        raise ValueError("it has no picture")
    found = found._replace(canvas_height=canvas[0], canvas_width=canvas[1], exif=exif)
    if found.top + found.height > canvas[0] or found.left + found.width > canvas[1]:
        raise ValueError("its first frame leaves its canvas")
    return found


def still_webp(data: bytes, frame: WebpFrame) -> bytearray:
    """The first frame as a WebP of its own: no animation, no transparency, no metadata.

    All versions of OpenCV decode it alike, and it takes a third of the memory of an animation.
    """
    length = frame.stop - frame.start
    padded = length + (length & 1)
    head = struct.pack("<4sI4s4sI", b"RIFF", 12 + padded, b"WEBP", frame.kind, length)
    still = bytearray(max(len(head) + padded, _SHORTEST_FILE))
    still[: len(head)] = head
    still[len(head) : len(head) + length] = memoryview(data)[frame.start : frame.stop]
    if frame.kind == _LOSSLESS:
        (bits,) = struct.unpack_from("<I", still, len(head) + 1)
        struct.pack_into("<I", still, len(head) + 1, bits & ~_HAS_ALPHA)
    return still


def _animation_frame(data: bytes, start: int, stop: int) -> WebpFrame:
    """The picture in a frame of an animation."""
    left, top = 2 * _int24(data, start), 2 * _int24(data, start + 3)
    for kind, first, last in _chunks(data, start + _FRAME_HEADER_BYTES, stop):
        if kind in _COST:
            return _frame(data, kind, first, last)._replace(top=top, left=left)
    raise ValueError("its first frame has no picture")


def _frame(data: bytes, kind: bytes, start: int, stop: int) -> WebpFrame:
    """A picture whose canvas is the picture itself; the size is in its first bytes."""
    if stop - start < 10:
        raise ValueError("truncated: a picture of less than 10 bytes")
    if kind == _LOSSLESS:
        (bits,) = struct.unpack_from("<I", data, start + 1)
        height, width = 1 + (bits >> 14 & 0x3FFF), 1 + (bits & 0x3FFF)
    else:
        width, height = (side & 0x3FFF for side in struct.unpack_from("<HH", data, start + 6))
    return WebpFrame(kind, start, stop, height, width, 0, 0, height, width)


def _chunks(data: bytes, position: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """The type of each chunk before `end`, and where its content starts and stops."""
    for _ in range(MAX_WEBP_CHUNKS):
        if position + 8 > end:
            return
        kind, length = struct.unpack_from("<4sI", data, position)
        start, stop = position + 8, position + 8 + length
        if stop > end:
            raise ValueError("truncated: a chunk is longer than the file")
        yield kind, start, stop
        position = stop + (length & 1)
    raise ValueError(f"more than {MAX_WEBP_CHUNKS:,} chunks")


def _int24(data: bytes, position: int) -> int:
    return int.from_bytes(data[position : position + 3], "little")


def _plus_one(data: bytes, position: int) -> int:
    return 1 + _int24(data, position)
