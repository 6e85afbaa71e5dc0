"""Measures a model's error rates at several thresholds, over all pairs of pictures of people it has not seen."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from twinface.core.types import Float32Array, IntArray
from twinface.evaluation.error_rates import ErrorRates, error_rates_at
from twinface.evaluation.fit_on_people import AllPairs, score_all_pairs
from twinface.models.error_table import ErrorTable, OperatingPoint
from twinface.models.scoring import Score

# False match rates of the table's thresholds. Those that the pairs do not support are left out.
RATES = (0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001, 5e-4, 2e-4, 1e-4, 5e-5, 2e-5, 1e-5)
COUPLES = 3  # of people that are expected to be accepted at the lowest rate


def measure_error_table(
    embeddings: Float32Array,
    people: IntArray,
    score: Score,
    measured_on: str,
    pairs: AllPairs | None = None,
) -> ErrorTable | None:
    """Error rates at thresholds from a false match rate of one half down to the lowest that these people support.

    Args:
        embeddings: [N, D].
        people: [N], the number of the person on each picture.
        score: [B, D] and [B, D] → [B].
        measured_on: these people in words.
        pairs: all scores, if they are known.

    Returns:
        The table; None if there are too few people or all scores are alike.

    Raises:
        DataError: there is no genuine pair, or no impostor pair.
    """
    pairs = pairs or score_all_pairs(embeddings, people, score)
    return error_table(
        error_rates_at(embeddings, people, score, thresholds_of(pairs)), pairs.people, measured_on
    )


def thresholds_of(pairs: AllPairs) -> list[float]:
    """The thresholds of `RATES`, as far as the pairs support them, in rising order."""
    impostor = np.sort(pairs.impostor)
    thresholds: list[float] = []
    for rate in RATES:
        if rate * pairs.couples < COUPLES:
            break
        threshold = float(impostor[max(0, len(impostor) - int(rate * len(impostor)))])
        if not thresholds or threshold > thresholds[-1]:
            thresholds.append(threshold)
    return thresholds


def error_table(found: Iterable[ErrorRates], people: int, measured_on: str) -> ErrorTable | None:
    """Error rates at rising thresholds as a table; None if fewer than two of them differ.

    Args:
        found: at rising thresholds.
        people: that they were measured on.
        measured_on: these people in words.
    """
    points: list[OperatingPoint] = []
    for rates in found:
        if rates.fmr > 0 and (not points or rates.fmr < points[-1].fmr):
            fmr, fnmr = rates.fmr_interval, rates.fnmr_interval
            points.append(
                OperatingPoint(rates.threshold, rates.fmr, fmr.low, fmr.high, rates.fnmr, fnmr.low, fnmr.high)
            )
    return ErrorTable(tuple(points), people, measured_on) if len(points) > 1 else None
