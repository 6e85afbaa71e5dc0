"""The figures of an evaluation as rows to read."""

from __future__ import annotations

from dataclasses import dataclass

from twinface.core.types import Interval
from twinface.evaluation.summary import Estimate, Summary

NOTHING = "\N{EN DASH}"  # where there is no figure


@dataclass(frozen=True)
class Row:
    """One figure.

    Attributes:
        name: of it.
        value: as text.
        interval: "[0.861, 0.912]", or "" where there is none.
        note: what the figure means, and how far to trust it.
    """

    name: str
    value: str
    interval: str = ""
    note: str = ""


def figure_rows(summary: Summary) -> list[Row]:
    """What the model achieved, with intervals."""
    rows = [_accuracy(summary), *_ranking(summary)]
    trials = summary.one_shot
    if trials:
        note = (
            f"{trials.ways}-way, {trials.trials:,} trials: "
            "share where the right one of so many candidates is the nearest"
        )
        rows.append(_row("One-shot", trials.accuracy, note))
    return [
        *rows,
        Row("Cross-entropy", share(summary.loss), note="nats a pair; always saying 0.5 gives 0.6931"),
        Row(
            "Calibration error",
            share(summary.calibration_error),
            note="mean difference between probability and outcome, over bins of equal count",
        ),
    ]


def fact_rows(summary: Summary) -> list[Row]:
    """What was scored, by which model, and how fast."""
    seen = summary.seen_people
    return [
        Row("Protocol", summary.protocol),
        Row("Data", summary.data),
        Row("Pairs", f"{summary.pairs:,}", note=f"{summary.genuine:,} genuine"),
        Row("Pictures", f"{summary.images:,}", note=f"of {summary.people:,} people"),
        Row("The model was shown", summary.shown),
        Row("Model", summary.model),
        Row("Threshold", f"{summary.threshold:.4f}", note=f"fitted on {summary.threshold_fitted_on}"),
        Row(
            "Pairs with people the model has seen",
            f"{seen.pairs:,}",
            note=f"{seen.trained_on:,} people trained on, {seen.tuned_on:,} tuned on",
        ),
        Row("Speed", f"{summary.images_per_second:,.0f} pictures/s", note=f"{summary.seconds:.1f} s in all"),
        Row("SHA-256 of the pictures", summary.data_sha256 or NOTHING),
    ]


def _accuracy(summary: Summary) -> Row:
    note = "share of pairs judged rightly at the threshold"
    if summary.folds:
        error = summary.folds.standard_error
        note = f"mean of {len(summary.folds.accuracies)} folds, ± {error:.4f} standard error"
    return _row("Accuracy", summary.accuracy, note)


def _ranking(summary: Summary) -> list[Row]:
    if summary.auc is None or summary.eer is None:
        nothing = "needs genuine and impostor pairs; these are of one kind"
        return [Row("Area under ROC", NOTHING, note=nothing), Row("Equal error rate", NOTHING, note=nothing)]
    rows = [
        _row(
            "Area under ROC",
            summary.auc,
            "chance that a genuine pair has a higher score than an impostor pair",
        ),
        _row("Equal error rate", summary.eer, "where false accepts and false rejects are equally frequent"),
    ]
    for point in summary.tar_at_far:
        hedge = "; few false accepts: a rough figure" if point.few_false_accepts else ""
        note = f"share of genuine pairs accepted where at most this share of impostor pairs is{hedge}"
        rows.append(_row(f"TAR at FAR {100 * point.far:g} %", point.tar, note))
    return rows


def _row(name: str, estimate: Estimate, note: str) -> Row:
    return Row(name, share(estimate.value), interval(estimate.interval), note)


def share(value: float | Estimate | None) -> str:
    """Four digits, or a dash.

    >>> share(0.5)
    '0.5000'
    """
    if value is None:
        return NOTHING
    return f"{value.value if isinstance(value, Estimate) else value:.4f}"


def interval(value: Interval | None) -> str:
    """An interval's ends.

    >>> interval(Interval(0.25, 0.5))
    '[0.2500, 0.5000]'
    """
    return "" if value is None else f"[{value.low:.4f}, {value.high:.4f}]"
