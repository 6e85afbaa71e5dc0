"""Boxes and landmarks over a photo."""

from __future__ import annotations

import cv2
import numpy as np

from twinface.core.types import ByteArray
from twinface.recognition.canvas import PAPER, SAME, SMALL, Color, fitted, text_width
from twinface.recognition.show.view import PhotoView
from twinface.recognition.verdict import VerdictFace

_OTHER: Color = (0x5D, 0x66, 0x70)  # faces that were not compared


def draw_photo(view: PhotoView, height: int, width: int) -> ByteArray:
    """The photo as large as it fits, with its faces: `[h, w, 3]` uint8, RGB.

    Each face has a box and five landmarks. The one that was compared is blue; where none was compared, all are. Several
    faces have numbers.

    Args:
        view: the photo.
        height, width: that it must fit into, in pixels.
    """
    drawn = np.ascontiguousarray(fitted(view.pixels, height, width)).copy()
    scale = view.scale * drawn.shape[1] / view.pixels.shape[1]
    faces = [face for face in view.faces if face.box is not None]
    widest = max(drawn.shape[:2]) / 220
    # Thin around a small face, so that it stays visible.
    lines = {
        face.number: max(2, round(min(widest, scale * face.box[2] / 22)))
        for face in faces
        if face.box is not None
    }
    # The compared one comes last, so that no other box lies over it.
    faces.sort(key=lambda face: face.number == view.compared)
    colors = [SAME if view.compared in (None, face.number) else _OTHER for face in faces]
    for face, color in zip(faces, colors, strict=True):
        _draw_face(drawn, face, scale, color, lines[face.number])
    if len(faces) > 1:
        for face, color in zip(faces, colors, strict=True):
            _draw_number(drawn, face, scale, color, lines[face.number])
    return drawn


def _draw_face(drawn: ByteArray, face: VerdictFace, scale: float, color: Color, line: int) -> None:
    left, top, width, height = (scale * value for value in face.box or (0, 0, 0, 0))
    corners = _whole(left, top), _whole(left + width, top + height)
    # Light around the colour, so that it can be seen on any photo.
    cv2.rectangle(drawn, *corners, PAPER, line + 2, cv2.LINE_AA)
    cv2.rectangle(drawn, *corners, color, line, cv2.LINE_AA)
    radius = max(1, min(line + 1, round(width / 30)))
    for x, y in face.landmarks or ():
        cv2.circle(drawn, _whole(scale * x, scale * y), radius + 1, PAPER, -1, cv2.LINE_AA)
        cv2.circle(drawn, _whole(scale * x, scale * y), radius, color, -1, cv2.LINE_AA)


def _draw_number(drawn: ByteArray, face: VerdictFace, scale: float, color: Color, line: int) -> None:
    """The face's number on a plate at the upper left corner of its box."""
    left, top = (scale * value for value in (face.box or (0, 0))[:2])
    said, size = str(face.number), SMALL * line / 2
    wide, high = text_width(said, size, bold=True) + 5 * line, 10 * line
    # Inside the photo, also where the box reaches beyond it.
    x = round(min(max(left, 0), drawn.shape[1] - wide))
    y = round(min(max(top - high, 0), drawn.shape[0] - high))
    cv2.rectangle(drawn, (x, y), (x + wide, y + high), color, -1)
    place = (x + round(2.5 * line), y + round(7.5 * line))
    cv2.putText(drawn, said, place, cv2.FONT_HERSHEY_DUPLEX, size, PAPER, 1, cv2.LINE_AA)


def _whole(x: float, y: float) -> tuple[int, int]:
    return round(x), round(y)
