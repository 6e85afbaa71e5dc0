"""A view as one picture: everything on a sheet of 1,000 pixels' width."""

from __future__ import annotations

from twinface.core.formatting import count
from twinface.core.types import ByteArray
from twinface.recognition.canvas import (
    DIFFERENT,
    INK,
    LARGE,
    MUTED,
    SAME,
    SMALL,
    below,
    beside,
    fitted,
    framed,
    paper,
    text,
)
from twinface.recognition.face_text import found_text, measures, model_text, quality_text
from twinface.recognition.map_drawing import color_bar
from twinface.recognition.show.photo_drawing import draw_photo
from twinface.recognition.show.scale_drawing import draw_scale
from twinface.recognition.show.view import PairView, PhotoView, cut_face
from twinface.recognition.verdict import Verdict, VerdictFace

_WIDTH, _MARGIN, _GAP = 1000, 28, 24  # pixels
_COLUMN = (_WIDTH - _GAP) // 2
_TALLEST, _FACE, _CARD = 900, 280, 120  # heights in pixels, at most
_TALLEST_OF_PAIR, _LEAST_OF_PAIR = 440, 280


def pair_sheet(view: PairView) -> ByteArray:
    """Both photos, both faces with their maps, and the score on its scale: `[H, W, 3]` uint8, RGB."""
    # Both photos as high as the flatter one, if that leaves them large enough.
    heights = [_COLUMN * photo.height / photo.width for photo in view.photos]
    height = round(min(_TALLEST_OF_PAIR, max(_LEAST_OF_PAIR, min(heights))))
    blocks = [_heading(view), beside([_photo(photo, height) for photo in view.photos], _GAP)]
    if view.explanation is not None:
        blocks.append(beside([_compared(view, side) for side in (0, 1)], _GAP))
        blocks.append(color_bar(view.explanation.strongest, _WIDTH))
    if view.scale is not None:
        blocks.append(draw_scale(view.scale, _WIDTH))
    return framed(below(blocks, _GAP), _MARGIN)


def photo_sheet(view: PhotoView) -> ByteArray:
    """A photo with its faces, and their quality: `[H, W, 3]` uint8, RGB."""
    said = f"{count(len(view.faces), 'face')} found" if view.faces else "No face found"
    photo = below([draw_photo(view, _TALLEST, _WIDTH), text([_photo_text(view)], _WIDTH, SMALL, MUTED)], 6)
    blocks = [text([said], _WIDTH, LARGE, bold=True), photo]
    cards = [_card(face) for face in view.faces]
    blocks += [beside(cards[first : first + 2], _GAP) for first in range(0, len(cards), 2)]
    return framed(below(blocks, _GAP), _MARGIN)


def _heading(view: PairView) -> ByteArray:
    verdict = view.verdict
    color = {True: SAME, False: DIFFERENT, None: INK}[verdict.same]
    blocks = [text([verdict.title], _WIDTH, LARGE, color, bold=True)]
    if verdict.score is not None:
        blocks.append(text([_figures(verdict)], _WIDTH))
    return below([*blocks, text([*verdict.notes, model_text(verdict)], _WIDTH, SMALL, MUTED)], 4)


def _figures(verdict: Verdict) -> str:
    low, high = verdict.zone or (verdict.threshold, verdict.threshold)
    bars = f"threshold {low:.3f}" if low == high else f"same from {high:.3f}, different below {low:.3f}"
    return f"Score {verdict.score:.3f}, {bars}, probability of the same person {verdict.probability:.2f}"


def _photo(view: PhotoView, height: int) -> ByteArray:
    """A photo of a pair with its name, as wide as a column."""
    said = f"{_photo_text(view)}, {_found(view)}"
    return _column([draw_photo(view, height, _COLUMN), text([said], _COLUMN, SMALL, MUTED)])


def _photo_text(view: PhotoView) -> str:
    return f"{view.name}, {view.width} x {view.height} pixels"


def _found(view: PhotoView) -> str:
    if view.chosen is not None:
        return found_text(view.chosen)
    return count(len(view.faces), "face") if view.faces else "no face"


def _compared(view: PairView, side: int) -> ByteArray:
    """The face as the model got it, the same with its map, and its quality."""
    assert view.explanation is not None
    face, seen = view.photos[side].chosen, view.explanation.seen_face(side)
    height = min(_FACE, (_COLUMN - 4) // 2 * seen.shape[0] // seen.shape[1])
    drawn = view.explanation.overlay(side, height)
    seen = fitted(seen, *drawn.shape[:2])
    return _column([beside([seen, drawn], 4), _quality(face, _COLUMN)])


def _card(face: VerdictFace) -> ByteArray:
    """A face of a photo with its number and quality, as wide as a column."""
    pixels = paper(_CARD, _CARD) if face.aligned is None else fitted(cut_face(face.aligned), _CARD, _CARD)
    words = _COLUMN - pixels.shape[1] - 16
    number = text([f"Face {face.number}"], words, SMALL, bold=True)
    return _column([beside([pixels, below([number, _quality(face, words)])], 16)])


def _quality(face: VerdictFace | None, width: int) -> ByteArray:
    """The word for a face's quality with its reasons, and the measures."""
    if face is None or face.quality is None:
        return text([quality_text(None)], width, SMALL, MUTED)
    measured = ", ".join(f"{name} {value}" for name, value in measures(face.quality))
    return below([text([quality_text(face.quality)], width, SMALL), text([measured], width, SMALL, MUTED)])


def _column(blocks: list[ByteArray]) -> ByteArray:
    """Blocks below each other, made as wide as a column."""
    block = below(blocks, 6)
    return beside([block, paper(1, max(0, _COLUMN - block.shape[1]))])
