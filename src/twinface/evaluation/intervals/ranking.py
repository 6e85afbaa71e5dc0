"""Intervals of the figures that need no fixed threshold: AUC, EER, and TAR at a FAR.

People are resampled (`people_bootstrap.py`), and no interval is narrower than Wilson's (`accuracy.at_least_wilson`).
Each figure has a weighted form here. With equal weights it gives the metric of the same name in `metrics.roc`. Scores
are sorted once, when the weighted form is made.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from twinface.core.types import FloatArray, Interval, ScoredPairs
from twinface.evaluation.intervals.accuracy import at_least_wilson
from twinface.evaluation.intervals.people_bootstrap import Statistic
from twinface.evaluation.metrics.far import FAR_SLACK, check_far, require_supported_far
from twinface.evaluation.metrics.inputs import check_scores


def auc_interval(pairs: ScoredPairs, replicates: int = 1000, seed: int = 0, level: float = 0.95) -> Interval:
    """Return the interval of the area under the ROC curve, at least as wide as for independent pairs.

    Args, Raises: as `people_bootstrap`.
    """
    trials = _balanced_pairs(pairs)
    return at_least_wilson(weighted_auc(pairs), pairs, trials, replicates=replicates, seed=seed, level=level)


def eer_interval(pairs: ScoredPairs, replicates: int = 1000, seed: int = 0, level: float = 0.95) -> Interval:
    """Return the interval of the equal error rate, at least as wide as for independent pairs.

    Args, Raises: as `people_bootstrap`.
    """
    trials = _balanced_pairs(pairs)
    return at_least_wilson(weighted_eer(pairs), pairs, trials, replicates=replicates, seed=seed, level=level)


def tar_interval(
    pairs: ScoredPairs, far: float, replicates: int = 1000, seed: int = 0, level: float = 0.95
) -> Interval:
    """Return the interval of the true accept rate at a false accept rate. Each replicate has its own threshold.

    Args:
        pairs, replicates, seed, level: as in `people_bootstrap`.
        far: in (0, 1].

    Raises:
        ValueError, DataError: as `people_bootstrap`; DataError where the pairs let expect fewer than 3 false accepts.
    """
    genuine = int(np.sum(pairs.is_match))
    require_supported_far(far, impostors=len(pairs) - genuine)
    return at_least_wilson(
        weighted_tar(pairs, far), pairs, float(genuine), replicates=replicates, seed=seed, level=level
    )


def weighted_auc(pairs: ScoredPairs) -> Statistic:
    """Return the area under the ROC curve of weighted pairs, see `area_under_curve`."""
    rates = _weighted_rates(pairs)

    def statistic(weights: FloatArray) -> FloatArray:
        far, tar = rates(weights)
        areas: FloatArray = np.einsum("rk,rk->r", np.diff(far, axis=1), tar[:, 1:] + tar[:, :-1]) / 2
        return areas

    return statistic


def weighted_eer(pairs: ScoredPairs) -> Statistic:
    """Return the equal error rate of weighted pairs, see `equal_error_rate`."""
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
    """Return the true accept rate of weighted pairs at a false accept rate, see `tar_at_far`."""
    check_far(far)
    rates = _weighted_rates(pairs)

    def statistic(weights: FloatArray) -> FloatArray:
        fars, tars = rates(weights)
        last = np.sum(fars <= far * FAR_SLACK, axis=1) - 1
        figures: FloatArray = tars[np.arange(len(weights)), last]
        return figures

    return statistic


def _balanced_pairs(pairs: ScoredPairs) -> float:
    """Return how many pairs, half of them genuine, would give as much information about both rates."""
    _, match = check_scores(pairs.scores, pairs.is_match)
    return 4 / (1 / float(np.sum(match)) + 1 / float(np.sum(~match)))


def _weighted_rates(pairs: ScoredPairs) -> Callable[[FloatArray], tuple[FloatArray, FloatArray]]:
    """Return a function from weights [R, M] to the FAR and the TAR at each of K + 1 cuts, both [R, K + 1]."""
    scores, match = check_scores(pairs.scores, pairs.is_match)
    order = np.argsort(-scores, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))
    # How many pairs of each kind a cut accepts. Cuts fall between different scores, so equal scores stay together.
    accepted = {kind: np.cumsum(match[order] == kind)[ends] for kind in (True, False)}
    columns = {kind: order[match[order] == kind] for kind in (True, False)}

    def rate(weights: FloatArray, kind: bool) -> FloatArray:
        sums = np.cumsum(weights[:, columns[kind]], axis=1)
        sums /= sums[:, -1:]
        sums = np.concatenate([np.zeros((len(weights), 1)), sums], axis=1)
        return sums[:, np.concatenate([[0], accepted[kind]])]

    return lambda weights: (rate(weights, False), rate(weights, True))
