"""How training went: charts, and a table of epochs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from twinface.reports.charts import Chart
from twinface.reports.figures_table import NOTHING
from twinface.reports.learning_charts import learning_charts
from twinface.training.epoch_metrics import EpochMetrics, best_epoch

_COLUMNS = {
    "epoch": "epoch",
    "loss": "training loss",
    "validation_loss": "validation loss",
    "training_accuracy": "training accuracy",
    "accuracy": "validation accuracy",
    "auc": "AUC",
    "one_shot": "one-shot",
    "learning_rate": "learning rate",
    "seconds": "seconds so far",
}


@dataclass(frozen=True)
class LearningView:
    """What the page shows of training.

    Attributes:
        charts: loss, validation figures, learning rate over epochs; none before the first epoch.
        columns: titles of the table.
        rows: (epoch, cells) of each epoch.
        best_epoch: the one whose weights were kept; None before any validation.
    """

    charts: list[Chart]
    columns: list[str]
    rows: list[tuple[int, list[str]]]
    best_epoch: int | None


def learning_view(metrics: Sequence[EpochMetrics], loss_is_cross_entropy: bool) -> LearningView:
    """Charts and table of the epochs so far.

    Args:
        metrics: of the epochs.
        loss_is_cross_entropy: see `learning_charts`.
    """
    lines = [each.to_dict() for each in metrics]
    names = [name for name in _COLUMNS if any(line.get(name) is not None for line in lines)]
    best = best_epoch(metrics)
    return LearningView(
        charts=learning_charts(metrics, loss_is_cross_entropy),
        columns=[_COLUMNS[name] for name in names],
        rows=[(line["epoch"], [_cell(name, line.get(name)) for name in names]) for line in lines],
        best_epoch=best.epoch if best else None,
    )


def _cell(name: str, value: Any) -> str:
    if value is None:
        return NOTHING
    return format(value, {"epoch": "d", "learning_rate": ".3g", "seconds": ",.1f"}.get(name, ".4f"))
