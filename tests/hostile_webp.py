"""A lossless WebP of a few hundred kilobytes whose decoder needs hundreds of megabytes.

Format: https://developers.google.com/speed/webp/docs/webp_lossless_bitstream_specification
"""

from __future__ import annotations

import struct


class BitWriter:
    """Writes numbers of any width, lowest bit first."""

    def __init__(self) -> None:
        self._value = self._count = 0
        self._out = bytearray()

    def put(self, value: int, width: int) -> None:
        self._value |= value << self._count
        self._count += width
        while self._count >= 8:
            self._out.append(self._value & 255)
            self._value >>= 8
            self._count -= 8

    def one_symbol(self, symbol: int = 0) -> None:
        """A code of one symbol, 0 or 1, which then takes no bits."""
        self.put(0b001 | symbol << 3, 4)

    def all_bytes(self, alphabet: int) -> None:
        """A code in which the symbols 0 to 255 take 8 bits each, and further ones do not occur."""
        order = (17, 18, 0, 1, 2, 3, 4, 5, 16, 6, 7, 8)
        self.put(0, 1)
        self.put(len(order) - 4, 4)
        for symbol in order:
            self.put(int(symbol in (8, 18)), 3)
        self.put(0, 1)
        self.put(0, 256)  # 256 times "length 8"
        if alphabet > 256:
            self.put(1, 1)  # "a run of zeros"
            self.put(alphabet - 256 - 11, 7)

    def finished(self) -> bytes:
        return bytes(self._out) + bytes([self._value & 255]) + bytes(64)


def webp_of_groups(side: int, groups: int, tile_bits: int = 2, transform_bits: int | None = None) -> bytes:
    """A black square picture with a group of five codes for each tile of 2^tile_bits pixels a side.

    Args:
        side: in pixels.
        groups: how many groups there are; later tiles use the last one.
        tile_bits: 2 to 9.
        transform_bits: puts a predictor transform with tiles of that size before it.
    """
    bits = BitWriter()
    bits.put(side - 1, 14)
    bits.put(side - 1, 14)
    bits.put(0, 4)
    if transform_bits is not None:
        bits.put(0b001, 3)
        bits.put(transform_bits - 2, 3)
        bits.put(0, 1)
        for _ in range(5):
            bits.one_symbol()
    bits.put(0b100, 3)  # no transform any more, no color cache, several groups
    bits.put(tile_bits - 2, 3)
    bits.put(0, 1)
    bits.all_bytes(280)
    bits.all_bytes(256)
    for _ in range(3):
        bits.one_symbol()
    tiles = (-(-side // (1 << tile_bits))) ** 2
    for tile in range(tiles):
        group = min(tile, groups - 1)
        for byte in (group & 255, group >> 8):
            bits.put(int(f"{byte:08b}"[::-1], 2), 8)
    for _ in range(5 * groups):
        bits.one_symbol()
    data = b"\x2f" + bits.finished()
    data += bytes(len(data) % 2)
    body = b"WEBPVP8L" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body
