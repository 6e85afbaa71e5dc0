"""Intervals that need no resampling: for a count, and for a mean over folds."""

from __future__ import annotations

import math
from functools import cache
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike

from twinface.core.errors import DataError
from twinface.core.types import FloatArray, Interval


def wilson(successes: float, total: float, level: float = 0.95) -> Interval:
    """Return Wilson's score interval for a rate (Wilson, JASA 22, 1927).

    It takes the trials as independent, which pairs that share people are not: see `accuracy_interval`.

    Args:
        successes: in [0, total]; need not be whole.
        total: above 0.
        level: in (0, 1).

    Returns:
        An interval within [0, 1] that has a width even where all or none succeed.

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
    # Rounding must not push the ends beyond the rate itself: all right means a high end of exactly 1.
    return Interval(max(0.0, min(centre - half, rate)), min(1.0, max(centre + half, rate)), level, "Wilson")


def mean_and_standard_error(values: ArrayLike) -> tuple[float, float]:
    """Return the mean over folds and its standard error, the standard deviation (ddof 1) over sqrt(F).

    This is the figure that LFW's View 2 asks for. Some programs print the standard deviation with ddof 0
    after the ±, which for ten folds is three times as large.

    Args:
        values: [F >= 2] finite.

    Raises:
        DataError: fewer than two values, or one that is not finite.

    Example:
        >>> mean_and_standard_error([1.0, 2.0, 3.0, 6.0])
        (3.0, 1.0801234497346435)
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or len(array) < 2 or not np.isfinite(array).all():
        raise DataError(f"found values {array.shape}, need at least two finite ones for a standard error")
    return float(array.mean()), float(array.std(ddof=1) / math.sqrt(len(array)))


def fold_interval(values: ArrayLike, level: float = 0.95) -> Interval:
    """Return the interval for the mean over folds by Student's t with F - 1 degrees of freedom.

    Args, Raises: as `mean_and_standard_error`; `level` in (0, 1).

    Example:
        >>> print(fold_interval([1.0, 2.0, 3.0, 6.0]))
        [-0.437, 6.437]
    """
    mean, error = mean_and_standard_error(values)
    half = t_quantile(np.size(values) - 1, level) * error
    return Interval(mean - half, mean + half, level, "Student's t over folds")


def normal_quantile(level: float) -> float:
    """Return how many standard errors on each side hold the share `level`: 1.96 for 0.95."""
    if not 0 < level < 1:
        raise ValueError(f"found level={level}, need a confidence level in (0, 1), such as 0.95")
    return NormalDist().inv_cdf((1 + level) / 2)


def t_quantile(degrees: float, level: float) -> float:
    """Return how many standard errors on each side hold `level` where their size is itself estimated.

    Args:
        degrees: of freedom, at least 1; need not be whole.
        level: in (0, 1).

    Example:
        >>> round(t_quantile(9, 0.95), 3)
        2.262
    """
    if degrees < 1:
        raise ValueError(f"found {degrees} degrees of freedom, need at least 1")
    low, high = 0.0, normal_quantile(level)
    while _t_share_within(high, degrees) < level:
        low, high = high, 2 * high
    for _ in range(60):
        middle = (low + high) / 2
        if _t_share_within(middle, degrees) < level:
            low = middle
        else:
            high = middle
    return (low + high) / 2


@cache
def _gauss_legendre() -> tuple[FloatArray, FloatArray]:
    nodes, weights = np.polynomial.legendre.leggauss(64)
    return nodes, weights


def _t_share_within(t: float, degrees: float) -> float:
    """Return P(|T| <= t), where T = sqrt(degrees) * tan(angle) and angle has density ~ cos^(degrees - 1)."""
    nodes, weights = _gauss_legendre()
    largest = math.atan(t / math.sqrt(degrees))
    density = np.cos((nodes + 1) / 2 * largest) ** (degrees - 1)
    whole = math.sqrt(math.pi) / 2 * math.exp(math.lgamma(degrees / 2) - math.lgamma((degrees + 1) / 2))
    return float(weights @ density) * largest / 2 / whole
