"""Do two models that judged the same pairs differ?"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from twinface.core.types import FloatArray, Interval, ScoredPairs
from twinface.evaluation.intervals.accuracy import weighted_mean
from twinface.evaluation.intervals.people_bootstrap import people_bootstrap
from twinface.evaluation.intervals.quantiles import normal_quantile


def mcnemar(right_a: ArrayLike, right_b: ArrayLike, *, mid_p: bool = False) -> float:
    """Return the exact two-sided p-value of "both models are correct equally often".

    Only pairs where one model is correct and the other is wrong tell the models apart. If the models are equally good,
    each such pair is the toss of a fair coin (McNemar, Psychometrika 12, 1947). The test treats pairs as independent;
    `gain_interval` does not.

    Args:
        right_a, right_b: [M] bool, whether each model judged each pair correctly.
        mid_p: count only half of the probability of the split that was found. This is less cautious and nearer the
            nominal level (Fagerland, Lydersen & Laake, BMC Med. Res. Methodol. 13, 2013).

    Returns:
        In [0, 1]; 1 where the models never differ, and 0 only where the value is too small for a float.

    Raises:
        ValueError: the two are not bool arrays of one length.

    Example:
        All three differing pairs speak for model a. The chance that all speak for a, or all for b, is 2 / 8:

        >>> mcnemar([True, True, True, True], [True, False, False, False])
        0.25
    """
    a, b = np.asarray(right_a), np.asarray(right_b)
    if a.ndim != 1 or a.shape != b.shape or a.dtype != np.bool_ or b.dtype != np.bool_:
        raise ValueError(f"found {a.dtype} {a.shape} and {b.dtype} {b.shape}, need bool [M] and bool [M]")
    differing = int(np.sum(a != b))
    fewer = min(int(np.sum(a & ~b)), int(np.sum(b & ~a)))
    # The coin's tail is summed from logarithms, because the binomial coefficients overflow.
    log_chance = [
        math.lgamma(differing + 1)
        - math.lgamma(k + 1)
        - math.lgamma(differing - k + 1)
        - differing * math.log(2)
        for k in range(fewer + 1)
    ]
    chances = np.exp(log_chance)
    if mid_p:
        return min(1.0, float(2 * np.sum(chances) - chances[-1]))
    return min(1.0, float(2 * np.sum(chances)))


def holm(p_values: ArrayLike) -> FloatArray:
    """Return p-values corrected for several tests (Holm, Scand. J. Statistics 6, 1979).

    If those below 0.05 are called significant, the chance of even one false alarm stays below 0.05.

    Args:
        p_values: [K] in [0, 1].

    Returns:
        [K] in [0, 1], in the same order, none smaller than before.

    Raises:
        ValueError: a value lies outside [0, 1], or the shape is not [K].

    Example:
        >>> holm([0.01, 0.04, 0.03]).tolist()
        [0.03, 0.06, 0.06]
    """
    raw = np.asarray(p_values, dtype=np.float64)
    if raw.ndim != 1 or not ((raw >= 0) & (raw <= 1)).all():
        raise ValueError("p-values must be [K] numbers in [0, 1]")
    order = np.argsort(raw, kind="stable")
    scaled = raw[order] * np.arange(len(raw), 0, -1)
    adjusted = np.empty_like(raw)
    adjusted[order] = np.minimum(np.maximum.accumulate(scaled), 1.0)
    return adjusted


def gain_interval(
    gain: FloatArray, pairs: ScoredPairs, *, replicates: int = 1000, seed: int = 0, level: float = 0.95
) -> Interval:
    """Return the interval of the accuracy of one model minus the accuracy of another, on the same pairs.

    Either can be the mean of several runs. People are resampled, the same ones for both models, so that an error that
    both make cancels. The interval is never narrower than that of Agresti & Min for independent pairs (Biometrics 61,
    2005). So two models that agree on all pairs do not get the interval [0, 0].

    Args:
        gain: [M] in [-1, 1], how much more often the one judged each pair correctly than the other.
        pairs: the same M pairs. Their scores are not used.
        replicates, seed, level: as in `people_bootstrap`.

    Returns:
        An interval within [-1, 1]. The one model is better where the interval lies above 0.

    Raises:
        ValueError, DataError: as `people_bootstrap`.
    """
    drawn = people_bootstrap(weighted_mean(gain, pairs.is_match), pairs, replicates, seed, level)
    # Agresti & Min: Wald's interval after half a pair was added to each of the four cells of the table.
    total = len(gain) + 2
    centre = gain.sum() / total
    half = normal_quantile(level) * math.sqrt((np.sum(gain**2) + 1) / total - centre**2) / math.sqrt(total)
    return Interval(
        low=max(-1.0, min(drawn.low, float(centre - half))),
        high=min(1.0, max(drawn.high, float(centre + half))),
        level=level,
        method=f"{drawn.method}, at least Agresti-Min",
    )
