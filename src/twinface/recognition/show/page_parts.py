"""Figures and tables of a page. All texts that come in are plain; all that go out are escaped."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from html import escape

import numpy as np

from twinface.core.types import ByteArray
from twinface.faces.encode import encode_jpeg
from twinface.recognition.face_text import measures, quality_text
from twinface.recognition.show.photo_drawing import draw_photo
from twinface.recognition.show.view import PhotoView
from twinface.recognition.verdict import VerdictFace

_LONG_SIDE = 1000  # of a photo in the page, in pixels
_MOST_COLUMNS = 3  # of a table with a column for each face


def image(pixels: ByteArray, alt: str, kind: str = "") -> str:
    """A picture `[H, W, C]` inside the page."""
    height, width = pixels.shape[:2]
    data = b64encode(encode_jpeg(np.ascontiguousarray(pixels))).decode()
    style = f' class="{kind}"' if kind else ""
    return f'<img{style} alt="{escape(alt)}" width="{width}" height="{height}" src="data:image/jpeg;base64,{data}">'


def figure(inside: str, title: str, lines: Sequence[str] = (), kind: str = "chart") -> str:
    """A figure with a title in bold and lines of text below it."""
    said = "".join(f"<br>{escape(line)}" if number else escape(line) for number, line in enumerate(lines))
    caption = f"<figcaption><strong>{escape(title)}</strong>{said}</figcaption>"
    return f'<figure class="{kind}">{inside}{caption}</figure>'


def photo_figure(view: PhotoView, lines: Sequence[str]) -> str:
    """A photo with its faces marked.

    Args:
        view: the photo.
        lines: what was found, as text.
    """
    marked = "; ".join(lines)
    # A small photo is enlarged, up to three times, so that boxes and numbers do not cover its faces.
    longest = min(_LONG_SIDE, 3 * max(view.pixels.shape[:2]))
    drawn = draw_photo(view, longest, longest)
    size = f"{view.width} × {view.height} pixels"
    return figure(
        image(drawn, f"{view.name} with its faces marked: {marked}", "photo"), view.name, [size, *lines]
    )


def quality_table(faces: Sequence[VerdictFace], names: Sequence[str]) -> str:
    """The quality of faces; empty where none was measured.

    Up to three faces have a column each, which fits a narrow screen. More have a row each.
    """
    measured = [
        (name, face.quality) for name, face in zip(names, faces, strict=True) if face.quality is not None
    ]
    if not measured:
        return ""
    rows = [["face", *(name for name, _ in measured)]]
    rows.append(["quality", *(quality_text(quality).removeprefix("quality ") for _, quality in measured)])
    columns = [measures(quality) for _, quality in measured]
    rows += [[said, *(column[row][1] for column in columns)] for row, (said, _) in enumerate(columns[0])]
    return table(
        "Quality of the faces", rows if len(measured) <= _MOST_COLUMNS else list(zip(*rows, strict=True))
    )


def table(caption: str, rows: Sequence[Sequence[str]]) -> str:
    """A table whose first row and first column are headings; all texts are plain."""
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in rows[0])
    body = "".join(
        f'<tr><th scope="row">{escape(name)}</th>{"".join(f"<td>{escape(value)}</td>" for value in values)}</tr>'
        for name, *values in rows[1:]
    )
    return (
        f'<div class="scroll" role="region" aria-label="{caption}" tabindex="0"><table><caption>{caption}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def tiles(values: Sequence[tuple[str, str]]) -> str:
    """Names and values, each pair in a box."""
    rows = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in values)
    return f'<dl class="tiles">{rows}</dl>'
