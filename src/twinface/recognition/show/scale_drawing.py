"""The scale of scores as pixels."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from twinface.core.types import ByteArray, FloatArray
from twinface.recognition.canvas import (
    DIFFERENT,
    GRID,
    INK,
    MUTED,
    PAPER,
    SAME,
    SMALL,
    Color,
    below,
    paper,
    text,
    text_width,
    write,
)
from twinface.recognition.show.score_scale import ScoreScale

_LABELS, _CURVES, _NUMBERS = 52, 130, 28  # heights in pixels: labels above, curves, numbers below
_SHIFT = 4  # bits of a coordinate behind the point, so that curves have no steps
_OPACITY = 0.3  # of the area under a curve


def draw_scale(scale: ScoreScale, width: int) -> ByteArray:
    """The scale with curves, threshold and score: `[h, width, 3]` uint8, RGB.

    Args:
        scale: what to draw.
        width: in pixels.
    """
    block = paper(_LABELS + _CURVES + _NUMBERS, width)
    end = _LABELS + _CURVES
    for tick in scale.ticks():
        x = round(scale.place(tick) * (width - 1))
        cv2.line(block, (x, _LABELS), (x, end), GRID, 1)
        said = f"{tick:g}"
        write(block, said, _beside(x, said, width), end + 20, SMALL, MUTED)
    if scale.has_densities:
        _draw_curve(block, scale.impostor, DIFFERENT)
        _draw_curve(block, scale.genuine, SAME)
    else:
        _draw_curve(block, scale.probability, SAME)
    cv2.line(block, (0, end), (width - 1, end), MUTED, 1)
    _draw_marks(block, scale, end)
    _draw_score(block, scale, end)
    return below([block, text([scale.legend()], width, SMALL, MUTED)], 4)


def _draw_curve(block: ByteArray, curve: FloatArray, color: Color) -> None:
    """A curve of values from 0 to 1, and the area under it."""
    end = _LABELS + _CURVES
    across = np.linspace(0, block.shape[1] - 1, len(curve))
    points = np.column_stack([across, end - curve * (_CURVES - 4)])
    corners = [[block.shape[1] - 1, end], [0, end]]
    filled = block.copy()
    area = _in_parts_of_pixels(np.vstack([points, corners]))
    cv2.fillPoly(filled, [area], color, cv2.LINE_AA, _SHIFT)
    block[:] = cv2.addWeighted(filled, _OPACITY, block, 1 - _OPACITY, 0)
    cv2.polylines(block, [_in_parts_of_pixels(points)], False, color, 2, cv2.LINE_AA, _SHIFT)


def _in_parts_of_pixels(points: FloatArray) -> NDArray[np.int32]:
    return (points * (1 << _SHIFT)).round().astype(np.int32)


def _draw_marks(block: ByteArray, scale: ScoreScale, end: int) -> None:
    for score, _ in scale.marks():
        x = round(scale.place(score) * (block.shape[1] - 1))
        for top in range(_LABELS - 8, end, 8):
            cv2.line(block, (x, top), (x, min(top + 4, end)), INK, 1)


def _draw_score(block: ByteArray, scale: ScoreScale, end: int) -> None:
    """The score as a line with a dot. All labels come last, so that no line goes through them."""
    x = round(scale.place(scale.score) * (block.shape[1] - 1))
    color = {True: SAME, False: DIFFERENT, None: PAPER}[scale.same]
    cv2.line(block, (x, 22), (x, end), INK, 2)
    cv2.circle(block, (x, end), 7, INK, -1, cv2.LINE_AA)
    cv2.circle(block, (x, end), 5, color, -1, cv2.LINE_AA)
    marks = scale.marks()
    for number, (score, said) in enumerate(marks):
        place = scale.place(score) * (block.shape[1] - 1)
        left = round(_beside(place, said, block.shape[1]))
        if len(marks) == 2:  # beside the zone, so that the two labels do not meet
            width = text_width(said, SMALL)
            beside = place - width if number == 0 else place
            left = round(min(max(beside, 0), block.shape[1] - width))
        block[20:44, max(0, left - 3) : left + text_width(said, SMALL) + 3] = PAPER
        write(block, said, left, 39, SMALL, MUTED)
    said = f"this pair {scale.score:.3f}"
    left = round(_beside(x, said, block.shape[1], bold=True))
    cv2.putText(block, said, (left, 15), cv2.FONT_HERSHEY_DUPLEX, SMALL, INK, 1, cv2.LINE_AA)


def _beside(x: float, said: str, width: int, *, bold: bool = False) -> float:
    """Where a small label that is centred at x begins, so that it stays inside."""
    long = text_width(said, SMALL, bold=bold)
    return min(max(x - long / 2, 0), width - long)
