"""How sure is a measured accuracy? This file, and for its method `people_bootstrap.py`, answer that.

An interval says where the true accuracy lies, with 95 % confidence. It is made in three steps:

1. Pairs that share a person are not independent: one hard face can spoil all its pairs. So people are resampled, not
   pairs (`people_bootstrap`).
2. The author of a test list chose how many genuine and how many impostor pairs it has. So each resample keeps that
   mix, whichever people are drawn (`weighted_mean`).
3. The interval is never narrower than Wilson's for as many independent pairs. So an accuracy of 1 does not get the
   interval [1, 1] (`at_least_wilson`).
"""

from __future__ import annotations

import math

import numpy as np

from twinface.core.types import BoolArray, FloatArray, Interval, ScoredPairs
from twinface.evaluation.intervals.people_bootstrap import Statistic, people_bootstrap
from twinface.evaluation.intervals.quantiles import normal_quantile
from twinface.evaluation.metrics.inputs import check_scores


def accuracy_interval(
    pairs: ScoredPairs, threshold: float, replicates: int = 1000, seed: int = 0, level: float = 0.95
) -> Interval:
    """Return the interval of the accuracy at a threshold.

    Args:
        pairs: M scored pairs.
        threshold: a pair is called the same person when `score >= threshold`. It must be fitted on other people.
        replicates, seed, level: as in `people_bootstrap`.

    Returns:
        An interval within [0, 1], at least as wide as Wilson's for M independent pairs.

    Raises:
        ValueError, DataError: as `people_bootstrap`.
    """
    scores, match = check_scores(pairs.scores, pairs.is_match)
    right = ((scores >= threshold) == match).astype(np.float64)
    return mean_accuracy_interval(right, pairs, replicates, seed, level)


def mean_accuracy_interval(
    right: FloatArray, pairs: ScoredPairs, replicates: int = 1000, seed: int = 0, level: float = 0.95
) -> Interval:
    """Return the interval of the mean accuracy of several models, such as one recipe with several seeds.

    It says how much the accuracy depends on the people of the test list. It does not cover which seeds were drawn.

    Args:
        right: [M] in [0, 1], the share of the models that judged each pair correctly.
        pairs: the same M pairs. Their scores are not used.
        replicates, seed, level: as in `people_bootstrap`.

    Returns:
        An interval within [0, 1], at least as wide as Wilson's for M independent pairs.

    Raises:
        ValueError, DataError: as `people_bootstrap`.
    """
    statistic = weighted_mean(right, pairs.is_match)
    return at_least_wilson(statistic, pairs, float(len(pairs)), replicates=replicates, seed=seed, level=level)


def weighted_mean(values: FloatArray, match: BoolArray) -> Statistic:
    """Return the statistic "mean of values over weighted pairs, with the mix of genuine and impostor pairs kept".

    Args:
        values: [M], one for each pair.
        match: [M] bool, both kinds present.

    Returns:
        A function from weights [R, M] to R means.
    """
    mix = float(match.mean())
    columns = np.stack([values * match, match, values * ~match, ~match], axis=1).astype(np.float64)

    def statistic(weights: FloatArray) -> FloatArray:
        sums = weights @ columns
        means: FloatArray = mix * sums[:, 0] / sums[:, 1] + (1 - mix) * sums[:, 2] / sums[:, 3]
        return means

    return statistic


def at_least_wilson(
    statistic: Statistic, pairs: ScoredPairs, trials: float, *, replicates: int, seed: int, level: float
) -> Interval:
    """Return the smallest interval that holds both the people bootstrap's and Wilson's.

    Args:
        statistic, pairs, replicates, seed, level: as in `people_bootstrap`. The figure must be a rate in [0, 1].
        trials: above 0; Wilson's interval is for the same rate in so many independent trials.

    Returns:
        An interval within [0, 1].

    Raises:
        ValueError, DataError: as `people_bootstrap`.
    """
    people = people_bootstrap(statistic, pairs, replicates, seed, level)
    estimate = float(statistic(np.ones((1, len(pairs))))[0])
    independent = wilson(min(max(estimate, 0.0), 1.0) * trials, trials, level)
    return Interval(
        low=max(0.0, min(people.low, independent.low)),
        high=min(1.0, max(people.high, independent.high)),
        level=level,
        method=f"{people.method}, at least Wilson",
    )


def wilson(successes: float, total: float, level: float = 0.95) -> Interval:
    """Return Wilson's score interval for a rate (Wilson, JASA 22, 1927).

    It treats the trials as independent. Pairs that share people are not: see `accuracy_interval`.

    Args:
        successes: in [0, total]; need not be a whole number.
        total: above 0.
        level: in (0, 1).

    Returns:
        An interval within [0, 1]. It has a width even where all or no trials succeed.

    Raises:
        ValueError: an argument is out of its range.

    Example:
        >>> print(wilson(900, 1000))
        [0.880, 0.917]
    """
    if not (total > 0 and 0 <= successes <= total):
        raise ValueError(
            f"found {successes} successes of {total}, need 0 <= successes <= total and total > 0"
        )
    z = normal_quantile(level)
    rate = successes / total
    centre = (rate + z * z / (2 * total)) / (1 + z * z / total)
    half = z * math.sqrt(rate * (1 - rate) / total + (z / (2 * total)) ** 2) / (1 + z * z / total)
    # Rounding must not push the ends past the rate itself: where all trials succeed, the high end is exactly 1.
    return Interval(max(0.0, min(centre - half, rate)), min(1.0, max(centre + half, rate)), level, "Wilson")
