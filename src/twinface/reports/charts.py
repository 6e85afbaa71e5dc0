"""A chart: drawn by matplotlib, put into the page as SVG whose colours and letters are the page's own.

Charts are drawn with fixed colours and a page has two sets of them, for light and for dark. So each
colour becomes a CSS variable of the page, with the drawn colour where there is no page around.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import dataclass

import matplotlib.style
from markupsafe import Markup, escape
from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Okabe & Ito's colours, told apart with every kind of colour blindness. Genuine and impostor pairs have
# the same ones in all charts.
GENUINE, IMPOSTOR, THIRD, FOURTH = "#0072b2", "#d55e00", "#009e73", "#cc79a7"
INK, MUTED, GRID, PAPER = "#1b1f24", "#5d6670", "#d9dee3", "#fefefe"
_VARIABLES = {
    GENUINE: "genuine",
    IMPOSTOR: "impostor",
    THIRD: "third",
    FOURTH: "fourth",
    INK: "ink",
    MUTED: "muted",
    GRID: "grid",
    PAPER: "card",
}
LEAST_SPAN = 0.05  # of an axis of shares
WIDTH, HEIGHT = 4.6, 3.3  # inches; a column of a laptop's page, and the width of a phone

_STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "twinface",
    "text.parse_math": False,
    "font.size": 9.5,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": MUTED,
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "hatch.color": MUTED,
    "hatch.linewidth": 0.5,
    "legend.edgecolor": "none",
    "legend.facecolor": PAPER,
    "legend.framealpha": 0.85,
    "legend.fontsize": 9.0,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "figure.facecolor": "none",
    "savefig.facecolor": "none",
}

_IDENTIFIER = re.compile(r'( id="|url\(#|href="#)([\w.-]+)')
_COORDINATES = re.compile(r' (?:d|x|y|width|height|transform)="[^"]*"')


@dataclass(frozen=True)
class Chart:
    """A chart with all that a reader who cannot see it needs.

    Attributes:
        title: what it shows.
        description: the same in a sentence with its main figures, for screen readers.
        caption: how to read it, or "".
        drawing: the SVG.
    """

    title: str
    description: str
    caption: str
    drawing: str

    def svg(self, prefix: str) -> Markup:
        """The SVG for a page, with `prefix` before its identifiers, which a page may hold only once."""
        return Markup(_IDENTIFIER.sub(rf"\1{prefix}-\2", self.drawing))


def chart(
    title: str,
    description: str,
    draw: Callable[[Figure], None],
    caption: str = "",
    height: float = HEIGHT,
) -> Chart:
    """Draws a chart.

    Args:
        title, description, caption: see `Chart`.
        draw: fills the empty figure that it is given.
        height: of the figure in inches.
    """
    with matplotlib.style.context(["default", _STYLE]):
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        draw(figure)
        buffer = io.StringIO()
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(buffer, format="svg", metadata=nothing)
    return Chart(title, description, caption, _for_a_page(buffer.getvalue(), description))


def wide_enough(low: float, high: float) -> tuple[float, float]:
    """The ends of an axis of shares, at least `LEAST_SPAN` apart, so that nothing looks large.

    They lie from 0 to a little above 1, where the marker of a share of 1 has room.

    >>> wide_enough(0.8, 0.9), [round(end, 3) for end in wide_enough(0.8, 0.81)]
    ((0.8, 0.9), [0.78, 0.83])
    >>> [round(end, 3) for end in wide_enough(0.99, 1.02)], wide_enough(0.0, 0.01)
    ([0.955, 1.005], (0.0, 0.05))
    """
    missing = max(0.0, LEAST_SPAN - (high - low))
    low, high = low - missing / 2, high + missing / 2
    off = max(0.0, high - 1.005) + min(0.0, low)
    return max(0.0, low - off), high - off


def share_axis(axes: Axes, which: str, low: float, high: float) -> None:
    """Makes an axis ("x" or "y") run over shares and write them as percentages."""
    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_formatter(lambda value, _: f"{100 * value:g} %")
    if which == "x":
        axes.set_xlim(low, high)
    else:
        axes.set_ylim(low, high)


def _for_a_page(svg: str, description: str) -> str:
    """Takes what only a file of its own needs out of an SVG, and shortens the rest to two thirds."""
    svg = svg[svg.index("<svg") :]
    # The style block would apply to the whole page; the page's own style sheet says the same of charts.
    svg = re.sub(r"<style.*?</style>|<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    box = re.search(r'viewBox="[^"]*"', svg)
    label = escape(description)
    opening = f'<svg {box[0] if box else ""} role="img" aria-label="{label}">'
    svg = opening + svg[svg.index(">") + 1 :].strip()
    used = set(re.findall(r'(?:url\(#|href="#)([\w.-]+)', svg))
    svg = re.sub(r' id="([^"]*)"', lambda match: match[0] if match[1] in used else "", svg)
    svg = _COORDINATES.sub(_shortened, svg.replace("xlink:href", "href"))
    svg = re.sub(r"font-family: [^;\"]*;? ?", "", svg)
    for color, name in _VARIABLES.items():
        svg = svg.replace(color, f"var(--{name},{color})")
    return re.sub(r">\s+<", "><", svg)


def _shortened(match: re.Match[str]) -> str:
    """Coordinates in hundredths of a point, without line breaks."""
    attribute = re.sub(r"-?\d+\.\d{3,}(?:e-?\d+)?", lambda number: f"{float(number[0]):.2f}", match[0])
    return re.sub(r"\s*\n\s*", " ", attribute)
