"""Mutated pictures for `hostile_pictures.py`: number N is the same picture on every machine."""

from __future__ import annotations

import struct
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from hostile_files import mutated, png_with, text_bomb
from pictures import VALID, encoded, exif, netpbm, png_chunk, with_jpeg_segment

Random = np.random.Generator
BOMBS = (
    0.005  # the share of pictures whose header states millions of pixels; each takes a hundred times as long
)


def photo(height: int, width: int) -> np.ndarray:
    """[H, W, 3] uint8 soft noise, about as hard to compress as a photo."""
    coarse = np.random.default_rng(height).integers(0, 256, (height // 8, width // 8, 3), np.uint8)
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


def seeds() -> dict[str, bytes]:
    """Small and middle-sized pictures in every format, with and without metadata."""
    found = dict(VALID)
    middle = photo(480, 640)
    for name, extension, options in (
        ("jpeg", ".jpg", ()),
        ("jpeg progressive", ".jpg", (cv2.IMWRITE_JPEG_PROGRESSIVE, 1)),
        ("png", ".png", ()),
        ("webp", ".webp", (cv2.IMWRITE_WEBP_QUALITY, 80)),
        ("webp lossless", ".webp", (cv2.IMWRITE_WEBP_QUALITY, 101)),
        ("bmp", ".bmp", ()),
    ):
        found[f"{name}, 640 x 480"] = encoded(extension, middle, *options)
    found["ppm, 640 x 480"] = netpbm(6, middle)
    found["jpeg turned"] = with_jpeg_segment(VALID["jpeg"], 0xE1, b"Exif\0\0" + exif(6))
    found["png turned"] = png_with(png_chunk(b"eXIf", exif(8)))
    deep = middle[:64, :64].astype(np.uint16) * 257
    found["png of 16 bits"] = bytes(cv2.imencode(".png", deep)[1])
    alpha = np.dstack([middle[:64, :64], middle[:64, :64, 0]])
    found["png with alpha"] = bytes(cv2.imencode(".png", alpha)[1])
    found["webp with alpha"] = bytes(cv2.imencode(".webp", alpha, [cv2.IMWRITE_WEBP_QUALITY, 101])[1])
    return found


SEEDS = seeds()


def mutation(number: int, seed: int) -> tuple[str, str, bytes]:
    """Mutated picture `number`.

    Returns:
        The name of the picture that it was made of, the kind of mutation, and the bytes.
    """
    rng = np.random.default_rng([seed, number])
    name = list(SEEDS)[number % len(SEEDS)]
    data = SEEDS[name]
    if rng.random() < BOMBS:
        return name, "bomb", bomb(data, rng)
    kind = list(KINDS)[rng.integers(len(KINDS))]
    return name, kind, KINDS[kind](data, rng)


def bits(data: bytes, rng: Random) -> bytes:
    """One to eight bits turned over anywhere."""
    changed = bytearray(data)
    for place in rng.integers(len(data), size=rng.integers(1, 9)):
        changed[place] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def cut(data: bytes, rng: Random) -> bytes:
    """The end is missing, or a piece in the middle, or other bytes follow."""
    first, second = sorted(rng.integers(len(data) + 1, size=2))
    return (data[:first], data[:first] + data[second:], data + data[first:second])[rng.integers(3)]


def header(data: bytes, rng: Random) -> bytes:
    """Other bytes in the first 48, some of them of numbers at their limits; a PNG's checksums are mended."""
    changed = bytearray(data)
    for _ in range(rng.integers(1, 4)):
        place = int(rng.integers(2, min(48, len(data))))
        value = int(rng.choice([0, 1, 7, 8, 255, 5000, 65535, 2**31 - 1, 2**32 - 1]))
        size = int(rng.choice([1, 2, 4]))
        order = "little" if rng.random() < 0.5 else "big"
        changed[place : place + size] = (value % 256**size).to_bytes(size, order)
    return mended(bytes(changed))


def metadata(data: bytes, rng: Random) -> bytes:
    """EXIF data, damaged or not, or other metadata."""
    block = mutated(exif(int(rng.integers(0, 10))), rng)
    if data.startswith(b"\xff\xd8"):
        code = int(rng.choice([0xE0, 0xE1, 0xE2, 0xED, 0xEE, 0xFE]))
        for _ in range(rng.integers(1, 40)):
            data = with_jpeg_segment(data, code, b"Exif\0\0" + block)
        return data
    if data.startswith(b"\x89PNG"):
        kinds = [b"eXIf", b"tEXt", b"acTL", b"fcTL", b"tRNS", b"gAMA", b"iCCP", b"bKGD", b"PLTE", b"sPLT"]
        chunks = [png_chunk(kinds[rng.integers(len(kinds))], block) for _ in range(rng.integers(1, 6))]
        return png_with(*chunks, png=data)
    if data.startswith(b"RIFF"):
        return riff([*riff_chunks(data), (b"EXIF", block)])
    return mutated(data, rng)


def pieces(data: bytes, rng: Random) -> bytes:
    """Chunks or segments repeated, left out or in another order, with right checksums."""
    if data.startswith(b"\x89PNG"):
        chunks = png_chunks(data)
        shuffled = [chunks[place] for place in shuffle(len(chunks), rng)]
        return data[:8] + b"".join(png_chunk(kind, content) for kind, content in shuffled)
    if data.startswith(b"RIFF"):
        chunks = riff_chunks(data)
        return riff([chunks[place] for place in shuffle(len(chunks), rng)])
    if data.startswith(b"\xff\xd8"):
        parts = [b"\xff" + part for part in data[2:].split(b"\xff")[1:]]
        return data[:2] + b"".join(parts[place] for place in shuffle(len(parts), rng))
    return mutated(data, rng)


def bomb(data: bytes, rng: Random) -> bytes:
    """A header that states up to 25 million pixels, or compressed text."""
    height = int(rng.integers(2000, 6000))
    width = min(25_000_000 // height, 16_383)
    if data.startswith(b"\x89PNG") and rng.random() < 0.5:
        kind = (b"zTXt", b"iTXt", b"iCCP")[rng.integers(3)]
        return png_with(text_bomb(kind) * int(rng.integers(1, 9)), png=data)
    if data.startswith(b"P"):
        return large_bitmap(data[:2], height, width)
    place, size = 18, struct.pack("<ii", width, height)
    if data.startswith(b"\x89PNG"):
        place, size = 16, struct.pack(">II", width, height)
    elif data.startswith(b"\xff\xd8"):
        place, size = (
            max(data.find(b"\xff\xc0"), data.find(b"\xff\xc2")) + 5,
            struct.pack(">HH", height, width),
        )
    elif data.startswith(b"RIFF") and data[12:16] == b"VP8L":
        place, size = 21, struct.pack("<I", (height - 1) << 14 | (width - 1))
    elif data.startswith(b"RIFF"):
        place, size = 26, struct.pack("<HH", width, height)
    else:
        data += bytes(3 * width * height)
    return mended(data[:place] + size + data[place + len(size) :])


def large_bitmap(kind: bytes, height: int, width: int) -> bytes:
    """A PGM or PPM whose samples are all there, or, if they are numbers, at least their beginning."""
    samples = width * height * (1 if kind in (b"P2", b"P5") else 3)
    head = kind + b"\n%d %d\n255\n" % (width, height)
    return head + (bytes(samples) if kind in (b"P5", b"P6") else b"7 " * min(samples, 4_000_000))


KINDS: dict[str, Callable[[bytes, Random], bytes]] = {
    "bytes": mutated,
    "bits": bits,
    "cut": cut,
    "header": header,
    "metadata": metadata,
    "pieces": pieces,
}


def shuffle(count: int, rng: Random) -> list[int]:
    """Places of pieces: mostly in order, with some repeated, left out or exchanged."""
    places = list(range(count))
    for _ in range(rng.integers(1, 4)):
        if not places:
            break
        first, second = (int(place) for place in rng.integers(len(places), size=2))
        match rng.integers(3):
            case 0:
                places[first], places[second] = places[second], places[first]
            case 1:
                places[first:first] = [places[second]] * int(rng.integers(1, 30))
            case 2:
                del places[first]
    return places


def mended(data: bytes) -> bytes:
    """A PNG with right checksums; anything else as it is."""
    if not data.startswith(b"\x89PNG\r\n\x1a\n"):
        return data
    chunks = png_chunks(data)
    return data[:8] + b"".join(png_chunk(kind, content) for kind, content in chunks)


def png_chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    """The type and content of each chunk, as far as they can be found."""
    found, place = [], 8
    while place + 12 <= len(data):
        length = min(int.from_bytes(data[place : place + 4], "big"), len(data) - place - 12)
        found.append((data[place + 4 : place + 8], data[place + 8 : place + 8 + length]))
        place += 12 + length
    return found


def riff_chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    """The type and content of each chunk of a WebP."""
    found, place = [], 12
    while place + 8 <= len(data):
        length = int.from_bytes(data[place + 4 : place + 8], "little")
        found.append((data[place : place + 4], data[place + 8 : place + 8 + length]))
        place += 8 + length + length % 2
    return found


def riff(chunks: list[tuple[bytes, bytes]]) -> bytes:
    """A WebP of chunks, with an extended header in front if there are several."""
    if len(chunks) > 1 and chunks[0][0] in (b"VP8 ", b"VP8L"):
        chunks = [(b"VP8X", bytes([8, 0, 0, 0]) + bytes([36, 0, 0]) + bytes([23, 0, 0])), *chunks]
    body = b"".join(
        kind + len(content).to_bytes(4, "little") + content + bytes(len(content) % 2)
        for kind, content in chunks
    )
    return b"RIFF" + (4 + len(body)).to_bytes(4, "little") + b"WEBP" + body


def checksum(data: bytes) -> int:
    """Of a picture, to name its file."""
    return zlib.crc32(data)
