"""How a quantity is distributed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from twinface.core.types import FloatArray, IntArray


@dataclass(frozen=True)
class Spread:
    """How a quantity is distributed: its extremes, quartiles and mean, in its own unit."""

    minimum: float
    lower_quartile: float
    median: float
    upper_quartile: float
    maximum: float
    mean: float

    @classmethod
    def of(cls, values: FloatArray | IntArray) -> Spread:
        """The spread of one or more values.

        >>> Spread.of(np.array([1, 2, 3, 10])).median
        2.5
        """
        low, lower, median, upper, high = np.percentile(values, [0, 25, 50, 75, 100]).tolist()
        return cls(low, lower, median, upper, high, float(np.mean(values)))


@dataclass(frozen=True)
class Histogram:
    """`counts[i]` values lie in [edges[i], edges[i + 1]); the last bin includes its upper edge."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]

    @classmethod
    def of(cls, values: FloatArray, top: float, bins: int = 16) -> Histogram:
        """The histogram of values in [0, top], with bins of equal width.

        >>> Histogram.of(np.array([0.0, 1.0, 4.0]), top=4.0, bins=2)
        Histogram(edges=(0.0, 2.0, 4.0), counts=(2, 1))
        """
        counts, edges = np.histogram(values, bins=bins, range=(0.0, top))
        return cls(tuple(edges.tolist()), tuple(counts.tolist()))
