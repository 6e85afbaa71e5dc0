"""What is in a data set, drawn."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from matplotlib.figure import Figure

from twinface.datasets.analysis import DataAnalysis
from twinface.datasets.analysis.pairs import PairsAnalysis
from twinface.datasets.analysis.spread import Histogram
from twinface.reports.charts import GENUINE, HEIGHT, IMPOSTOR, INK, MUTED, Chart, chart

_FEW = 12
_STEPS = (1, 2, 3, 4, 6, 11, 21, 51, 101)


def people_chart(histogram: Sequence[tuple[int, int]]) -> Chart:
    """How many people have how many pictures.

    Args:
        histogram: (pictures, people who have that many).
    """
    bins = _binned(histogram)

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        bars = axes.bar([name for name, _ in bins], [people for _, people in bins], color=MUTED)
        axes.bar_label(bars, [f"{people:,}" if people else "" for _, people in bins], padding=2, fontsize=8.5)
        axes.set_xlabel("pictures of a person")
        axes.set_ylabel("people")
        axes.grid(axis="x", visible=False)
        axes.margins(y=0.12)
        if len(bins) > 8:
            axes.tick_params(axis="x", labelsize=8)

    said = "; ".join(f"{people:,} with {name}" for name, people in bins)
    return chart("Pictures of a person", f"People by their number of pictures: {said}.", draw)


def pairs_chart(lists: Sequence[PairsAnalysis]) -> Chart:
    """Genuine and impostor pairs of each list."""
    names = ["\n".join(textwrap.wrap(pairs.name, 20, max_lines=3)) for pairs in lists]
    kinds = (
        ("genuine", GENUINE, [pairs.matches for pairs in lists], -0.2),
        ("impostor", IMPOSTOR, [pairs.mismatches for pairs in lists], 0.2),
    )

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        for name, color, counts, offset in kinds:
            places = [place + offset for place in range(len(lists))]
            bars = axes.barh(places, counts, height=0.38, color=color, label=name)
            axes.bar_label(bars, [f"{count:,}" for count in counts], padding=3, fontsize=8.5)
        axes.set_yticks(range(len(lists)), names)
        axes.invert_yaxis()
        axes.set_xlabel("pairs")
        axes.grid(axis="y", visible=False)
        axes.margins(x=0.14)
        figure.legend(loc="outside upper center", ncols=2)

    said = "; ".join(
        f"{pairs.name}: {pairs.matches:,} genuine, {pairs.mismatches:,} impostor" for pairs in lists
    )
    height = max(HEIGHT, 1.0 + 0.7 * len(lists))
    return chart("Pairs of each list", f"Pairs by kind: {said}.", draw, height=height)


def picture_charts(analysis: DataAnalysis) -> list[Chart]:
    """Sizes where they differ, brightness and contrast of the sample."""
    pictures = analysis.pictures
    charts = [_sizes(pictures.sizes)] if len(pictures.sizes) > 1 else []
    return [
        *charts,
        _histogram("Brightness", "mean of a picture's pixels, 0 to 255", pictures.brightness_histogram),
        _histogram("Contrast", "standard deviation of a picture's pixels", pictures.contrast_histogram),
    ]


def _sizes(sizes: Sequence[tuple[int, int, int]]) -> Chart:
    most = max(count for *_, count in sizes)

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        areas = [8 + 120 * count / most for *_, count in sizes]
        axes.scatter(
            [width for _, width, _ in sizes],
            [height for height, *_ in sizes],
            areas,
            color=INK,
            alpha=0.5,
            linewidths=0,
        )
        axes.set_xlabel("width, pixels")
        axes.set_ylabel("height, pixels")
        axes.set_xlim(left=0)
        axes.set_ylim(bottom=0)

    height, width, count = sizes[0]
    said = f"{len(sizes):,} sizes; the most frequent is {width} by {height} with {count:,} pictures."
    return chart("Sizes", f"Widths and heights of the pictures: {said}", draw, "Larger dots: more pictures.")


def _histogram(title: str, label: str, histogram: Histogram) -> Chart:
    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        axes.stairs(histogram.counts, histogram.edges, fill=True, color=MUTED, alpha=0.6)
        axes.stairs(histogram.counts, histogram.edges, color=INK, linewidth=1)
        axes.set_xlim(histogram.edges[0], histogram.edges[-1])
        axes.set_ylim(bottom=0)
        axes.set_xlabel(label)
        axes.set_ylabel("pictures")

    peak = max(range(len(histogram.counts)), key=histogram.counts.__getitem__)
    low, high = histogram.edges[peak], histogram.edges[peak + 1]
    said = f"{title} of {sum(histogram.counts):,} pictures: most lie between {low:.0f} and {high:.0f}."
    return chart(title, said, draw)


def _binned(histogram: Sequence[tuple[int, int]]) -> list[tuple[str, int]]:
    """(number of pictures as text, people): each number where there are few, ranges that widen otherwise."""
    most = max(pictures for pictures, _ in histogram)
    starts = list(range(1, most + 1)) if most <= _FEW else [start for start in _STEPS if start <= most]
    bins = []
    for start, following in zip(starts, [*starts[1:], most + 1], strict=True):
        people = sum(people for pictures, people in histogram if start <= pictures < following)
        name = f"{start}\N{EN DASH}{following - 1}" if start < _STEPS[-1] else f"{start}+"
        bins.append((str(start) if following == start + 1 else name, people))
    return bins
