"""What a verifier does at its threshold: scores, the four fates of pairs, probabilities, folds."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from twinface.core.types import BoolArray, FloatArray
from twinface.evaluation.intervals import wilson
from twinface.evaluation.metrics import Confusion, confusion, reliability_curve
from twinface.evaluation.results import StoredEvaluation
from twinface.evaluation.summary import Folds, Summary
from twinface.reports.charts import GENUINE, IMPOSTOR, INK, MUTED, THIRD, Chart, chart, share_axis


def decision_charts(result: StoredEvaluation) -> list[Chart]:
    """Score histograms, confusion matrix, reliability diagram and, where there are folds, those."""
    table = confusion(result.margins, result.is_match, 0.0)
    charts = [score_chart(result.margins, result.is_match), confusion_chart(table), _reliability(result)]
    folds = result.summary.folds
    return [*charts, _folds(result.summary, folds)] if folds else charts


def score_chart(margins: FloatArray, is_match: BoolArray) -> Chart:
    """Histograms of the scores of both kinds of pairs.

    Args:
        margins: `[M]` score less threshold.
        is_match: `[M]`.
    """
    kinds = {
        "genuine pairs": (margins[is_match], GENUINE, "-"),
        "impostor pairs": (margins[~is_match], IMPOSTOR, "--"),
    }
    kinds = {name: kind for name, kind in kinds.items() if len(kind[0])}
    low, high = min(0.0, float(margins.min())), max(0.0, float(margins.max()))
    edges = np.linspace(low, high if high > low else low + 1.0, 41)

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        top = 0.0
        for name, (scores, color, line) in kinds.items():
            shares = np.histogram(scores, edges)[0] / len(scores)
            top = max(top, float(shares.max()))
            axes.stairs(shares, edges, fill=True, color=color, alpha=0.3)
            axes.stairs(shares, edges, color=color, linestyle=line, linewidth=1.4, label=name)
        axes.axvline(0, color=INK, linewidth=1.2)
        share_axis(axes, "y", 0, top * 1.22)
        axes.set_yticks([tick for tick in axes.get_yticks() if 0 <= tick <= 1])
        for text, offset, side in (("different ", -4, "right"), ("same", 4, "left")):
            arrow = f"← {text}" if offset < 0 else f"{text} →"
            axes.annotate(
                arrow, (0, 0.97), xycoords=("data", "axes fraction"), xytext=(offset, 0),
                textcoords="offset points", ha=side, va="top", color=INK, fontsize=9,
            )  # fmt: skip
        axes.set_xlabel("score less threshold")
        axes.set_ylabel("share of the pairs of a kind")
        figure.legend(loc="outside upper center", ncols=2)

    means = "; ".join(f"mean of {name} {kind[0].mean():.3f}" for name, kind in kinds.items())
    return chart("Scores", f"Histograms of scores less threshold: {means}.", draw, "The threshold is at 0.")


def confusion_chart(table: Confusion, of: str = "") -> Chart:
    """The four fates of pairs, in counts and in shares of each kind.

    Args:
        table: the counts.
        of: whose they are, where those of several stand side by side.
    """
    rows = (
        ("genuine", GENUINE, (table.true_accept, table.false_reject)),
        ("impostor", IMPOSTOR, (table.false_accept, table.true_reject)),
    )

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        axes.grid(False)
        for row, (_, color, counts) in enumerate(rows):
            for column, count in enumerate(counts):
                _cell(axes, (column, row), color, count, sum(counts))
        axes.set_xlim(0, 2)
        axes.set_ylim(2, 0)
        axes.set_xticks([0.5, 1.5], ["accepted:\ncalled the same", "rejected:\ncalled different"])
        axes.set_yticks([0.5, 1.5], [f"{name}\npairs" for name, *_ in rows])
        axes.xaxis.tick_top()
        axes.tick_params(length=0)
        for spine in axes.spines.values():
            spine.set_visible(False)

    title = f"Confusion matrix of {of}" if of else "Confusion matrix"
    said = (
        f"{title}: of the genuine pairs {table.true_accept} were accepted and {table.false_reject} rejected, "
        f"of the impostor pairs {table.false_accept} accepted and {table.true_reject} rejected."
    )
    return chart(of or title, said, draw, "Percentages, and depth of colour, are of a row.")


def _cell(axes: Axes, place: tuple[int, int], color: str, count: int, of: int) -> None:
    """A cell that is the fuller of colour the larger its share of the row."""
    column, row = place
    share = count / of if of else 0.0
    box = (column + 0.02, row + 0.02)
    axes.add_patch(Rectangle(box, 0.96, 0.96, facecolor=color, alpha=0.04 + 0.4 * share, linewidth=0))
    axes.text(column + 0.5, row + 0.43, f"{count:,}", ha="center", va="center", fontsize=17)
    said = f"{100 * share:.1f} %" if of else "no such pairs"
    axes.text(column + 0.5, row + 0.72, said, ha="center", va="center", fontsize=10)


def _reliability(result: StoredEvaluation) -> Chart:
    curve = reliability_curve(result.probabilities, result.is_match)
    intervals = [wilson(rate * count, count) for rate, count in zip(curve.observed, curve.count, strict=True)]
    below = curve.observed - [interval.low for interval in intervals]
    above = [interval.high for interval in intervals] - curve.observed

    def draw(figure: Figure) -> None:
        axes, counts = figure.subplots(2, 1, sharex=True, height_ratios=[4, 1])
        axes.plot([0, 1], [0, 1], ":", color=MUTED, linewidth=1)
        axes.errorbar(
            curve.predicted, curve.observed, yerr=[below, above], color=INK, fmt="o-", markersize=4,
            linewidth=1, elinewidth=0.8, capsize=2,
        )  # fmt: skip
        share_axis(axes, "y", -0.03, 1.03)
        axes.set_ylabel("pairs that were genuine")
        counts.vlines(curve.predicted, 0, curve.count, color=MUTED, linewidth=3)
        counts.set_ylim(0, curve.count.max() * 1.15)
        counts.set_ylabel("pairs")
        counts.set_xlabel('probability of "same" that was given')
        share_axis(counts, "x", -0.03, 1.03)

    measured = f" Expected calibration error {result.summary.calibration_error:.4f}."
    bins = f"{len(curve.count)} bins of {curve.count.min()} to {curve.count.max()} pairs"
    caption = "On the dotted line probabilities come true. Bars: 95 % intervals; below: pairs in each bin."
    return chart("Reliability", f"Reliability diagram, {bins}.{measured}", draw, caption)


def _folds(summary: Summary, found: Folds) -> Chart:
    folds, error, mean = found.accuracies, found.standard_error, summary.accuracy.value

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        numbers = range(1, len(folds) + 1)
        axes.axhspan(mean - error, mean + error, color=THIRD, alpha=0.18, linewidth=0)
        axes.axhline(mean, color=THIRD, linewidth=1.2)
        axes.plot(numbers, folds, "o", color=INK, markersize=6)
        axes.set_xticks(list(numbers))
        axes.set_xlabel("fold")
        axes.set_ylabel("accuracy")
        margin = max(0.01, 0.25 * (max(folds) - min(folds)), error)
        share_axis(axes, "y", min(folds) - margin, max(folds) + margin)

    said = f"Accuracy of each fold: {', '.join(f'{value:.4f}' for value in folds)}."
    return chart("Folds", said, draw, f"Line and band: mean {mean:.4f} ± standard error {error:.4f}.")
