"""From a score to error rates far out in the tails: how many impostors score as high, and how much more likely a
genuine pair is to have this score.

A gallery needs both for scores that next to no impostor reaches. Few pairs are there to be counted, so the tail is
continued: the quantiles of the model's card become places on a normal distribution, with straight lines between and
beyond them (a normal quantile plot). The error table of a model's record does the same. A model without either has its
calibration alone. Then the false match rate is
bounded by it: of impostors, at most one in r has a likelihood ratio of r or more (Markov's inequality; for likelihood
ratios Royall 1997).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike

from twinface.core.types import FloatArray
from twinface.models.card import ModelCard
from twinface.models.record import ModelRecord

_PLACES = (1, 5, 15, 30, 50, 70, 85, 95, 99)  # percent; closer ones would make steps of a density
_POINTS = 2001
_LARGEST = 37.0  # standard deviations; the tail beyond is smaller than any float


@dataclass(frozen=True, eq=False)
class ScoreRates:
    """Error rates of a model by score.

    Attributes:
        scores: [G] rising.
        log_fmr: [G] the natural logarithm of the false match rate at a threshold of that score.
        log_ratio: [G] the natural logarithm of the likelihood ratio of genuine to impostor pairs; never falls.
        genuine: quantiles at 0 %, 1 % … 100 % of genuine scores; empty where they are not known.
        impostor_mean, impostor_deviation: of impostor scores; NaN where they are not known.
        is_bound: the rates are upper bounds, and nothing was measured.
    """

    scores: FloatArray
    log_fmr: FloatArray
    log_ratio: FloatArray
    genuine: tuple[float, ...] = ()
    impostor_mean: float = math.nan
    impostor_deviation: float = math.nan
    is_bound: bool = False

    def fmr_at(self, scores: ArrayLike) -> FloatArray:
        """The fraction of impostor pairs that score at least as high, in (0, 1]."""
        return np.asarray(np.exp(self._read(scores, self.log_fmr)))

    def log_ratio_at(self, scores: ArrayLike) -> FloatArray:
        """The logarithm of the likelihood ratio: above 0 where a genuine pair is more likely to have that score."""
        return self._read(scores, self.log_ratio)

    def score_at_fmr(self, fmr: float) -> float:
        """The lowest score of `scores` that at most this fraction of impostors reaches; infinity if there is none."""
        inside = np.flatnonzero(self.log_fmr <= math.log(fmr))
        return float(self.scores[inside[0]]) if len(inside) else math.inf

    def _read(self, scores: ArrayLike, values: FloatArray) -> FloatArray:
        return np.asarray(np.interp(np.asarray(scores, np.float64), self.scores, values), np.float64)


def score_rates(record: ModelRecord, card: ModelCard | None = None) -> ScoreRates:
    """The error rates of a model.

    Args:
        record: of the model, for its threshold and calibration.
        card: of the model if it has a name.
    """
    genuine, impostor = (card.genuine, card.impostor) if card is not None else ((), ())
    if genuine and impostor:
        accepted = [(genuine[place], 1 - place / 100) for place in _PLACES]
        taken = [(impostor[place], 1 - place / 100) for place in _PLACES]
        return _from_lines(accepted, taken + _tail(record, impostor[99]), genuine, impostor)
    if record.error_table is not None:
        points = record.error_table.points
        accepted = [(point.threshold, 1 - point.fnmr) for point in points if 0 < point.fnmr < 1]
        taken = [(point.threshold, point.fmr) for point in points if 0 < point.fmr < 1]
        if len(_line(accepted)[0]) > 1 and len(_line(taken)[0]) > 1:
            return _from_lines(accepted, taken)
    calibration = record.calibration
    if calibration.slope <= 0:  # no score of this model says anything
        return ScoreRates(np.array([0.0, 1.0]), np.zeros(2), np.zeros(2), is_bound=True)
    ratio = np.linspace(-60, 60, _POINTS)
    scores = (ratio - calibration.offset) / calibration.slope
    return ScoreRates(scores, np.minimum(0, -ratio), ratio, is_bound=True)


def _tail(record: ModelRecord, beyond: float) -> list[tuple[float, float]]:
    """Scores above `beyond` and the fractions of impostors that reach them, where the record has them."""
    points = record.error_table.points if record.error_table is not None else ()
    known = [(point.threshold, point.fmr) for point in points]
    if not known and record.threshold.far is not None:
        known = [(record.threshold.value, record.threshold.far)]
    return [point for point in known if point[0] > beyond and 0 < point[1] < 0.01]


def _from_lines(
    accepted: Sequence[tuple[float, float]],
    taken: Sequence[tuple[float, float]],
    genuine: Sequence[float] = (),
    impostor: Sequence[float] = (),
) -> ScoreRates:
    """From scores with the fractions of genuine pairs, and of impostor pairs, that reach them.

    Args:
        accepted, taken: (score, fraction), two or more of each.
        genuine, impostor: all quantiles, where they are known.
    """
    scores_of_genuine, genuine_deviates = _line(accepted)
    places, deviates = _line(taken)
    # The mean score of one deviation.
    step = (places[-1] - places[0]) / (deviates[-1] - deviates[0])
    highest = max(scores_of_genuine[-1], places[-1], *genuine[-1:])
    scores = np.linspace(places[0] - 2 * step, highest + 8 * step, _POINTS)
    far_out = _continued(scores, places, deviates)
    ratio = _log_density(scores, scores_of_genuine, genuine_deviates) - _log_density(scores, places, deviates)
    return ScoreRates(
        scores,
        np.array([_log_tail(value) for value in far_out]),
        np.maximum.accumulate(ratio),
        tuple(genuine),
        float(np.mean(impostor[1:100])) if impostor else math.nan,
        # Between the quantiles at 15 % and 85 % lie 2.0729 deviations of a normal distribution.
        (impostor[85] - impostor[15]) / 2.0729 if impostor else math.nan,
    )


def _line(points: Sequence[tuple[float, float]]) -> tuple[FloatArray, FloatArray]:
    """Scores, and where they are on a normal distribution: (score, fraction above it) → two arrays [K] that rise."""
    rising: list[tuple[float, float]] = []
    for score, above in points:
        if not rising or score > rising[-1][0]:
            rising.append((score, -NormalDist().inv_cdf(above)))
    return np.array([score for score, _ in rising]), np.array([place for _, place in rising])


def _slopes(scores: FloatArray, deviates: FloatArray) -> FloatArray:
    return np.asarray(np.diff(deviates) / np.diff(scores))


def _continued(scores: FloatArray, places: FloatArray, deviates: FloatArray) -> FloatArray:
    """The straight lines through the points, continued at both ends."""
    slopes = _slopes(places, deviates)
    inside = np.interp(scores, places, deviates)
    below = np.minimum(0, scores - places[0]) * slopes[0]
    beyond = np.maximum(0, scores - places[-1]) * slopes[-1]
    return np.asarray(np.clip(inside + below + beyond, -_LARGEST, _LARGEST))


def _log_density(scores: FloatArray, places: FloatArray, deviates: FloatArray) -> FloatArray:
    """Up to a constant that is the same for all distributions."""
    slopes = _slopes(places, deviates)
    # Between the middles of the segments, so that the density has no steps.
    middles = (places[1:] + places[:-1]) / 2
    slope = np.exp(np.interp(scores, middles, np.log(slopes)))
    return np.asarray(np.log(slope) - _continued(scores, places, deviates) ** 2 / 2)


def _log_tail(deviate: float) -> float:
    """The logarithm of the fraction of a normal distribution above a number of deviations."""
    return math.log(max(math.erfc(deviate / math.sqrt(2)) / 2, 1e-300))
