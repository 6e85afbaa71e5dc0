"""From a score to a probability, and from scores to a threshold.

Both are fitted on pairs of people that the network was not trained on, and both record which data that was.

If the threshold was chosen for accuracy, the sigmoid is made to pass through 0.5 there. Why: with both parameters free,
the probability at the threshold lay anywhere between 0.25 and 0.75, and 0.2 to 8 % of verdicts contradicted their
probability. With only the slope free, none do. This costs at most 0.01 nats of cross-entropy and 0.016 of calibration
error. Measured on normal and skewed synthetic scores that judge 72 to 99 % of pairs correctly, fitted on 1,000 pairs.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from twinface.core.types import BoolArray, FloatArray
from twinface.evaluation.metrics.decisions import best_threshold
from twinface.evaluation.metrics.far import require_supported_far
from twinface.evaluation.metrics.inputs import check_scores
from twinface.evaluation.metrics.roc import threshold_at_far
from twinface.models.decision import Calibration, Threshold, sigmoid

_MOST_STEPS = 100
_SHORTEST_STEP = 1e-10


def fit_threshold(
    scores: ArrayLike, is_match: ArrayLike, fitted_on: str, far: float | None = None
) -> Threshold:
    """Choose where "same" begins: for accuracy, or for a false accept rate.

    For accuracy, it is the score with a calibrated probability of 0.5. The threshold with the best accuracy on these
    pairs is not used, because a few pairs more or less move it a lot. The cost is small: on 1,752 validation pairs of
    LFW the accuracy is .898 instead of .900.

    Args:
        scores: [M], higher means the same person.
        is_match: [M] bool, with both kinds present.
        fitted_on: a description of the data, for the record.
        far: the false accept rate to aim for, in (0, 1], or None for accuracy.

    Raises:
        ValueError, DataError: see `check_scores`; ValueError for a `far` outside [0, 1]; DataError where fewer than 3
            false accepts are expected.

    Example:
        >>> fit_threshold([4, 3, 2, 1], [True, True, False, False], "four pairs")
        Threshold(value=2.5, fitted_on='four pairs', far=None, lower=None, upper=None)
    """
    if far is None:
        fit = fit_calibration(scores, is_match, fitted_on)
        crossing = -fit.offset / fit.slope if fit.slope else best_threshold(scores, is_match)
        return Threshold(crossing, fitted_on)
    _, match = check_scores(scores, is_match)
    require_supported_far(far, impostors=int(np.sum(~match)))
    return Threshold(threshold_at_far(scores, is_match, far), fitted_on, far)


def fit_calibration(
    scores: ArrayLike, is_match: ArrayLike, fitted_on: str, threshold: Threshold | None = None
) -> Calibration:
    """Fit the sigmoid that turns scores into probabilities of "same" (Platt, 1999).

    Platt's targets are a little inside 0 and 1. They keep the slope finite where the scores separate the pairs
    perfectly. Newton's method with backtracking finds the one optimum (Lin, Lin & Weng, Machine Learning 68, 2007).
    Genuine and impostor pairs have the same total weight, so probabilities hold for an even prior. Where a higher score
    does not mean "more likely the same person" on these pairs, the slope is 0 and all probabilities are 0.5.

    Args:
        scores: [M], higher means the same person.
        is_match: [M] bool, with both kinds present.
        fitted_on: a description of the data, for the record.
        threshold: the one that verdicts will use. If it was chosen for accuracy, the sigmoid passes through exactly 0.5
            there, so that no verdict "same" has a probability of 0.47. If it was chosen for a FAR, both parameters are
            free, and "different" can have a probability of 0.9. That is intended.

    Raises:
        ValueError, DataError: see `check_scores`; ValueError for a threshold that is not finite.

    Example:
        >>> fit = fit_calibration([3, 2, 1, 0], [True, True, False, False], "four pairs", Threshold(1.5, ""))
        >>> fit.probability([0, 1.5, 3]).round(2).tolist()
        [0.2, 0.5, 0.8]
    """
    values, match = check_scores(scores, is_match)
    through = threshold is not None and threshold.far is None
    centre = threshold.value if threshold is not None and through else float(values.mean())
    if not math.isfinite(centre):
        raise ValueError(f"found a threshold of {centre}, need a finite one")
    # Newton's method is well conditioned for any scores once they are divided by their spread.
    spread = float(np.sqrt(np.mean((values - centre) ** 2)))
    if spread == 0:
        return Calibration(0.0, 0.0, fitted_on)
    inputs = ((values - centre) / spread)[:, None]
    if not through:
        inputs = np.concatenate([inputs, np.ones_like(inputs)], axis=1)
    coefficients = _minimise_cross_entropy(inputs, *_targets(match))
    slope = float(coefficients[0]) / spread
    if slope <= 0:
        return Calibration(0.0, 0.0, fitted_on)
    # The subtracted product is the one that `probability` adds, so that the sum is exactly 0 at the threshold.
    return Calibration(slope, float(np.sum(coefficients[1:])) - slope * centre, fitted_on)


def _targets(match: BoolArray) -> tuple[FloatArray, FloatArray]:
    """Return the target probability and the weight of each pair, both [M]. The weights sum to 1."""
    genuine, impostor = int(np.sum(match)), int(np.sum(~match))
    targets = np.where(match, (genuine + 1) / (genuine + 2), 1 / (impostor + 2))
    return targets, np.where(match, 0.5 / genuine, 0.5 / impostor)


def _minimise_cross_entropy(inputs: FloatArray, targets: FloatArray, weights: FloatArray) -> FloatArray:
    """Return the coefficients [K], found by Newton's method. Inputs are [M, K], targets and weights [M]."""

    def loss(coefficients: FloatArray) -> float:
        logits = inputs @ coefficients
        return float(weights @ (np.logaddexp(0, logits) - targets * logits))

    coefficients = np.zeros(inputs.shape[1])
    for _ in range(_MOST_STEPS):
        predicted = sigmoid(inputs @ coefficients)
        gradient = inputs.T @ (weights * (predicted - targets))
        curvature = (inputs.T * (weights * predicted * (1 - predicted))) @ inputs
        # The ridge only matters where all probabilities are 0 or 1, so that the curvature is 0.
        curvature += 1e-12 * np.eye(len(coefficients))
        direction = np.linalg.solve(curvature, -gradient)
        expected, step, now = float(gradient @ direction), 1.0, loss(coefficients)
        if -expected < 1e-18:
            break
        while step >= _SHORTEST_STEP and loss(coefficients + step * direction) > now + 1e-4 * step * expected:
            step /= 2
        if step < _SHORTEST_STEP:
            break
        coefficients = coefficients + step * direction
    return coefficients
