"""Rows of facts about a run: key figures, times, data, machine."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from twinface.core.formatting import count, duration
from twinface.evaluation.results import StoredEvaluation
from twinface.evaluation.summary import Summary
from twinface.reports.figures_table import NOTHING, Row, figure_rows, share
from twinface.training.epoch_metrics import EpochMetrics, best_epoch
from twinface.training.run_info import RunInfo

_KEY_FIGURES = ("Accuracy", "Area under ROC", "Equal error rate", "One-shot")


def key_figures(
    summary: Summary | None, info: RunInfo, metrics: Sequence[EpochMetrics], by_steps: bool
) -> list[Row]:
    """The figures that a reader wants first.

    Args:
        summary: of the most trustworthy evaluation; None without any.
        info: of the run.
        metrics: of its epochs.
        by_steps: whether it is trained by gradient steps.
    """
    rows = []
    if summary:
        found = figure_rows(summary)
        rows += [Row(row.name, row.value, row.interval) for row in found if row.name in _KEY_FIGURES]
    best = best_epoch(metrics)
    if best and best.validation:
        note = f"validation accuracy {share(best.validation.accuracy)}"
        rows.append(Row("Best epoch", str(best.epoch), note=note))
    if info.costs and not by_steps:
        rows.append(Row("Numbers", f"{info.costs.numbers:,}", note="in the model; none trained by steps"))
    elif info.costs:
        rows.append(Row("Parameters", f"{info.costs.network_parameters:,}", note="of the network"))
    if metrics:
        rows.append(Row("Training", duration(metrics[-1].seconds), note=count(len(metrics), "epoch")))
    return rows


def time_rows(
    info: RunInfo, metrics: Sequence[EpochMetrics], results: Sequence[StoredEvaluation]
) -> list[Row]:
    """When it was trained, and how long each part took."""
    rows = [Row("Started", info.started)]
    if info.finished:
        rows.append(Row("Finished", info.finished))
    if info.costs:
        costs = info.costs
        parts = {
            "Preparing": (costs.preparing, "pictures, network, optimiser"),
            "Training": (costs.training, "steps, validation and saving"),
            "Writing the model": (costs.writing, "projection, threshold, both forms of the model"),
        }
        rows += [
            Row(name, duration(seconds), note=note) for name, (seconds, note) in parts.items() if seconds
        ]
        together = duration(sum(seconds for seconds, _ in parts.values()))
        rows.append(Row("These together", together, note=_whole_time(info)))
    if metrics:
        seconds = metrics[-1].seconds / len(metrics)
        rows.append(Row("Each epoch, on average", f"{seconds:.2f} s", note="validation included"))
    if info.costs and info.costs.images_per_second:
        rows.append(Row("Pictures trained on", f"{info.costs.images_per_second:,.0f} a second"))
    for result in results:
        note = f"{result.summary.images_per_second:,.0f} pictures/s embedded"
        rows.append(Row(f"Evaluation {result.name}", duration(result.summary.seconds), note=note))
    return rows


def _whole_time(info: RunInfo) -> str:
    """How long it took from start to end by the clock, and what the parts leave out."""
    if not info.finished:
        return ""
    between = datetime.fromisoformat(info.finished) - datetime.fromisoformat(info.started)
    whole = duration(max(0.0, between.total_seconds()))
    return f"of {whole} from start to end; the rest is loading programs, and pauses if it was stopped"


def machine_rows(info: RunInfo) -> list[Row]:
    """The machine, and the versions of the programs."""
    if info.machine is None:
        return []
    facts = {name: value for name, value in vars(info.machine).items() if name != "versions"}
    rows = [Row(name.replace("_", " "), str(value)) for name, value in facts.items()]
    return rows + [Row(package, version) for package, version in info.machine.versions.items()]


def data_rows(info: RunInfo) -> list[Row]:
    """The data set, its people and its pictures."""
    data = info.data
    if data is None:
        return []
    rows = [
        Row("Data set", data.title),
        Row("Trained on", data.trained_on, note=f"{data.pictures['training']:,} pictures"),
        Row("Tuned on", data.tuned_on, note=f"{data.pictures['validation']:,} pictures"),
        Row("What may be claimed", data.claims or NOTHING),
    ]
    return rows + [Row(f"SHA-256, {part}", digest) for part, digest in data.sha256.items()]
