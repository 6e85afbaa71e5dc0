"""Metrics of weighted pairs, for many sets of weights at once.

A statistic takes weights [R, M], one row for each replicate of a bootstrap, and returns [R] figures. Scores
are sorted once, when the statistic is made. With all weights equal, each gives the figure of the metric of
the same name, which a test holds it to.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from twinface.core.types import BoolArray, FloatArray, ScoredPairs
from twinface.evaluation.metrics.inputs import check_far, check_scores
from twinface.evaluation.metrics.roc import FAR_SLACK

Statistic = Callable[[FloatArray], FloatArray]


def weighted_accuracy(pairs: ScoredPairs, threshold: float) -> Statistic:
    """Accuracy at a threshold that was fixed elsewhere."""
    scores, match = check_scores(pairs.scores, pairs.is_match)
    return weighted_mean((scores >= threshold) == match, match)


def weighted_mean(values: FloatArray | BoolArray, match: BoolArray) -> Statistic:
    """Return the mean of [M] values, with genuine and impostor pairs in the mix that the protocol set.

    How many pairs of each kind there are was decided by who made the list, so it does not vary here with
    the people who happen to be drawn.
    """
    mix = float(match.mean())
    columns = np.stack([values * match, match, values * ~match, ~match], axis=1).astype(np.float64)

    def statistic(weights: FloatArray) -> FloatArray:
        sums = weights @ columns
        means: FloatArray = mix * sums[:, 0] / sums[:, 1] + (1 - mix) * sums[:, 2] / sums[:, 3]
        return means

    return statistic


def weighted_auc(pairs: ScoredPairs) -> Statistic:
    """Area under the ROC curve, see `area_under_curve`."""
    rates = _weighted_rates(pairs)

    def statistic(weights: FloatArray) -> FloatArray:
        far, tar = rates(weights)
        areas: FloatArray = np.einsum("rk,rk->r", np.diff(far, axis=1), tar[:, 1:] + tar[:, :-1]) / 2
        return areas

    return statistic


def weighted_eer(pairs: ScoredPairs) -> Statistic:
    """Equal error rate, see `equal_error_rate`."""
    rates = _weighted_rates(pairs)

    def statistic(weights: FloatArray) -> FloatArray:
        far, tar = rates(weights)
        rows = np.arange(len(weights))
        excess = far + tar - 1
        after = np.argmax(excess >= 0, axis=1)
        share = excess[rows, after - 1] / (excess[rows, after - 1] - excess[rows, after])
        errors: FloatArray = far[rows, after - 1] + share * (far[rows, after] - far[rows, after - 1])
        return errors

    return statistic


def weighted_tar(pairs: ScoredPairs, far: float) -> Statistic:
    """True accept rate at a false accept rate, see `tar_at_far`."""
    check_far(far)
    rates = _weighted_rates(pairs)

    def statistic(weights: FloatArray) -> FloatArray:
        fars, tars = rates(weights)
        last = np.sum(fars <= far * FAR_SLACK, axis=1) - 1
        figures: FloatArray = tars[np.arange(len(weights)), last]
        return figures

    return statistic


def _weighted_rates(pairs: ScoredPairs) -> Callable[[FloatArray], tuple[FloatArray, FloatArray]]:
    """Return a function from weights [R, M] to the FAR and the TAR at each cut, both [R, K + 1]."""
    scores, match = check_scores(pairs.scores, pairs.is_match)
    order = np.argsort(-scores, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))
    # A cut accepts so many pairs of each kind; it falls between scores, so ties stay together.
    accepted = {kind: np.cumsum(match[order] == kind)[ends] for kind in (True, False)}
    columns = {kind: order[match[order] == kind] for kind in (True, False)}

    def rate(weights: FloatArray, kind: bool) -> FloatArray:
        sums = np.cumsum(weights[:, columns[kind]], axis=1)
        sums /= sums[:, -1:]
        sums = np.concatenate([np.zeros((len(weights), 1)), sums], axis=1)
        return sums[:, np.concatenate([[0], accepted[kind]])]

    return lambda weights: (rate(weights, False), rate(weights, True))
