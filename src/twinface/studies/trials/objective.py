"""A run's value of the study's objective, measured on validation people; higher is better."""

from __future__ import annotations

from twinface.core.errors import ModelError
from twinface.training.epoch_metrics import ValidationMetrics
from twinface.training.run_folder import RunFolder

Curve = tuple[tuple[int, float], ...]
"""Epochs (from 1) and the value after each, for the epochs with a validation."""


def final_value(folder: RunFolder, objective: str) -> float:
    """The value of a finished run.

    Args:
        folder: the run.
        objective: see `Study`.

    Raises:
        ModelError: it was not measured.
    """
    validation = folder.info().validation
    value = _value(validation, objective) if validation else None
    if value is None:
        raise ModelError(f"{folder.path}: {objective} was not measured; are there too few validation people?")
    return value


def curve(folder: RunFolder, objective: str) -> Curve:
    """The value of a run after each epoch with a validation.

    Args:
        folder: the run, at whatever stage.
        objective: see `Study`.

    Raises:
        ModelError: the run's metrics are damaged.
    """
    points = [
        (each.epoch, _value(each.validation, objective)) for each in folder.metrics() if each.validation
    ]
    return tuple((epoch, value) for epoch, value in points if value is not None)


def _value(validation: ValidationMetrics, objective: str) -> float | None:
    """None where it was not measured."""
    values = {
        "accuracy": validation.accuracy,
        "auc": validation.auc,
        "one_shot": validation.one_shot,
        "loss": -validation.validation_loss,
    }
    return values[objective]
