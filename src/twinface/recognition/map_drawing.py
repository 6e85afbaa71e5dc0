"""Draws occlusion maps over their faces, with OpenCV alone, so that it works without the extra that trains."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from twinface.core.types import ByteArray, Float32Array, FloatArray
from twinface.recognition.occlusion import PATCH, POSITIONS
from twinface.recognition.verdict import Verdict

# The report's colours of genuine and impostor pairs. They differ for every kind of colour blindness (Okabe & Ito).
SAME, DIFFERENT = (0x00, 0x72, 0xB2), (0xD5, 0x5E, 0x00)
_INK, _PAPER = (0x1B, 0x1F, 0x24), (0xFE, 0xFE, 0xFE)
_OPACITY = 0.75  # of the fullest colour, so that the face stays visible
_FACE_HEIGHT, _MARGIN, _LINE, _BAR = 360, 20, 26, 18  # pixels
_LEAST_WIDTH = 760  # room for the text
_LETTERS, _LETTER_SIZE = cv2.FONT_HERSHEY_SIMPLEX, 0.5


def strongest_change(maps: Float32Array) -> float:
    """The largest change of the score in both maps `[2, H, W]`, up or down; at least 1e-9."""
    return max(float(np.abs(maps).max()), 1e-9)


def overlay(face: ByteArray, part: Float32Array, most: float) -> ByteArray:
    """A face in grey with its map over it: blue speaks for "same", orange for "different".

    Args:
        face: `[H, W, C]` uint8 with C = 1 or 3 (RGB).
        part: `[H, W]`, its map. For the eye, it is smoothed over half the distance between two positions of the patch.
        most: the change of the score that gets the fullest colour.

    Returns:
        `[H, W, 3]` uint8, RGB.
    """
    gray = (
        face[..., 0] if face.shape[2] == 1 else np.asarray(cv2.cvtColor(face, cv2.COLOR_RGB2GRAY), np.uint8)
    )
    spread = [max((1 - PATCH) / (POSITIONS - 1) * side / 2, 0.1) for side in part.shape]
    smooth = cv2.GaussianBlur(
        part, (0, 0), sigmaX=spread[1], sigmaY=spread[0], borderType=cv2.BORDER_REPLICATE
    )
    return _blend(gray, np.clip(np.asarray(smooth, np.float64) / most, -1, 1))


def draw_maps(faces: ByteArray, maps: Float32Array, verdict: Verdict) -> ByteArray:
    """Both faces side by side with their maps, the verdict above, and what the colours mean below.

    Args:
        faces: `[2, H, W, C]` uint8 with C = 1 or 3 (RGB).
        maps: `[2, H, W]`, see `occlusion.occlusion_maps`.
        verdict: on the two faces.

    Returns:
        `[H, W, 3]` uint8, RGB.
    """
    most = strongest_change(maps)
    height = _FACE_HEIGHT
    width = round(height * faces.shape[2] / faces.shape[1])
    panels = [
        overlay(_enlarged(face, height, width), _enlarged(part, height, width)[..., 0], most)
        for face, part in zip(faces, maps, strict=True)
    ]
    above = (
        f"{'Same person' if verdict.same else 'Different people'}: score {verdict.score:.3f}, "
        f"threshold {verdict.threshold:.3f}, probability of same {verdict.probability:.2f}",
    )
    below = (
        "Blue speaks for 'same': painted over there, the score falls. Orange speaks for",
        f"'different': there it rises. The fullest colour moves it by {most:.3f}.",
    )
    whole = max(2 * width + 3 * _MARGIN, _LEAST_WIDTH)
    rows = 2 * _MARGIN + _LINE * (len(above) + len(below) + 1) + height + _BAR + _MARGIN
    page = np.full((rows, whole, 3), _PAPER, np.uint8)
    top = _MARGIN + _write(page, above, _MARGIN)
    left = (whole - 2 * width - _MARGIN) // 2
    for number, panel in enumerate(panels):
        start = left + number * (width + _MARGIN)
        page[top : top + height, start : start + width] = panel
    end = top + height + _MARGIN
    _draw_bar(page, end, most)
    _write(page, below, end + _BAR + _LINE)
    return page


def encode_png(picture: ByteArray) -> bytes:
    """`[H, W, 3]` uint8, RGB → the bytes of a PNG file."""
    _, encoded = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    return encoded.tobytes()


def _enlarged(array: ByteArray | Float32Array, height: int, width: int) -> Any:
    """A face `[H, W, C]` or a map `[H, W]` in another size, as `[height, width, C]` (C = 1 for a map)."""
    method = cv2.INTER_CUBIC if array.dtype == np.uint8 else cv2.INTER_NEAREST
    return cv2.resize(array, (width, height), interpolation=method).reshape(height, width, -1)


def _blend(gray: ByteArray, share: FloatArray) -> ByteArray:
    """`[H, W]` grey with colour over it, as strong as the share `[H, W]` in [-1, 1] → `[H, W, 3]`."""
    colour = np.where(share[..., np.newaxis] >= 0, SAME, DIFFERENT)
    opacity = _OPACITY * np.abs(share)[..., np.newaxis]
    return np.asarray(np.round((1 - opacity) * gray[..., np.newaxis] + opacity * colour), np.uint8)


def _write(page: ByteArray, lines: tuple[str, ...], top: int) -> int:
    """Writes lines of text and returns their height in pixels."""
    for number, line in enumerate(lines):
        place = (_MARGIN, top + number * _LINE + _LINE // 2)
        cv2.putText(page, line, place, _LETTERS, _LETTER_SIZE, _INK, 1, cv2.LINE_AA)
    return len(lines) * _LINE


def _draw_bar(page: ByteArray, top: int, most: float) -> None:
    """A bar of all colours, from the strongest "different" to the strongest "same", with the change of the score."""
    width = page.shape[1] - 2 * _MARGIN
    bar = np.full((_BAR, width), 128, np.uint8)
    page[top : top + _BAR, _MARGIN:-_MARGIN] = _blend(bar, np.tile(np.linspace(-1, 1, width), (_BAR, 1)))
    for text, share in ((f"{-most:+.3f}", 0.0), ("0", 0.5), (f"{most:+.3f}", 1.0)):
        (length, _), _ = cv2.getTextSize(text, _LETTERS, _LETTER_SIZE, 1)
        place = (_MARGIN + round(share * (width - length)), top + _BAR + _LINE - 8)
        cv2.putText(page, text, place, _LETTERS, _LETTER_SIZE, _INK, 1, cv2.LINE_AA)
