"""How often a model errs at each of several thresholds, measured on people that it was not trained on."""

from __future__ import annotations

import itertools
import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from twinface.core.errors import DataError
from twinface.models.fields import Fields

_MOST_POINTS = 100


@dataclass(frozen=True)
class OperatingPoint:
    """The two error rates of verification (ISO/IEC 19795-1) at one threshold, with 95 % intervals.

    Attributes:
        threshold: a score at or above it means "same".
        fmr, fmr_low, fmr_high: false match rate, the fraction of impostor pairs that are accepted.
        fnmr, fnmr_low, fnmr_high: false non-match rate, the fraction of genuine pairs that are rejected.
        upper: the threshold that keeps this FMR under other conditions too; None if they were not simulated. See
            `evaluation.other_conditions`.
    """

    threshold: float
    fmr: float
    fmr_low: float
    fmr_high: float
    fnmr: float
    fnmr_low: float
    fnmr_high: float
    upper: float | None = None


@dataclass(frozen=True)
class ErrorTable:
    """Operating points of a model.

    Attributes:
        points: at least two, with rising thresholds, so with falling FMR and rising FNMR.
        people: how many people they were measured on.
        measured_on: these people in words.
    """

    points: tuple[OperatingPoint, ...]
    people: int
    measured_on: str

    def point_at(self, far: float) -> OperatingPoint:
        """The operating point of a false accept rate; between two points of the table it is interpolated.

        Args:
            far: the wanted false accept rate.

        Raises:
            DataError: the table does not reach that rate; the message says which rates it has.
        """
        least, most = self.points[-1].fmr, self.points[0].fmr
        if not least <= far <= most:
            raise DataError(
                f"a false accept rate of {far:g} was not measured for this model: found {least:.2g} to {most:.2g}, "
                f"measured on {self.measured_on}; for a lower one, calibrate the model on more people "
                "(`twinface calibrate`)"
            )
        after = next(i for i, point in enumerate(self.points) if point.fmr <= far)
        if self.points[after].fmr == far or after == 0:
            return self.points[after]
        low, high = self.points[after - 1], self.points[after]
        return _between(
            low, high, (math.log(low.fmr) - math.log(far)) / (math.log(low.fmr) - math.log(high.fmr))
        )

    def at(self, threshold: float) -> OperatingPoint:
        """The operating point at a threshold; outside the table that of its nearest end."""
        if threshold <= self.points[0].threshold:
            return self.points[0]
        for low, high in itertools.pairwise(self.points):
            if threshold < high.threshold:
                return _between(low, high, (threshold - low.threshold) / (high.threshold - low.threshold))
        return self.points[-1]

    def fmr_at(self, score: float) -> float:
        """The fraction of impostor pairs that score at least so high.

        Above the last point it is the rate of the last point, which is then an upper bound; below the first it is 1.

        Example:
            >>> points = [OperatingPoint(t, fmr, 0, 1, 0, 0, 1) for t, fmr in ((0.2, 0.1), (0.4, 0.001))]
            >>> table = ErrorTable(tuple(points), 100, "100 people")
            >>> [round(table.fmr_at(score), 4) for score in (0.1, 0.3, 0.9)]
            [1.0, 0.01, 0.001]
        """
        return _rate_at(score, [(point.threshold, point.fmr) for point in self.points])

    def fmr_elsewhere(self, score: float) -> float | None:
        """The same for photos of other conditions: it holds in nine of ten simulated ones. None if not simulated."""
        uppers = [(point.upper, point.fmr) for point in self.points if point.upper is not None]
        return _rate_at(score, uppers) if uppers else None

    def threshold_at_frr(self, frr: float) -> float:
        """The highest threshold of the table whose false non-match rate is at most `frr`, interpolated.

        Raises:
            DataError: the rate is below that at the lowest threshold, which the message gives.
        """
        within = [point for point in self.points if point.fnmr <= frr]
        if not within:
            raise DataError(
                f"a false reject rate of {frr:g} was not measured for this model: the lowest is "
                f"{self.points[0].fnmr:.2g}, measured on {self.measured_on}"
            )
        last = self.points.index(within[-1])
        if last + 1 == len(self.points):
            return within[-1].threshold
        low, high = self.points[last], self.points[last + 1]
        return low.threshold + (high.threshold - low.threshold) * (frr - low.fnmr) / (high.fnmr - low.fnmr)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; `from_fields` reads them back."""
        return {
            "points": [asdict(point) for point in self.points],
            "people": self.people,
            "measured_on": self.measured_on,
        }

    @classmethod
    def from_fields(cls, fields: Fields) -> ErrorTable:
        """The inverse of `to_dict`.

        Raises:
            ValueError: a field is missing, the points are not in order, or a rate is not in [0, 1] and in its interval.
        """
        points = tuple(_point(each) for each in fields.objects("points", _MOST_POINTS))
        ordered = all(
            low.threshold < high.threshold and low.fmr > high.fmr > 0 and low.fnmr <= high.fnmr
            for low, high in itertools.pairwise(points)
        )
        uppers = [point.upper for point in points if point.upper is not None]
        ordered = ordered and len(uppers) in {0, len(points)} and uppers == sorted(uppers)
        if len(points) < 2 or not ordered:
            raise ValueError("points: need two or more, with rising thresholds, falling FMR and rising FNMR")
        return cls(points, fields.whole("people", 0, 1 << 40), fields.text("measured_on"))


def _point(fields: Fields) -> OperatingPoint:
    names = ("threshold", "fmr", "fmr_low", "fmr_high", "fnmr", "fnmr_low", "fnmr_high")
    values = {name: fields.number(name) for name in names}
    for name in ("fmr", "fnmr"):
        low, rate, high = values[f"{name}_low"], values[name], values[f"{name}_high"]
        if not 0 <= low <= rate <= high <= 1:
            raise ValueError(
                f"{name}: found {rate} in [{low}, {high}], need a rate from 0 to 1 in its interval"
            )
    return OperatingPoint(**values, upper=fields.number_or_none("upper"))


def _rate_at(score: float, points: list[tuple[float, float]]) -> float:
    """The rate at a score, between (score, rate) in rising order of the score; logarithms are interpolated."""
    if score < points[0][0]:
        return 1.0
    if score >= points[-1][0]:
        return points[-1][1]
    scores, rates = zip(*points, strict=True)
    return math.exp(float(np.interp(score, scores, np.log(rates))))


def _between(low: OperatingPoint, high: OperatingPoint, part: float) -> OperatingPoint:
    """The point a `part` (0 to 1) of the way from `low` to `high`; logarithms of the FMR are interpolated."""

    def straight(name: str) -> float:
        left, right = getattr(low, name), getattr(high, name)
        return float(left + part * (right - left))

    def in_logarithms(name: str) -> float:
        left, right = (math.log(max(getattr(point, name), 1e-12)) for point in (low, high))
        return math.exp(left + part * (right - left))

    rates = {name: in_logarithms(name) for name in ("fmr", "fmr_low", "fmr_high")}
    rates |= {name: straight(name) for name in ("threshold", "fnmr", "fnmr_low", "fnmr_high")}
    return OperatingPoint(**rates, upper=None if low.upper is None else straight("upper"))
