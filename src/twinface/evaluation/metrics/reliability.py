"""Does a probability come true? Of pairs with a probability of 0.8, 80 % should be genuine."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from twinface.core.errors import DataError
from twinface.core.types import BoolArray, FloatArray, IntArray
from twinface.evaluation.metrics.inputs import check_scores


@dataclass(frozen=True, eq=False)
class ReliabilityCurve:
    """Predicted and observed frequency of genuine pairs, in bins of rising probability. No bin is empty.

    Attributes:
        predicted: [B], mean probability in the bin.
        observed: [B], fraction of genuine pairs in the bin.
        count: [B] int64, pairs in the bin.
    """

    predicted: FloatArray
    observed: FloatArray
    count: IntArray


def binary_cross_entropy(probabilities: ArrayLike, is_match: ArrayLike) -> float:
    """Return the mean cross-entropy of the probabilities, in nats.

    Args:
        probabilities: [M] of "same", in [0, 1]. They are kept 2.2e-16 away from 0 and 1, so that one
            certain mistake costs 36 nats and not infinity.
        is_match: [M] bool; one kind alone is enough.

    Returns:
        At least 0, lower is better; a constant 0.5 gives log 2 = 0.693.

    Raises:
        ValueError, DataError: see `check_scores`; DataError for a probability outside [0, 1].

    Example:
        >>> round(binary_cross_entropy([0.5, 0.5], [True, False]), 3)
        0.693
    """
    values, match = _check_probabilities(probabilities, is_match)
    margin = float(np.finfo(np.float64).eps)
    of_truth = np.clip(np.where(match, values, 1 - values), margin, 1 - margin)
    return float(-np.mean(np.log(of_truth)))


def reliability_curve(probabilities: ArrayLike, is_match: ArrayLike, bins: int = 15) -> ReliabilityCurve:
    """Sort pairs by probability into bins of equal count, and count the genuine pairs in each bin.

    Bins have equal counts, not equal widths: the probabilities of a verifier are mostly near 0 or 1, so that bins of
    equal width in the middle would hold few pairs and be noisy (Nguyen & O'Connor, EMNLP 2015; Roelofs et al., AISTATS
    2022). Equal probabilities share a bin, so there can be fewer bins than asked for.

    Args:
        probabilities: [M] of "same", in [0, 1].
        is_match: [M] bool; one kind alone is enough.
        bins: at least 1.

    Raises:
        ValueError, DataError: see `check_scores`; DataError for a probability outside [0, 1]; ValueError for no bins.

    Example:
        >>> curve = reliability_curve([0.0, 0.25, 0.75, 1.0], [False, True, True, True], bins=2)
        >>> curve.predicted.tolist(), curve.observed.tolist(), curve.count.tolist()
        ([0.125, 0.875], [0.5, 1.0], [2, 2])
    """
    values, match = _check_probabilities(probabilities, is_match)
    if bins < 1:
        raise ValueError(f"found bins={bins}, need at least 1")
    borders = np.unique(np.quantile(values, np.arange(1, bins) / bins))
    place = np.searchsorted(borders, values, side="right")
    count = np.bincount(place, minlength=len(borders) + 1)
    filled = count > 0
    return ReliabilityCurve(
        predicted=(np.bincount(place, weights=values, minlength=len(count)))[filled] / count[filled],
        observed=(np.bincount(place, weights=match, minlength=len(count)))[filled] / count[filled],
        count=count[filled].astype(np.int64),
    )


def expected_calibration_error(probabilities: ArrayLike, is_match: ArrayLike, bins: int = 15) -> float:
    """Return the mean difference between predicted and observed frequency, over pairs.

    Pairs are grouped in bins of equal count, see `reliability_curve`. Even a perfect calibration gives a
    value a little above 0 on finitely many pairs: about 0.8 * sqrt(p * (1 - p) * bins / M) for probabilities near p.

    Args, Raises: as `reliability_curve`.

    Returns:
        In [0, 1]; lower is better.

    Example:
        The two bins differ by 0.5 - 0.125 and 1 - 0.875:

        >>> expected_calibration_error([0.0, 0.25, 0.75, 1.0], [False, True, True, True], bins=2)
        0.25
    """
    curve = reliability_curve(probabilities, is_match, bins)
    return float(np.sum(curve.count * np.abs(curve.predicted - curve.observed)) / curve.count.sum())


def _check_probabilities(probabilities: ArrayLike, is_match: ArrayLike) -> tuple[FloatArray, BoolArray]:
    """Return both as arrays [M], after a check of both."""
    values, match = check_scores(probabilities, is_match, both_classes=False)
    outside = (values < 0) | (values > 1)
    if outside.any():
        raise DataError(
            f"{np.sum(outside)} of {len(values)} probabilities lie outside [0, 1]: calibrate scores first"
        )
    return values, match
