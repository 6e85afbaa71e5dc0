"""The scale of scores as SVG that is as wide as the page, with letters of the page's size."""

from __future__ import annotations

from html import escape

from twinface.core.types import FloatArray
from twinface.recognition.show.score_scale import ScoreScale

_TOP, _CURVES = 48, 132  # heights in pixels: labels above, curves
_END = _TOP + _CURVES
_INK, _MUTED, _GRID, _PAPER = (
    "var(--ink,#1b1f24)",
    "var(--muted,#5d6670)",
    "var(--grid,#d9dee3)",
    "var(--card,#fefefe)",
)
_SAME, _DIFFERENT = "var(--genuine,#0072b2)", "var(--impostor,#d55e00)"


def scale_svg(scale: ScoreScale) -> str:
    """The scale as an SVG element. Colours and letters are those of the page around it.

    Places across are shares of the width, so that a narrow screen moves the labels together and does not shrink them.
    """
    curves = (
        [(scale.impostor, _DIFFERENT), (scale.genuine, _SAME)]
        if scale.has_densities
        else [(scale.probability, _SAME)]
    )
    parts = [
        '<defs><symbol id="curves" viewBox="0 0 1000 100" preserveAspectRatio="none">',
        *(_curve(curve, color) for curve, color in curves),
        "</symbol></defs>",
        *(_tick(scale, tick) for tick in scale.ticks()),
        f'<use href="#curves" x="0" y="{_TOP}" width="100%" height="{_CURVES}"/>',
        _line("0%", "100%", _END, _END, _MUTED),
        _marks(scale),
    ]
    label = escape(scale.describe())
    return (
        f'<svg class="scale" width="100%" height="216" role="img" aria-label="{label}">{"".join(parts)}</svg>'
    )


def _curve(curve: FloatArray, color: str) -> str:
    """A curve of values from 0 to 1 and the area under it, in a box of 1000 × 100."""
    last = len(curve) - 1
    points = " ".join(
        f"{1000 * place / last:.1f},{100 - 97 * value:.1f}" for place, value in enumerate(curve)
    )
    return (
        f'<polygon points="0,100 {points} 1000,100" fill="{color}" fill-opacity=".3"/>'
        f'<polyline points="{points}" fill="none" stroke="{color}" stroke-width="2" '
        'vector-effect="non-scaling-stroke"/>'
    )


def _tick(scale: ScoreScale, tick: float) -> str:
    place = _percent(scale.place(tick))
    return _line(place, place, _TOP, _END, _GRID) + _text(scale.place(tick), _END + 20, f"{tick:g}", _MUTED)


def _marks(scale: ScoreScale) -> str:
    """The threshold, or both ends of the zone, as dashed lines; the score as a full one with a dot."""
    score = scale.place(scale.score)
    at_score = _percent(score)
    color = {True: _SAME, False: _DIFFERENT, None: _PAPER}[scale.same]
    marks = [(scale.place(place), said) for place, said in scale.marks()]
    sides = ["end", "start"] if len(marks) == 2 else [None]  # beside the zone, so that the labels do not meet
    dashed = "".join(
        _line(_percent(place), _percent(place), _TOP - 8, _END, _INK, ' stroke-dasharray="4 4"')
        for place, _ in marks
    )
    # Labels come last, so that no line goes through them.
    labels = "".join(
        _text(place, _TOP - 13, said, _MUTED, side=side)
        for (place, said), side in zip(marks, sides, strict=True)
    )
    return "".join(
        (
            dashed,
            _line(at_score, at_score, 20, _END, _INK, ' stroke-width="2"'),
            f'<circle cx="{at_score}" cy="{_END}" r="6" fill="{color}" stroke="{_INK}" stroke-width="2"/>',
            labels,
            _text(score, 13, f"this pair {scale.score:.3f}", _INK, ' font-weight="700"'),
        )
    )


def _line(left: str, right: str, top: int, bottom: int, color: str, more: str = "") -> str:
    return f'<line x1="{left}" x2="{right}" y1="{top}" y2="{bottom}" stroke="{color}"{more}/>'


def _text(place: float, baseline: int, said: str, color: str, more: str = "", side: str | None = None) -> str:
    """A label that is centred at its place, or begins or ends there where it would leave the page."""
    anchor = "start" if place < 0.12 else "end" if place > 0.88 else side or "middle"
    return (
        f'<text x="{_percent(place)}" y="{baseline}" text-anchor="{anchor}" fill="{color}"{more}>'
        f"{escape(said)}</text>"
    )


def _percent(share: float) -> str:
    return f"{100 * share:.2f}%"
