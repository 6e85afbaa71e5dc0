"""What a study found, as charts: the leaderboard, factors, curves together, who can be told apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from twinface.reports.charts import FOURTH, INK, MUTED, THIRD, Chart, chart, share_axis

SHOWN = 12  # of the leaderboard
_LINES = [(INK, "-"), (FOURTH, "--"), (THIRD, "-."), (MUTED, ":"), (FOURTH, "-"), (THIRD, "--")]


def leaderboard_chart(places: Sequence[Mapping[str, Any]]) -> Chart:
    """Accuracy with interval and each seed's own, the first `SHOWN`."""
    shown = places[:SHOWN]

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        for row, place in enumerate(shown):
            low, high = place["interval"]
            color = INK if place["level_with_first"] else MUTED
            axes.plot([low, high], [row, row], color=color, linewidth=1.2)
            axes.plot(place["accuracies"], [row] * len(place["accuracies"]), "|", color=THIRD, markersize=9)
            axes.plot([place["accuracy"]], [row], "o", color=color, markersize=4.5)
        axes.set_yticks(range(len(shown)), [place["name"] for place in shown])
        axes.invert_yaxis()
        lowest = min(place["interval"][0] for place in shown)
        share_axis(axes, "x", max(0.0, lowest - 0.01), min(1.0, max(p["interval"][1] for p in shown) + 0.01))
        axes.set_xlabel("accuracy on validation people")

    said = f"Accuracy of the first {len(shown)} models, from {shown[0]['accuracy']:.3f} to {shown[-1]['accuracy']:.3f}."
    return chart(
        "Leaderboard",
        said,
        draw,
        "Dot: mean over seeds. Line: 95 % interval, people resampled. Strokes: each seed. Gray: told apart from the "
        "first.",
        height=1.2 + 0.24 * len(shown),
    )


def effect_charts(effects: Sequence[Mapping[str, Any]], objective: str) -> list[Chart]:
    """One chart a factor: the mean of the objective at each level, with its 95 % interval."""
    charts = []
    for effect in effects:
        levels = effect["levels"]

        def draw(figure: Figure, levels: Sequence[Mapping[str, Any]] = levels) -> None:
            axes = figure.subplots()
            for place, level in enumerate(levels):
                if level["margin"] is not None:
                    axes.errorbar(place, level["mean"], level["margin"], color=INK, capsize=3, linewidth=1.2)
                axes.plot([place], [level["mean"]], "o", color=INK, markersize=5)
            axes.set_xticks(range(len(levels)), [_short(level["label"]) for level in levels])
            axes.set_xlim(-0.5, len(levels) - 0.5)
            axes.set_ylabel(f"{objective}, validation people")

        said = ", ".join(f"{level['label']}: {level['mean']:.4f}" for level in levels)
        blocked = (
            "what the other factors do is taken out" if effect["balanced"] else "other factors not balanced"
        )
        charts.append(
            chart(
                effect["field"],
                f"Effect of {effect['field']}: {said}.",
                draw,
                f"Explains {100 * effect['share']:.0f} % of the variance between points; {blocked}.",
            )
        )
    return charts


def curves_chart(curves: Mapping[str, Sequence[tuple[int, float]]], objective: str) -> Chart | None:
    """Learning curves of several models together, from validation people."""
    curves = {name: curve for name, curve in curves.items() if len(curve) > 1}
    if not curves:
        return None

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        for (name, curve), (color, line) in zip(curves.items(), _LINES, strict=False):
            axes.plot(
                [epoch for epoch, _ in curve], [value for _, value in curve], line, color=color, label=name
            )
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        axes.set_xlabel("epoch")
        axes.set_ylabel(f"{objective}, validation people")
        figure.legend(loc="outside upper center", ncols=2)

    said = "; ".join(f"{name} ends at {curve[-1][1]:.4f}" for name, curve in curves.items())
    return chart("Learning curves together", f"Learning curves: {said}.", draw, "The first seed of each.")


def agreement_chart(names: Sequence[str], apart: Mapping[str, Sequence[str]]) -> Chart:
    """Which of the first models can be told apart."""
    names = list(names[:SHOWN])
    grid = np.array([[other in apart[one] for other in names] for one in names])

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        for row, column in zip(*np.nonzero(grid), strict=True):
            axes.plot([column], [row], "s", color=FOURTH, markersize=7)
        axes.set_xticks(range(len(names)), names, rotation=60, ha="right")
        axes.set_yticks(range(len(names)), names)
        axes.set_xlim(-0.5, len(names) - 0.5)
        axes.set_ylim(len(names) - 0.5, -0.5)

    count = int(grid.sum()) // 2
    return chart(
        "Told apart",
        f"{count} of {len(names) * (len(names) - 1) // 2} pairs of models can be told apart.",
        draw,
        "A square where two models differ: McNemar's test on the same pairs, Holm's correction for all comparisons, "
        "and the interval of their difference with people resampled.",
        height=1.6 + 0.26 * len(names),
    )


def _short(label: str) -> str:
    return label if len(label) <= 14 else label.replace(" ", "\n")
