"""A score on a scale between the scores of different people and those of the same person."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from twinface.core.types import FloatArray
from twinface.models.card import ModelCard
from twinface.models.record import ModelRecord

_PLACES = 240  # of a curve
_MARGIN = 0.06  # beside the outermost score, as a share of the scale
_LOGITS = 6.0  # around an even probability, where no distribution is known


@dataclass(frozen=True, eq=False)
class ScoreScale:
    """A score between the distributions of impostor and genuine scores, with the threshold.

    Attributes:
        low, high: the ends of the scale, in units of the score.
        score, threshold: inside.
        same_from, different_below: the ends of the zone that cannot be told; both are the threshold if there is none.
        genuine, impostor: `[P]` densities at evenly spread places of the scale, from 0 to 1 for the highest of both;
            empty where they are not known.
        probability: `[P]`, of the same person, at the same places.
        measured_on: the data of the distributions, in words.
    """

    low: float
    high: float
    score: float
    threshold: float
    genuine: FloatArray
    impostor: FloatArray
    probability: FloatArray
    measured_on: str
    same_from: float
    different_below: float

    @property
    def same(self) -> bool | None:
        """What the score means; None in the zone that cannot be told."""
        return True if self.score >= self.same_from else False if self.score < self.different_below else None

    def marks(self) -> list[tuple[float, str]]:
        """The score and the label of each line that parts the scale, from left to right.

        Each label stands on its own side of the zone, or in the middle if there is none.
        """
        if self.same_from == self.different_below:
            return [(self.threshold, f"threshold {self.threshold:.3f}")]
        return [
            (self.different_below, f"different below {self.different_below:.3f}"),
            (self.same_from, f"same from {self.same_from:.3f}"),
        ]

    @property
    def has_densities(self) -> bool:
        """Whether the distributions are known."""
        return len(self.genuine) > 0

    def place(self, score: float) -> float:
        """Where a score is on the scale, from 0 to 1."""
        return (score - self.low) / (self.high - self.low)

    def ticks(self) -> list[float]:
        """Three to ten round numbers inside the scale."""
        rough = (self.high - self.low) / 9
        unit = 10.0 ** math.floor(math.log10(rough))
        step = next(unit * factor for factor in (1, 2, 5, 10) if unit * factor >= rough)
        first, last = math.ceil(self.low / step), math.floor(self.high / step)
        return [round(number * step, 10) for number in range(first, last + 1)]

    def describe(self) -> str:
        """The scale as a sentence, for those who cannot see it."""
        said = ", ".join(label for _, label in self.marks())
        return (
            f"Scale of scores from {self.low:.2f} to {self.high:.2f}: this pair has {self.score:.3f}; {said}. "
            f"{self.legend()}"
        )

    def legend(self) -> str:
        """What the curves are."""
        if self.has_densities:
            return (
                "Orange: how often each score occurs for different people. Blue: for the same person. Measured on "
                f"{self.measured_on}."
            )
        return (
            "The curve is the probability of the same person. How often each score occurs is not known for this "
            "model."
        )


def score_scale(score: float, record: ModelRecord, card: ModelCard | None) -> ScoreScale:
    """The scale for a score of a model.

    Args:
        score: of a pair.
        record: of the model, for threshold and calibration.
        card: with the quantiles of its scores, where it has one.
    """
    threshold, slope = record.threshold.value, record.calibration.slope
    # Without the least and the greatest score, which are single pairs.
    known = [*card.genuine[1:-1], *card.impostor[1:-1]] if card and card.genuine and card.impostor else []
    below, same_from = record.threshold.zone or (threshold, threshold)
    ends = [score, threshold, below, same_from, *known]
    if not known:
        middle = -record.calibration.offset / slope if slope > 0 else threshold
        reach = _LOGITS / slope if slope > 0 else 1.0
        ends += [middle - reach, middle + reach]
    margin = _MARGIN * max(max(ends) - min(ends), 1e-6)
    low, high = min(ends) - margin, max(ends) + margin
    places = np.linspace(low, high, _PLACES)
    genuine = impostor = np.empty(0)
    if card and known:
        genuine, impostor = density(card.genuine, places), density(card.impostor, places)
        most = max(genuine.max(), impostor.max())
        genuine, impostor = genuine / most, impostor / most
    probability = record.calibration.probability(places)
    measured_on = record.threshold.fitted_on
    densities = genuine, impostor, probability
    return ScoreScale(low, high, score, threshold, *densities, measured_on, same_from, below)


def density(quantiles: tuple[float, ...], places: FloatArray) -> FloatArray:
    """A smooth density of scores of which evenly spread quantiles are known.

    A Gaussian kernel stands on each quantile but the least and the greatest, which are single scores; its width is
    Silverman's (1986, equation 3.31).

    Args:
        quantiles: Q ≥ 4 values, rising.
        places: `[P]`.

    Returns:
        `[P]`, the density at each place.
    """
    inner = np.asarray(quantiles[1:-1], np.float64)
    quarters = np.quantile(inner, [0.25, 0.75])
    spread = min(float(inner.std()), float(quarters[1] - quarters[0]) / 1.34) or float(inner.std())
    width = max(0.9 * spread * len(inner) ** -0.2, 1e-6)
    distances = (places[:, np.newaxis] - inner) / width
    return np.asarray(np.exp(-0.5 * distances**2).mean(axis=1) / (width * math.sqrt(2 * math.pi)), np.float64)
