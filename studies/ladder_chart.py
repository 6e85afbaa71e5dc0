"""The ladder as a picture: the accuracy of each rung on View 1's test pairs, as SVG made of text."""

from __future__ import annotations

from html import escape

from kept_figures import LADDER, accuracy_of, kept, share

LOW, HIGH = 0.5, 1.0  # of the axis
LEFT, WIDTH, ROW, TOP = 300, 440, 26, 34
INK, MUTED, GRID, DOT = "#1b1f24", "#5d6670", "#d9dee3", "#0072b2"


def _x(value: float) -> float:
    return round(LEFT + WIDTH * (value - LOW) / (HIGH - LOW), 1)


def _text(x: float, y: float, text: str, color: str = INK, anchor: str = "start") -> str:
    return f'<text x="{x:g}" y="{y:g}" fill="{color}" text-anchor="{anchor}">{escape(text)}</text>'


def ladder_chart() -> str:
    """The SVG; rungs that have not been run have no dot."""
    height = TOP + ROW * len(LADDER.runs) + 34
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LEFT + WIDTH + 70} {height}" role="img" '
        f'aria-label="{escape(LADDER.title)}: accuracy on View 1 test" font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="#fefefe"/>',
        _text(10, 20, f"{LADDER.title}: accuracy on LFW View 1 test, 95 % over people"),
    ]
    for tick in range(5, 11):
        x, bottom = _x(tick / 10), TOP + ROW * len(LADDER.runs)
        parts.append(f'<line x1="{x}" x2="{x}" y1="{TOP}" y2="{bottom}" stroke="{GRID}"/>')
        parts.append(_text(x, bottom + 18, f"{10 * tick} %", MUTED, "middle"))
    for number, run in enumerate(LADDER.runs):
        y, here = TOP + ROW * (number + 0.5), kept(run.list, run.name)
        parts.append(_text(10, y + 4, f"{number + 1}. {run.label}", INK if here.each else MUTED))
        if not here.each:
            parts.append(_text(LEFT + 6, y + 4, "not run yet", MUTED))
            continue
        mean, ends = here.values("test", "accuracy").mean(), accuracy_of(run.list, run.name, "test")
        parts.append(
            f'<line x1="{_x(ends.low)}" x2="{_x(ends.high)}" y1="{y:g}" y2="{y:g}" stroke="{DOT}" stroke-width="3" '
            'opacity="0.4"/>'
        )
        parts.append(f'<circle cx="{_x(mean)}" cy="{y:g}" r="5" fill="{DOT}"/>')
        parts.append(_text(_x(ends.high) + 8, y + 4, share(mean)))
    return "\n".join([*parts, "</svg>"]) + "\n"
