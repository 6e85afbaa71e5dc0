"""From a score to a decision: the threshold of "same", and the probability of "same"."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from twinface.core.errors import DataError
from twinface.core.types import FloatArray


@dataclass(frozen=True)
class Threshold:
    """The score from which on a pair counts as the same person: `score >= value`.

    Attributes:
        value: in the units of the score.
        fitted_on: the data that it was chosen on, in words: "500 validation people of LFW-a DevTrain".
        far: the wanted false accept rate, or None if the accuracy was maximised.
        lower, upper: for scores from `lower` up to `upper` it cannot be told; where one is None, `value` takes its
            place. Below `lower` the wanted false reject rate holds. From `upper` on the wanted false accept rate also
            holds for photos of other conditions than those that the threshold was fitted on.
    """

    value: float
    fitted_on: str
    far: float | None = None
    lower: float | None = None
    upper: float | None = None

    def decide(self, score: float) -> bool | None:
        """True for "same", False for "different", None where it cannot be told.

        >>> threshold = Threshold(0.5, "", upper=0.7)
        >>> [threshold.decide(score) for score in (0.4, 0.5, 0.7)]
        [False, None, True]
        """
        if score >= (self.value if self.upper is None else self.upper):
            return True
        return False if score < (self.value if self.lower is None else self.lower) else None

    @property
    def zone(self) -> tuple[float, float] | None:
        """From which score up to which it cannot be told; None if there is no such score."""
        low = self.value if self.lower is None else self.lower
        high = self.value if self.upper is None else self.upper
        return (low, high) if low < high else None


@dataclass(frozen=True)
class Calibration:
    """Turns a score into the probability of "same": `sigmoid(slope * score + offset)`, within limits.

    The probability is valid for as many genuine as impostor pairs, the mix that it was fitted on.

    Attributes:
        slope, offset: of the logit.
        fitted_on: the data that they were fitted on, in words.
        lowest, highest: the most extreme probabilities that the data support. A hundred couples of strangers cannot
            tell whether one of a million would score as high.
    """

    slope: float
    offset: float
    fitted_on: str
    lowest: float = 0.0
    highest: float = 1.0

    def probability(self, scores: ArrayLike) -> FloatArray:
        """The probability of "same" for an even prior.

        Args:
            scores: an array of any shape, or a number.

        Returns:
            Values in [0, 1] of the same shape; a higher score never has a lower probability.

        Raises:
            DataError: a score is not finite.

        Example:
            >>> Calibration(slope=2.0, offset=-1.0, fitted_on="").probability([-1e9, 0.5, 1e9]).tolist()
            [0.0, 0.5, 1.0]
        """
        values = np.asarray(scores, dtype=np.float64)
        if not np.isfinite(values).all():
            raise DataError(f"{np.sum(~np.isfinite(values))} of {values.size} scores are not finite")
        return np.clip(sigmoid(self.slope * values + self.offset), self.lowest, self.highest)


def sigmoid(logits: FloatArray) -> FloatArray:
    """`1 / (1 + exp(-logits))`, without overflow."""
    small = np.exp(-np.abs(logits))  # cannot overflow
    values: FloatArray = np.where(logits >= 0, 1.0, small) / (1 + small)
    return values
