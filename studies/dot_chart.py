"""Accuracies as dots on a line each, with their intervals: SVG that is made of text and the same everywhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from kept_figures import share

LOW, HIGH = 0.5, 1.0  # of the axis
LEFT, WIDTH, ROW, TOP, BOTTOM = 320, 440, 26, 34, 34
INK, MUTED, GRID = "#1b1f24", "#5d6670", "#d9dee3"
COLORS = ("#0072b2", "#d55e00", "#009e73")  # Okabe and Ito


@dataclass(frozen=True)
class Dot:
    """An accuracy, and the ends of its interval if there is one."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Line:
    """A line of the chart: its label, and a dot for each kind that is known."""

    label: str
    dots: Mapping[str, Dot]


def dot_chart(title: str, kinds: Sequence[str], lines: Sequence[Line]) -> str:
    """Draws a chart.

    Args:
        title: above it.
        kinds: of dots, each with a colour of its own; named below the title if there are several.
        lines: from the top; one without dots says "not run yet".
    """
    top = TOP + (ROW if len(kinds) > 1 else 0)
    bottom = top + ROW * len(lines)
    colors = dict(zip(kinds, COLORS, strict=False))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LEFT + WIDTH + 70} {bottom + BOTTOM}" role="img" '
        f'aria-label="{escape(title)}" font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="#fefefe"/>',
        _text(10, 20, title),
    ]
    if len(kinds) > 1:
        for number, kind in enumerate(kinds):
            parts += [_circle(16 + 220 * number, 40, colors[kind]), _text(26 + 220 * number, 44, kind)]
    for tick in range(5, 11):
        x = _x(tick / 10)
        parts.append(f'<line x1="{x:g}" x2="{x:g}" y1="{top}" y2="{bottom}" stroke="{GRID}"/>')
        parts.append(_text(x, bottom + 18, f"{10 * tick} %", MUTED, "middle"))
    for number, line in enumerate(lines):
        parts += _line(line, top + ROW * (number + 0.5), colors)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _line(line: Line, y: float, colors: Mapping[str, str]) -> list[str]:
    """The label and the dots of a line at a height, and beside them their values, in their colours if kinds differ."""
    parts = [_text(10, y + 4, line.label, INK if line.dots else MUTED)]
    if not line.dots:
        return [*parts, _text(LEFT + 6, y + 4, "not run yet", MUTED)]
    for kind, dot in line.dots.items():
        if dot.low is not None and dot.high is not None:
            parts.append(
                f'<line x1="{_x(dot.low):g}" x2="{_x(dot.high):g}" y1="{y:g}" y2="{y:g}" stroke="{colors[kind]}" '
                'stroke-width="3" opacity="0.4"/>'
            )
        parts.append(_circle(_x(dot.value), y, colors[kind]))
    furthest = max(_x(dot.high if dot.high is not None else dot.value) for dot in line.dots.values())
    for place, (kind, dot) in enumerate(line.dots.items()):
        color = colors[kind] if len(colors) > 1 else INK
        parts.append(_text(furthest + 8 + 34 * place, y + 4, share(dot.value), color))
    return parts


def _x(value: float) -> float:
    return round(LEFT + WIDTH * (value - LOW) / (HIGH - LOW), 1)


def _circle(x: float, y: float, color: str) -> str:
    return f'<circle cx="{x:g}" cy="{y:g}" r="5" fill="{color}"/>'


def _text(x: float, y: float, text: str, color: str = INK, anchor: str = "start") -> str:
    return f'<text x="{x:g}" y="{y:g}" fill="{color}" text-anchor="{anchor}">{escape(text)}</text>'
