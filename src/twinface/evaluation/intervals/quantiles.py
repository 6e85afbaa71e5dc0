"""Quantiles of the normal distribution and of Student's t, without SciPy."""

from __future__ import annotations

import math
from functools import cache
from statistics import NormalDist

import numpy as np

from twinface.core.types import FloatArray


def normal_quantile(level: float) -> float:
    """Return how many standard errors on each side hold the share `level` of cases: 1.96 for 0.95.

    Args:
        level: in (0, 1).

    Raises:
        ValueError: the level is out of its range.
    """
    if not 0 < level < 1:
        raise ValueError(f"found level={level}, need a confidence level in (0, 1), such as 0.95")
    return NormalDist().inv_cdf((1 + level) / 2)


def t_quantile(degrees: float, level: float) -> float:
    """Return how many standard errors on each side hold the share `level`, if the standard error is an estimate.

    Args:
        degrees: of freedom, at least 1; need not be a whole number.
        level: in (0, 1).

    Raises:
        ValueError: an argument is out of its range.

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
    """Nodes and weights [64] of numerical integration over [-1, 1]."""
    nodes, weights = np.polynomial.legendre.leggauss(64)
    return nodes, weights


def _t_share_within(t: float, degrees: float) -> float:
    """Return P(|T| <= t), where T = sqrt(degrees) * tan(angle) and the angle has density ~ cos^(degrees - 1)."""
    nodes, weights = _gauss_legendre()
    largest = math.atan(t / math.sqrt(degrees))
    density = np.cos((nodes + 1) / 2 * largest) ** (degrees - 1)
    whole = math.sqrt(math.pi) / 2 * math.exp(math.lgamma(degrees / 2) - math.lgamma((degrees + 1) / 2))
    return float(weights @ density) * largest / 2 / whole
