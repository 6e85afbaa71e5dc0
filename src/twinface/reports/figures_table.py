"""The figures of an evaluation as rows to read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from twinface.evaluation.summary import EVERYTHING

NOTHING = "\N{EN DASH}"  # where there is no figure


@dataclass(frozen=True)
class Row:
    """One figure.

    Attributes:
        name: of it.
        value: as text.
        interval: "[0.861, 0.912]", or "" where there is none.
        note: what it is, and how far to trust it.
    """

    name: str
    value: str
    interval: str = ""
    note: str = ""


def figure_rows(figures: dict[str, Any]) -> list[Row]:
    """What the model achieved, with intervals."""
    rows = [_accuracy(figures), *_ranking(figures)]
    trials = figures.get("one_shot")
    if trials:
        count = f"{trials['ways']}-way, {trials['trials']:,} trials"
        note = f"{count}: share where the right one of so many candidates is the nearest"
        rows.append(Row("One-shot", share(trials["accuracy"]), interval(trials["interval"]), note))
    return [
        *rows,
        Row("Cross-entropy", share(figures["loss"]), note="nats a pair; always saying 0.5 gives 0.6931"),
        Row(
            "Calibration error",
            share(figures["calibration_error"]),
            note="mean difference between probability and outcome, over bins of equal count",
        ),
    ]


def fact_rows(figures: dict[str, Any]) -> list[Row]:
    """What was scored, by what, and how fast."""
    seen = figures["seen_people"]
    return [
        Row("Protocol", figures["protocol"]),
        Row("Data", figures["data"]),
        Row("Pairs", f"{figures['pairs']:,}", note=f"{figures['genuine']:,} genuine"),
        Row("Pictures", f"{figures['images']:,}", note=f"of {figures['people']:,} people"),
        Row("The model was shown", figures.get("shown", EVERYTHING)),
        Row("Model", figures["model"]),
        Row("Threshold", f"{figures['threshold']:.4f}", note=f"fitted on {figures['threshold_fitted_on']}"),
        Row(
            "Pairs with people the model has seen",
            f"{seen['pairs']:,}",
            note=f"{seen['trained_on']:,} people trained on, {seen['tuned_on']:,} tuned on",
        ),
        Row(
            "Speed",
            f"{figures['images_per_second']:,.0f} pictures/s",
            note=f"{figures['seconds']:.1f} s in all",
        ),
        Row("SHA-256 of the pictures", figures["data_sha256"]),
    ]


def _accuracy(figures: dict[str, Any]) -> Row:
    note = "share of pairs judged rightly at the threshold"
    if figures.get("folds"):
        note = f"mean of {len(figures['folds'])} folds, ± {figures['standard_error']:.4f} standard error"
    return Row("Accuracy", share(figures["accuracy"]), interval(figures["accuracy_interval"]), note)


def _ranking(figures: dict[str, Any]) -> list[Row]:
    if figures["auc"] is None:
        nothing = "needs genuine and impostor pairs; these are of one kind"
        return [Row("Area under ROC", NOTHING, note=nothing), Row("Equal error rate", NOTHING, note=nothing)]
    rows = [
        Row("Area under ROC", share(figures["auc"]), interval(figures["auc_interval"]),
            "chance that a genuine pair outscores an impostor pair"),
        Row("Equal error rate", share(figures["eer"]), interval(figures["eer_interval"]),
            "where false accepts and false rejects are equally frequent"),
    ]  # fmt: skip
    for point in figures["tar_at_far"]:
        hedge = "; few false accepts: a rough figure" if point["few_false_accepts"] else ""
        name = f"TAR at FAR {100 * point['far']:g} %"
        note = f"genuine pairs accepted when at most that many impostors are{hedge}"
        rows.append(Row(name, share(point["tar"]), interval(point["interval"]), note))
    return rows


def share(value: float | None) -> str:
    """Four digits, or a dash.

    >>> share(0.5)
    '0.5000'
    """
    return NOTHING if value is None else f"{value:.4f}"


def interval(value: list[float] | None) -> str:
    """An interval's ends.

    >>> interval([0.25, 0.5])
    '[0.2500, 0.5000]'
    """
    return "" if value is None else f"[{value[0]:.4f}, {value[1]:.4f}]"
