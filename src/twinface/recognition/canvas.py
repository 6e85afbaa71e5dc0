"""Blocks of a picture for people: text and pictures, side by side and below each other, with OpenCV alone.

Each block is `[H, W, 3]` uint8, RGB. OpenCV 5 has a font for most of the world's scripts; earlier versions draw ASCII
with strokes and a question mark for any other letter.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from twinface.core.formatting import printable
from twinface.core.types import ByteArray

Color = tuple[int, int, int]

# The report's colours. Those of genuine and impostor pairs differ for every kind of colour blindness (Okabe & Ito).
SAME: Color = (0x00, 0x72, 0xB2)
DIFFERENT: Color = (0xD5, 0x5E, 0x00)
INK: Color = (0x1B, 0x1F, 0x24)
MUTED: Color = (0x5D, 0x66, 0x70)
GRID: Color = (0xD9, 0xDE, 0xE3)
PAPER: Color = (0xFE, 0xFE, 0xFE)

SMALL, NORMAL, LARGE = 0.5, 0.56, 1.05  # of letters, in OpenCV's unit of some 30 pixels


def paper(height: int, width: int, color: Color = PAPER) -> ByteArray:
    """An empty block."""
    return np.full((height, width, 3), color, np.uint8)


def text_width(line: str, size: float = NORMAL, *, bold: bool = False) -> int:
    """Of one line of text, in pixels."""
    return int(cv2.getTextSize(line, _font(bold), size, 1)[0][0])


def write(
    block: ByteArray, line: str, x: float, baseline: float, size: float = NORMAL, color: Color = INK
) -> None:
    """Writes one line of text into a block, from `x` on."""
    cv2.putText(block, line, (round(x), round(baseline)), _font(False), size, color, 1, cv2.LINE_AA)


def text(
    lines: Sequence[str], width: int, size: float = NORMAL, color: Color = INK, *, bold: bool = False
) -> ByteArray:
    """Lines of text, broken where they are too long."""
    broken = [part for line in lines for part in _broken(line, width, size, bold)]
    height = round(44 * size)
    block = paper(height * len(broken), width)
    for number, line in enumerate(broken):
        place = (0, number * height + round(30 * size))
        cv2.putText(block, line, place, _font(bold), size, color, 1, cv2.LINE_AA)
    return block


def fitted(pixels: ByteArray, height: int, width: int) -> ByteArray:
    """A picture `[H, W, C]`, as large as it can be within a height and a width: `[h, w, 3]`."""
    if pixels.shape[2] == 1:
        pixels = np.repeat(pixels, 3, axis=2)
    factor = min(height / pixels.shape[0], width / pixels.shape[1])
    size = max(1, round(factor * pixels.shape[1])), max(1, round(factor * pixels.shape[0]))
    method = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(pixels, size, interpolation=method), np.uint8)


def below(blocks: Sequence[ByteArray], gap: int = 0) -> ByteArray:
    """Blocks below each other, their left edges in line."""
    width = max(block.shape[1] for block in blocks)
    rows: list[ByteArray] = []
    for block in blocks:
        rows += [paper(gap, width)] if rows and gap else []
        rows.append(np.hstack([block, paper(block.shape[0], width - block.shape[1])]))
    return np.vstack(rows)


def beside(blocks: Sequence[ByteArray], gap: int = 0) -> ByteArray:
    """Blocks side by side, their upper edges in line."""
    height = max(block.shape[0] for block in blocks)
    columns: list[ByteArray] = []
    for block in blocks:
        columns += [paper(height, gap)] if columns and gap else []
        columns.append(np.vstack([block, paper(height - block.shape[0], block.shape[1])]))
    return np.hstack(columns)


def framed(block: ByteArray, margin: int) -> ByteArray:
    """A block with a margin on all sides."""
    whole = paper(block.shape[0] + 2 * margin, block.shape[1] + 2 * margin)
    whole[margin:-margin, margin:-margin] = block
    return whole


def encode_png(picture: ByteArray) -> bytes:
    """`[H, W, 3]` uint8, RGB → the bytes of a PNG file."""
    _, encoded = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    return encoded.tobytes()


def _font(bold: bool) -> int:
    return cv2.FONT_HERSHEY_DUPLEX if bold else cv2.FONT_HERSHEY_SIMPLEX


def _broken(line: str, width: int, size: float, bold: bool) -> list[str]:
    """A text as lines that are at most `width` pixels long, where it has spaces; a longer word is cut."""
    rows = [""]
    for word in printable(line).replace("\n", " ").split(" "):
        longer = f"{rows[-1]} {word}".strip()
        if text_width(longer, size, bold=bold) <= width:
            rows[-1] = longer
            continue
        while text_width(word, size, bold=bold) > width and len(word) > 2:
            word = f"{word[: max(1, len(word.rstrip('…')) - 2)]}…"  # noqa: PLW2901
        rows.append(word)
    return [row for row in rows if row] or [""]
