"""The figures of an epoch: one line of `metrics.jsonl`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from twinface.core.errors import DataError
from twinface.core.json_records import parse_object, record_from

Metric = Literal["accuracy", "loss", "penalised-loss", "one-shot"]
METRICS: dict[Metric, str] = {
    "accuracy": "validation accuracy",
    "loss": "validation loss",
    "penalised-loss": "validation loss with its L2 penalty",
    "one-shot": "one-shot accuracy",
}


@dataclass(frozen=True)
class ValidationMetrics:
    """A network's figures on the validation people.

    Attributes:
        accuracy: of the validation pairs, each tenth at the threshold of the others; or where the network's own
            probability is one half, if the settings ask for it.
        auc: area under the ROC curve.
        validation_loss: cross-entropy in nats a pair.
        one_shot: share of right answers in one-shot trials; None where there are too few people to draw them.
        training_accuracy: the accuracy of about as many pairs of people who are trained on, measured in the same way;
            None where nothing is trained by steps. The gap between the two is overfitting.
    """

    accuracy: float
    auc: float
    validation_loss: float
    one_shot: float | None = None
    training_accuracy: float | None = None

    def chosen_by(self, metric: Metric, penalty: float = 0.0) -> float:
        """The figure that chooses between epochs, higher for better.

        Args:
            metric: see `ValidationSettings`.
            penalty: the L2 penalty on the weights.

        Raises:
            DataError: there are no one-shot trials to choose by.
        """
        if metric == "one-shot":
            if self.one_shot is None:
                raise DataError("validation.metric = one-shot: too few validation people for one-shot trials")
            return self.one_shot
        if metric == "penalised-loss":
            return -self.validation_loss - penalty
        return -self.validation_loss if metric == "loss" else self.accuracy

    def to_dict(self) -> dict[str, float]:
        """Plain values; figures that were not measured are left out."""
        return {name: value for name, value in asdict(self).items() if value is not None}


@dataclass(frozen=True, kw_only=True)
class EpochMetrics:
    """An epoch's figures.

    Attributes:
        epoch: from 1.
        loss: mean over the epoch's batches.
        learning_rate: of the last step.
        seconds: of training so far.
        validation: None in an epoch without validation.
        value: the figure that chooses the best epoch, higher for better; None without validation.
        best: whether its weights are kept, in place of those of earlier epochs.
    """

    epoch: int
    loss: float
    learning_rate: float
    seconds: float
    validation: ValidationMetrics | None = None
    value: float | None = None
    best: bool = False

    def to_dict(self) -> dict[str, Any]:
        """The line's plain values; figures that were not measured are left out."""
        values: dict[str, Any] = {
            "epoch": self.epoch,
            "loss": self.loss,
            "learning_rate": self.learning_rate,
            "seconds": self.seconds,
        }
        if self.validation:
            values |= {"value": self.value, **self.validation.to_dict(), "best": self.best}
        return values

    @classmethod
    def from_json(cls, line: str) -> EpochMetrics:
        """Reads a line of `metrics.jsonl`: the inverse of `to_dict`, as JSON.

        Raises:
            ValueError: a value is missing or of another type; the message names it.
        """
        values = parse_object(line)
        if "accuracy" in values:
            values["validation"] = {
                each.name: values[each.name] for each in fields(ValidationMetrics) if each.name in values
            }
        return record_from(cls, values)


def best_epoch(metrics: Sequence[EpochMetrics]) -> EpochMetrics | None:
    """The epoch whose weights were kept; None before any validation."""
    return next((each for each in reversed(metrics) if each.best), None)
