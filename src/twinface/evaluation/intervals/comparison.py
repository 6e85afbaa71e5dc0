"""Whether two models that judged the same pairs differ."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from twinface.core.errors import DataError
from twinface.core.types import FloatArray, Interval, ScoredPairs
from twinface.evaluation.intervals.bootstrap import people_bootstrap
from twinface.evaluation.intervals.closed_form import normal_quantile
from twinface.evaluation.intervals.weighted import weighted_mean
from twinface.evaluation.metrics.inputs import check_scores


def mcnemar(right_a: ArrayLike, right_b: ArrayLike, *, mid_p: bool = False) -> float:
    """Return the exact two-sided p-value that two models are equally often right.

    Only the pairs that one model got right and the other wrong tell them apart; if the models are equally
    good, each such pair is a toss of a fair coin (McNemar, Psychometrika 12, 1947). Pairs are taken as
    independent; `paired_people_bootstrap_difference` is not.

    Args:
        right_a, right_b: [M] bool, whether each model judged each pair rightly.
        mid_p: count only half the probability of the very split that was found, which is less cautious and
            nearer the nominal level (Fagerland, Lydersen & Laake, BMC Med. Res. Methodol. 13, 2013).

    Returns:
        In (0, 1]; 1 where the models never differ.

    Raises:
        ValueError: the two are not bool arrays of one length.

    Example:
        Of three differing pairs all go to model a, the chance of which, or of all to b, is 2 / 8:

        >>> mcnemar([True, True, True, True], [True, False, False, False])
        0.25
    """
    a, b = np.asarray(right_a), np.asarray(right_b)
    if a.ndim != 1 or a.shape != b.shape or a.dtype != np.bool_ or b.dtype != np.bool_:
        raise ValueError(f"found {a.dtype} {a.shape} and {b.dtype} {b.shape}, need bool [M] and bool [M]")
    differing = int(np.sum(a != b))
    fewer = min(int(np.sum(a & ~b)), int(np.sum(b & ~a)))
    # Of the coin's tail, summed from logarithms because the binomial coefficients overflow.
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
    """Return p-values adjusted for having made several tests (Holm, Scand. J. Statistics 6, 1979).

    Calling those below 0.05 significant keeps the chance of even one false alarm below 0.05.

    Args:
        p_values: [K] in [0, 1].

    Returns:
        [K] in [0, 1], in the same order, none smaller than it was.

    Raises:
        ValueError: a value lies outside [0, 1] or the shape is not [K].

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


def paired_people_bootstrap_difference(
    pairs_a: ScoredPairs,
    pairs_b: ScoredPairs,
    thresholds: tuple[float, float],
    *,
    replicates: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> Interval:
    """Return the interval of accuracy of model b minus accuracy of model a on the same pairs.

    People are resampled as in `people_bootstrap`, the same for both models, so that what is hard for both
    cancels. Never narrower than the interval of Agresti & Min (Biometrics 61, 2005) for independent pairs,
    so two models that agree everywhere do not give [0, 0].

    Args:
        pairs_a, pairs_b: scores of the two models for the same M pairs in the same order.
        thresholds: of model a and of model b, each fitted on other people.
        replicates, seed, level: as in `people_bootstrap`.

    Returns:
        An interval within [-1, 1]; b is better where it lies above 0.

    Raises:
        ValueError, DataError: see `people_bootstrap`; the pairs are not the same.
    """
    scores_a, match = check_scores(pairs_a.scores, pairs_a.is_match)
    scores_b, match_b = check_scores(pairs_b.scores, pairs_b.is_match)
    if not (np.array_equal(match, match_b) and np.array_equal(pairs_a.people, pairs_b.people)):
        raise DataError(
            "the two models were not scored on the same pairs in the same order: score both again"
        )
    right_a, right_b = (scores_a >= thresholds[0]) == match, (scores_b >= thresholds[1]) == match
    gain = right_b.astype(np.float64) - right_a
    return gain_interval(gain, pairs_a, replicates=replicates, seed=seed, level=level)


def gain_interval(
    gain: FloatArray, pairs: ScoredPairs, *, replicates: int = 1000, seed: int = 0, level: float = 0.95
) -> Interval:
    """Return the interval of the mean of what one model, or the mean of its runs, gains over another on each pair.

    People are resampled; never narrower than the interval of Agresti & Min for independent pairs.

    Args:
        gain: [M] in [-1, 1], how much more often the one was right.
        pairs: the pairs; their scores do not matter.
        replicates, seed, level: as in `people_bootstrap`.

    Raises: as `people_bootstrap`.
    """
    drawn = people_bootstrap(weighted_mean(gain, pairs.is_match), pairs, replicates, seed, level)
    # Agresti & Min: Wald's interval after adding half a pair to each of the four cells of the table.
    total = len(gain) + 2
    centre = gain.sum() / total
    half = normal_quantile(level) * math.sqrt((np.sum(gain**2) + 1) / total - centre**2) / math.sqrt(total)
    return Interval(
        low=max(-1.0, min(drawn.low, float(centre - half))),
        high=min(1.0, max(drawn.high, float(centre + half))),
        level=level,
        method=f"{drawn.method}, at least Agresti-Min",
    )
