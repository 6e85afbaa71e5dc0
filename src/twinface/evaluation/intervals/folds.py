"""A mean over folds: its standard error and its interval."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from twinface.core.errors import DataError
from twinface.core.types import Interval
from twinface.evaluation.intervals.quantiles import t_quantile


def mean_and_standard_error(values: ArrayLike) -> tuple[float, float]:
    """Return the mean over folds and its standard error: the standard deviation (ddof 1) over sqrt(F).

    LFW's View 2 asks for this figure. Some programs print the standard deviation with ddof 0 after the ±, which for
    ten folds is three times as large.

    Args:
        values: [F >= 2] finite.

    Raises:
        DataError: there are fewer than two values, or one is not finite.

    Example:
        >>> mean_and_standard_error([1.0, 2.0, 3.0, 6.0])
        (3.0, 1.0801234497346435)
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or len(array) < 2 or not np.isfinite(array).all():
        raise DataError(f"found values {array.shape}, need at least two finite ones for a standard error")
    return float(array.mean()), float(array.std(ddof=1) / math.sqrt(len(array)))


def fold_interval(values: ArrayLike, level: float = 0.95) -> Interval:
    """Return the interval of the mean over folds, by Student's t with F - 1 degrees of freedom.

    Args:
        values: [F >= 2] finite.
        level: in (0, 1).

    Raises:
        DataError: as `mean_and_standard_error`.
        ValueError: the level is out of its range.

    Example:
        >>> print(fold_interval([1.0, 2.0, 3.0, 6.0]))
        [-0.437, 6.437]
    """
    mean, error = mean_and_standard_error(values)
    half = t_quantile(np.size(values) - 1, level) * error
    return Interval(mean - half, mean + half, level, "Student's t over folds")
