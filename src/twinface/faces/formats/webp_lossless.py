"""How many groups of codes a lossless WebP may have.

Each tile of the picture may use another group of five Huffman codes, and a decoder makes up to 20 kB of tables for each
group. So 300 kB of file can take more than a gigabyte. Encoders use up to 2,600 tiles. The size of the tiles is behind
the pictures of the transforms, so these are read, which are small.

Source: the WebP Lossless Bitstream Specification,
https://developers.google.com/speed/webp/docs/webp_lossless_bitstream_specification
"""

from __future__ import annotations

from dataclasses import dataclass

MAX_TILES = 5_000
# libwebp's encoder makes tiles of 16 pixels or more for its transforms: 98,000 of them in 25 million pixels.
MAX_TRANSFORM_TILES = 100_000

_PREDICTOR, _COLOR, _SUBTRACT_GREEN, _PALETTE = range(4)
_LENGTHS_ORDER = (17, 18, 0, 1, 2, 3, 4, 5, 16, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
_ALPHABETS = (280, 256, 256, 256, 40)  # green and lengths, red, blue, alpha, distances


def check_tiles(data: bytes, start: int, stop: int, pixels: int) -> None:
    """Refuses a lossless picture with more than `MAX_TILES` tiles that may each have a group of codes.

    Args:
        data: a WebP file.
        start, stop: where the content of its chunk "VP8L" is.
        pixels: in the picture. A tile has 16 or more, so a small picture needs no look.

    Raises:
        ValueError: there are more, or the file is damaged.
    """
    if pixels > 16 * MAX_TILES and (tiles := lossless_tiles(data, start, stop)) > MAX_TILES:
        raise ValueError(f"{tiles:,} tiles with codes of their own, need at most {MAX_TILES:,}")


def lossless_tiles(data: bytes, start: int, stop: int) -> int:
    """The number of tiles that may each have a group of codes; 1 if the whole picture has one group.

    Args:
        data: a WebP file.
        start, stop: where the content of its chunk "VP8L" is.

    Raises:
        ValueError: the file is damaged, or a transform has more than `MAX_TRANSFORM_TILES`.
    """
    bits = _Bits(data, start + 1, stop)
    width, height = bits.take(14) + 1, bits.take(14) + 1
    bits.take(4)  # whether there is transparency, and the version
    found: set[int] = set()
    while bits.take(1):
        kind = bits.take(2)
        if kind in found:
            raise ValueError("the same transform twice")
        found.add(kind)
        if kind in {_PREDICTOR, _COLOR}:
            tile = bits.take(3) + 2
            _skip_picture(bits, _parts(width, tile) * _parts(height, tile))
        elif kind == _PALETTE:
            colors = bits.take(8) + 1
            _skip_picture(bits, colors)
            width = _parts(width, sum(colors <= most for most in (2, 4, 16)))
    if bits.take(1):
        bits.take(4)  # the size of the color cache
    if not bits.take(1):
        return 1
    tile = bits.take(3) + 2
    return _parts(width, tile) * _parts(height, tile)


class _Bits:
    """Reads numbers of any width, lowest bit first."""

    def __init__(self, data: bytes, start: int, stop: int) -> None:
        self._data, self._place, self._stop = data, start, stop
        self.value = self.count = 0

    def fill(self) -> None:
        """Takes up to eight bytes into `value`. Behind the end of the data come zeros."""
        if self.count < 0:
            raise ValueError("truncated inside its transforms")
        piece = self._data[self._place : min(self._place + 8, self._stop)]
        self._place += len(piece)
        self.value |= int.from_bytes(piece, "little") << self.count
        self.count += 8 * len(piece)

    def take(self, width: int) -> int:
        """The next number of up to 16 bits."""
        if self.count < width:
            self.fill()
        taken = self.value & (1 << width) - 1
        self.value >>= width
        self.count -= width
        if self.count < 0:
            raise ValueError("truncated inside its transforms")
        return taken


@dataclass(frozen=True)
class _Code:
    """A Huffman code.

    Attributes:
        width: the length of its longest word, in bits.
        words: for each number of `width` bits, the length of the word that it begins with, and its symbol.
    """

    width: int
    words: list[tuple[int, int]]

    def read(self, bits: _Bits) -> int:
        """The next symbol."""
        if bits.count < self.width:
            bits.fill()
        length, symbol = self.words[bits.value & (1 << self.width) - 1]
        bits.value >>= length
        bits.count -= length
        return symbol


def _skip_picture(bits: _Bits, pixels: int) -> None:
    """Reads over a picture that is stored with one group of codes."""
    if pixels > MAX_TRANSFORM_TILES:
        raise ValueError(f"a transform of {pixels:,} tiles, need at most {MAX_TRANSFORM_TILES:,}")
    cache = 1 << bits.take(4) if bits.take(1) else 0
    green, red, blue, alpha, distance = (
        _read_code(bits, size + (cache if place == 0 else 0)) for place, size in enumerate(_ALPHABETS)
    )
    colors = [code for code in (red, blue, alpha) if code.width]
    while pixels > 0:
        symbol = green.read(bits)
        if symbol < 256:
            for code in colors:
                code.read(bits)
            pixels -= 1
        elif symbol < 280:
            pixels -= _length(bits, symbol - 256)
            _length(bits, distance.read(bits))
        else:
            pixels -= 1  # from the color cache


def _length(bits: _Bits, prefix: int) -> int:
    """A length or distance, from its prefix and the bits that follow."""
    if prefix < 4:
        return prefix + 1
    extra = (prefix - 2) >> 1
    more = bits.take(min(extra, 14)) | (bits.take(extra - 14) << 14 if extra > 14 else 0)
    return (2 + (prefix & 1) << extra) + more + 1


def _read_code(bits: _Bits, alphabet: int) -> _Code:
    """Reads the lengths of a code's words."""
    lengths = [0] * max(alphabet, 256)
    if bits.take(1):  # one or two symbols
        symbols = bits.take(1) + 1
        lengths[bits.take(8 if bits.take(1) else 1)] = 1
        if symbols == 2:
            lengths[bits.take(8)] = 1
        return _code(lengths)
    of_lengths = [0] * len(_LENGTHS_ORDER)
    for symbol in _LENGTHS_ORDER[: bits.take(4) + 4]:
        of_lengths[symbol] = bits.take(3)
    code = _code(of_lengths)
    most = bits.take(2 + 2 * bits.take(3)) + 2 if bits.take(1) else alphabet
    place, last = 0, 8
    while place < alphabet and most > 0:
        most -= 1
        symbol = code.read(bits)
        if symbol < 16:
            lengths[place] = symbol
            last = symbol or last
            place += 1
            continue
        value, width, least = ((last, 2, 3), (0, 3, 3), (0, 7, 11))[symbol - 16]
        run = bits.take(width) + least
        if place + run > alphabet:
            raise ValueError("damaged lengths of a code")
        lengths[place : place + run] = [value] * run
        place += run
    return _code(lengths)


def _code(lengths: list[int]) -> _Code:
    """A canonical code from the lengths of its words; a code of one symbol takes no bits."""
    used = [(length, symbol) for symbol, length in enumerate(lengths) if length]
    if len(used) == 1:
        return _Code(0, [(0, used[0][1])])
    width = max(lengths)
    words = [(0, 0)] * (1 << width)
    word = previous = 0
    for length, symbol in sorted(used):
        word <<= length - previous
        previous = length
        if word >= 1 << length:
            raise ValueError("damaged lengths of a code")
        backwards = int(f"{word:0{length}b}"[::-1], 2)
        words[backwards :: 1 << length] = [(length, symbol)] * (1 << width - length)
        word += 1
    if word != 1 << width:
        raise ValueError("damaged lengths of a code")
    return _Code(width, words)


def _parts(size: int, bits: int) -> int:
    return -(-size // (1 << bits))
