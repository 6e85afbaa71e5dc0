"""From a score to a decision: where "same" begins, and how probable "same" is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from twinface.core.errors import DataError
from twinface.core.types import FloatArray


@dataclass(frozen=True)
class Threshold:
    """Where "same" begins: a pair is called the same person when `score >= value`.

    Attributes:
        value: in the units of the score.
        fitted_on: the data it was chosen on, in words: "500 validation people of LFW-a DevTrain".
        far: the false accept rate that was asked for, or None if accuracy was maximised.
    """

    value: float
    fitted_on: str
    far: float | None = None


@dataclass(frozen=True)
class Calibration:
    """Turns a score into the probability of "same": `sigmoid(slope * score + offset)`.

    The probability holds for as many genuine as impostor pairs, the mix it was fitted on.
    """

    slope: float
    offset: float
    fitted_on: str

    def probability(self, scores: ArrayLike) -> FloatArray:
        """The probability of "same" for an even prior.

        Args:
            scores: of any shape, a single number included.

        Returns:
            In [0, 1], of the shape of `scores`; never falls as the score rises.

        Raises:
            DataError: a score is not finite.

        Example:
            >>> Calibration(slope=2.0, offset=-1.0, fitted_on="").probability([-1e9, 0.5, 1e9]).tolist()
            [0.0, 0.5, 1.0]
        """
        values = np.asarray(scores, dtype=np.float64)
        if not np.isfinite(values).all():
            raise DataError(f"{np.sum(~np.isfinite(values))} of {values.size} scores are not finite")
        return sigmoid(self.slope * values + self.offset)


def sigmoid(logits: FloatArray) -> FloatArray:
    """`1 / (1 + exp(-logits))`, without overflow."""
    small = np.exp(-np.abs(logits))  # never overflows
    values: FloatArray = np.where(logits >= 0, 1.0, small) / (1 + small)
    return values
