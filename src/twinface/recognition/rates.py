"""From the error rates that somebody wants to a threshold, and from a score to how often strangers reach it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from twinface.core.errors import DataError
from twinface.models.decision import Threshold
from twinface.models.record import ModelRecord
from twinface.recognition.verdict import StrangerRates


@dataclass(frozen=True)
class WantedRates:
    """The error rates that verdicts should keep.

    Attributes:
        far: the wanted false accept rate, or None for the threshold that the model comes with.
        frr: the wanted false reject rate, or None. Where one threshold cannot keep both, scores in between cannot be
            told.
    """

    far: float | None = None
    frr: float | None = None


def threshold_for(record: ModelRecord, wanted: WantedRates) -> Threshold:
    """The threshold of a model for the wanted rates.

    Raises:
        DataError: the rates were not measured for this model.
    """
    threshold = record.threshold
    if wanted.far is None and wanted.frr is None:
        return threshold
    table = record.error_table
    if table is None:
        raise DataError(
            f"{record.name}: its error rates were not measured, so no threshold for a wanted rate is known: fit one "
            "to labelled people with `twinface calibrate`"
        )
    if wanted.far is not None:
        point = table.point_at(wanted.far)
        threshold = Threshold(point.threshold, table.measured_on, wanted.far, upper=point.upper)
    if wanted.frr is not None:
        threshold = replace(threshold, lower=min(threshold.value, table.threshold_at_frr(wanted.frr)))
    return threshold


def stranger_rates(record: ModelRecord, score: float) -> StrangerRates | None:
    """How often strangers reach a score and the threshold; None if the model's error rates were not measured."""
    table = record.error_table
    if table is None:
        return None
    at_threshold = table.at(record.threshold.value)
    return StrangerRates(
        at_threshold.fmr,
        at_threshold.fmr_low,
        at_threshold.fmr_high,
        table.fmr_at(score),
        table.fmr_elsewhere(score),
        table.points[-1].fmr,
        table.people,
    )
