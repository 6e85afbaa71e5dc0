"""Distributions of scores below each other, one column for each model: SVG that is made of text, for light and dark."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

LEFT, COLUMN, SAID, GAP, ROW, TOP, BOTTOM = 140, 330, 66, 26, 64, 98, 40
HEIGHT = 48  # of a curve
# The colours are those of src/twinface/core/page.css.
STYLE = """
  :root { --ink: #1b1f24; --muted: #5d6670; --grid: #d9dee3; --card: #fefefe; --genuine: #0072b2; --impostor: #d55e00; }
  @media (prefers-color-scheme: dark) {
    :root { --ink: #e8eaed; --muted: #a5adb6; --grid: #3a4149; --card: #1e2226; --genuine: #56b4e9;
      --impostor: #e69f00; }
  }
  .card { fill: var(--card); } text { fill: var(--ink); } .muted { fill: var(--muted); } .bold { font-weight: 600; }
  .grid { stroke: var(--grid); } .threshold { stroke: var(--ink); } .moved { stroke: var(--impostor); stroke-width: 2; }
  .usual { stroke: var(--muted); stroke-dasharray: 3 3; }
  .genuine { fill: var(--genuine); fill-opacity: .3; stroke: var(--genuine); stroke-width: 1.5; }
  .impostor { fill: var(--impostor); fill-opacity: .3; stroke: var(--impostor); stroke-width: 1.5; }
"""


@dataclass(frozen=True)
class Spread:
    """The scores of a set with a model.

    Attributes:
        genuine, impostor: counts in bins of equal width.
        mean: of the impostor scores.
        said: beside the curves, such as "3.1 %".
    """

    genuine: Sequence[int]
    impostor: Sequence[int]
    mean: float
    said: str


@dataclass(frozen=True)
class Column:
    """A model: its name, its threshold, and a spread for each row."""

    name: str
    threshold: float
    spreads: Sequence[Spread]


@dataclass(frozen=True)
class Axis:
    """The scores from the left end of a column to its right end."""

    low: float
    high: float

    def x(self, column: int, score: float) -> float:
        """Where a score lies."""
        left = LEFT + column * (COLUMN + SAID + GAP)
        return round(left + COLUMN * (score - self.low) / (self.high - self.low), 1)


def score_chart(title: str, rows: Sequence[str], columns: Sequence[Column], axis: Axis) -> str:
    """Draws the chart.

    Args:
        title: above it.
        rows: the sets, from the top; the first is the usual one, whose impostor mean is drawn through all rows.
        columns: the models.
        axis: of the scores; the bins of all spreads go from its low end to its high end.
    """
    width = LEFT + len(columns) * (COLUMN + SAID + GAP)
    bottom = TOP + ROW * len(rows)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {bottom + BOTTOM}" role="img" '
        f'aria-label="{escape(title)}" font-family="sans-serif" font-size="12">',
        f"<style>{STYLE}</style>",
        '<rect class="card" width="100%" height="100%" rx="8"/>',
        _text(16, 24, title, "bold"),
        *_legend(16, 46),
    ]
    for number, column in enumerate(columns):
        parts += _frame(number, column, axis, bottom)
    for row, name in enumerate(rows):
        base = TOP + ROW * (row + 1) - 6
        parts.append(_text(16, base - 12, name))
        for number, column in enumerate(columns):
            parts += _curves(number, column.spreads[row], axis, base)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _legend(x: float, y: float) -> list[str]:
    parts = []
    for kind, said in (("genuine", "pairs of one person"), ("impostor", "pairs of strangers")):
        parts.append(f'<rect class="{kind}" x="{x:g}" y="{y - 10:g}" width="14" height="11"/>')
        parts.append(_text(x + 20, y, said))
        x += 165
    for kind, said in (("threshold", "threshold"), ("usual", "mean of strangers in the first row")):
        parts.append(f'<line class="{kind}" x1="{x + 7:g}" x2="{x + 7:g}" y1="{y - 11:g}" y2="{y + 2:g}"/>')
        parts.append(_text(x + 16, y, said))
        x += 100
    return parts


def _frame(number: int, column: Column, axis: Axis, bottom: float) -> list[str]:
    """The name, the axis, the threshold and the usual mean of a column."""
    left, right = axis.x(number, axis.low), axis.x(number, axis.high)
    parts = [
        _text(left, TOP - 12, column.name, "bold"),
        _text(right + SAID, TOP - 22, "strangers", "muted", "end"),
        _text(right + SAID, TOP - 8, "accepted", "muted", "end"),
    ]
    tick = axis.low
    while tick <= axis.high + 1e-9:
        x = axis.x(number, tick)
        parts.append(f'<line class="grid" x1="{x:g}" x2="{x:g}" y1="{TOP}" y2="{bottom}"/>')
        parts.append(_text(x, bottom + 17, f"{tick:.2g}" if abs(tick) > 1e-9 else "0", "muted", "middle"))
        tick += 0.25
    parts.append(_text((left + right) / 2, bottom + 33, "score", "muted", "middle"))
    for kind, score in (("usual", column.spreads[0].mean), ("threshold", column.threshold)):
        x = axis.x(number, score)
        parts.append(f'<line class="{kind}" x1="{x:g}" x2="{x:g}" y1="{TOP}" y2="{bottom}"/>')
    return parts


def _curves(number: int, spread: Spread, axis: Axis, base: float) -> list[str]:
    """Both histograms of a set, each as high as its share, and what is said beside them."""
    parts = []
    for kind, counts in (("impostor", spread.impostor), ("genuine", spread.genuine)):
        shares = [count / max(1, sum(counts)) for count in counts]
        parts.append(_curve(number, kind, shares, axis, base))
    x = axis.x(number, spread.mean)
    parts.append(f'<line class="moved" x1="{x:g}" x2="{x:g}" y1="{base:g}" y2="{base + 5:g}"/>')
    parts.append(_text(axis.x(number, axis.high) + SAID, base - 12, spread.said, "bold", "end"))
    return parts


def _curve(number: int, kind: str, shares: Sequence[float], axis: Axis, base: float) -> str:
    """A histogram as steps. Where more than an eighth of the pairs is in one bin, the curve is cut off."""
    step = (axis.high - axis.low) / len(shares)
    points = [f"M{axis.x(number, axis.low):g} {base:g}"]
    for place, part in enumerate(shares):
        y = round(base - HEIGHT * min(1.0, 8 * part), 1)
        points.append(f"V{y:g}H{axis.x(number, axis.low + (place + 1) * step):g}")
    return f'<path class="{kind}" d="{"".join(points)}V{base:g}"/>'


def _text(x: float, y: float, text: str, kind: str = "", anchor: str = "start") -> str:
    named = f' class="{kind}"' if kind else ""
    return f'<text{named} x="{x:g}" y="{y:g}" text-anchor="{anchor}">{escape(text)}</text>'
