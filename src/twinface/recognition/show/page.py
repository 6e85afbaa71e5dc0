"""A view as a self-contained page, in light and dark, which a screen reader can read."""

from __future__ import annotations

from html import escape

import numpy as np

from twinface.core.formatting import count
from twinface.core.html_page import html_page
from twinface.core.types import ByteArray
from twinface.recognition.canvas import fitted
from twinface.recognition.explanation import Explanation
from twinface.recognition.face_text import found_text, model_text, quality_text
from twinface.recognition.map_drawing import color_meaning
from twinface.recognition.show.page_parts import figure, image, photo_figure, quality_table, tiles
from twinface.recognition.show.scale_svg import scale_svg
from twinface.recognition.show.view import PairView, PhotoView, cut_face

_FACE = 288  # height of an aligned face in pixels


def pair_page(view: PairView) -> str:
    """Both photos, the score on its scale, both faces with their maps, and their quality."""
    verdict = view.verdict
    kind = {True: ' class="same"', False: ' class="different"', None: ""}[verdict.same]
    parts = [
        '<p class="kind">Two photos compared by Twinface</p>',
        f"<h1><span{kind}>{escape(verdict.title)}</span></h1>",
    ]
    parts += [f"<p>{escape(note)}</p>" for note in verdict.notes]
    parts.append(f'<p class="note">{escape(model_text(verdict))}</p>')
    if verdict.score is not None and verdict.probability is not None:
        low, high = verdict.zone or (verdict.threshold, verdict.threshold)
        bars = (
            [("threshold", low, 3)] if low == high else [("same from", high, 3), ("different below", low, 3)]
        )
        values = [("score", verdict.score, 3), *bars]
        probability = ("probability of the same person", verdict.probability, 2)
        parts.append(tiles([(name, f"{value:.{digits}f}") for name, value, digits in (*values, probability)]))
    parts += ["<h2>Photos</h2>", _grid([_photo(photo) for photo in view.photos])]
    if view.scale is not None:
        scale = figure(scale_svg(view.scale), "The score of this pair", [view.scale.legend()], "chart wide")
        parts += ["<h2>Score</h2>", scale]
    if view.explanation is not None:
        parts += ["<h2>Where the model looked</h2>", *_maps(view, view.explanation)]
    chosen = [(photo.chosen, photo.name) for photo in view.photos]
    known = [(face, name) for face, name in chosen if face is not None]
    table = quality_table([face for face, _ in known], [name for _, name in known])
    parts += ["<h2>Quality</h2>", table] if table else []
    return html_page(f"{verdict.title}: {view.photos[0].name}, {view.photos[1].name}", "\n".join(parts))


def photo_page(view: PhotoView) -> str:
    """A photo with its faces, and their quality."""
    found = f"{count(len(view.faces), 'face')} found" if view.faces else "No face found"
    parts = [
        '<p class="kind">A photo searched for faces by Twinface</p>',
        f"<h1>{escape(found)}</h1>",
        _grid([photo_figure(view, [found])]),
    ]
    cards = [
        figure(
            f'<div class="seen">{image(cut_face(face.aligned), f"Face {face.number}, aligned")}</div>',
            f"Face {face.number}",
            [quality_text(face.quality)],
        )
        for face in view.faces
        if face.aligned is not None
    ]
    if cards:
        numbers = [f"face {face.number}" for face in view.faces]
        cards_of_faces = f'<div class="pairs">{"".join(cards)}</div>'
        parts += ["<h2>Faces</h2>", cards_of_faces, quality_table(view.faces, numbers)]
    return html_page(f"{found}: {view.name}", "\n".join(parts))


def _photo(view: PhotoView) -> str:
    if view.chosen is not None:
        return photo_figure(view, [found_text(view.chosen)])
    return photo_figure(view, [count(len(view.faces), "face") if view.faces else "no face"])


def _maps(view: PairView, explanation: Explanation) -> list[str]:
    most = explanation.strongest
    said = "The aligned face as the model takes it; beside it, how far each region moves the score."
    figures = []
    for side, photo in enumerate(view.photos):
        drawn = explanation.overlay(side, _FACE)
        seen = _as_shown(fitted(explanation.seen_face(side), _FACE, drawn.shape[1]))
        pictures = image(seen, f"The face of {photo.name}, aligned") + image(
            drawn, f"The same face with its map. {_strongest_region(explanation, side)}"
        )
        quality = quality_text(photo.chosen.quality if photo.chosen else None)
        figures.append(figure(f'<div class="seen">{pictures}</div>', photo.name, [quality]))
    bar = (
        f'<div class="bar" role="img" aria-label="Colours from orange over grey to blue"></div>'
        f'<div class="ends"><span>−{most:.3f}</span><span>0</span><span>+{most:.3f}</span></div>'
    )
    return [f"<p>{said}</p>", _grid(figures), bar, f'<p class="note">{escape(color_meaning(most))}</p>']


def _strongest_region(explanation: Explanation, side: int) -> str:
    """Which part of a face moves the score most, for those who cannot see the map."""
    grid = explanation.grid(3)[side]
    row, column = np.unravel_index(np.abs(grid).argmax(), grid.shape)
    place = f"{('upper', 'middle', 'lower')[row]} {('left', 'middle', 'right')[column]}"
    speaks = "same" if grid[row, column] >= 0 else "different"
    place = "middle" if place == "middle middle" else place
    return f"The {place} part of the picture moves the score most; it speaks for '{speaks}'."


def _grid(figures: list[str]) -> str:
    return f'<div class="photos">{"".join(figures)}</div>'


def _as_shown(pixels: ByteArray) -> ByteArray:
    """One channel where all three are equal, which makes a smaller file."""
    gray = bool((pixels == pixels[..., :1]).all())
    return pixels[..., :1] if gray else pixels
