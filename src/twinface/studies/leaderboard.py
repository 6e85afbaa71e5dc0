"""Who is better, and who cannot be told apart."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from twinface.core.errors import DataError
from twinface.core.types import BoolArray, Interval, ScoredPairs
from twinface.evaluation.intervals import gain_interval, holm, mcnemar, mean_accuracy_interval
from twinface.evaluation.metrics import area_under_curve, cross_validated_right

LEVEL = 0.05


@dataclass(frozen=True, eq=False)
class Contender:
    """One model of a leaderboard: a point with its seeds, or a baseline.

    Attributes:
        name: of it.
        runs: the same pairs as scored by each of its runs, in the order of the seeds.
    """

    name: str
    runs: Sequence[ScoredPairs]

    def right(self) -> BoolArray:
        """`[S, M]`: whether each run judged each pair rightly, each tenth at the best threshold of the others."""
        folds = min(10, int(self.runs[0].is_match.sum()), int((~self.runs[0].is_match).sum()))
        return np.stack([cross_validated_right(run.scores, run.is_match, folds) for run in self.runs])


@dataclass(frozen=True)
class Place:
    """A line of the leaderboard.

    Attributes:
        name: of the contender.
        accuracies: of its runs, in the order of the seeds.
        accuracy: their mean.
        spread: their standard deviation, or None of a single one.
        interval: of the mean, people resampled; which seeds were drawn is not in it.
        auc: mean over its runs.
        apart: names of the contenders that it can be told apart from.
    """

    name: str
    accuracies: tuple[float, ...]
    accuracy: float
    spread: float | None
    interval: Interval
    auc: float
    apart: frozenset[str]


def leaderboard(contenders: Sequence[Contender]) -> list[Place]:
    """All contenders, the most accurate first.

    Two are told apart where McNemar's test on the same pairs gives less than 0.05 after Holm's correction for all the
    comparisons that are made here, and the interval of the difference, people resampled, has no 0 in it: the test takes
    pairs for independent, and a few people who are in many of them can deceive it.

    Raises:
        DataError: they were not scored on the same pairs.
    """
    right = {contender.name: contender.right() for contender in contenders}
    for contender in contenders[1:]:
        _check_same(contenders[0], contender)
    p_values = corrected_p_values(right)
    apart: dict[str, set[str]] = {contender.name: set() for contender in contenders}
    for (one, other), p in p_values.items():
        if p < LEVEL and not _may_be_level(right[one], right[other], contenders[0].runs[0]):
            apart[one].add(other)
            apart[other].add(one)
    places = []
    for contender in contenders:
        own = right[contender.name]
        accuracies = own.mean(axis=1)
        places.append(
            Place(
                name=contender.name,
                accuracies=tuple(map(float, accuracies)),
                accuracy=float(accuracies.mean()),
                spread=float(accuracies.std(ddof=1)) if len(accuracies) > 1 else None,
                interval=mean_accuracy_interval(own.mean(axis=0), contender.runs[0]),
                auc=float(np.mean([area_under_curve(run.scores, run.is_match) for run in contender.runs])),
                apart=frozenset(apart[contender.name]),
            )
        )
    return sorted(places, key=lambda place: (-place.accuracy, -place.auc, place.name))


def corrected_p_values(right: dict[str, BoolArray]) -> dict[tuple[str, str], float]:
    """McNemar's p-value of every two contenders, corrected for the number of comparisons (Holm 1979).

    Where contenders have several runs, those of one seed are compared and twice the median of the p-values is taken,
    which is right however they depend on each other (Rueger 1978).

    Args:
        right: `[S, M]` by name.
    """
    pairs = list(itertools.combinations(right, 2))
    raw = []
    for one, other in pairs:
        count = max(len(right[one]), len(right[other]))
        each = [
            mcnemar(right[one][seed % len(right[one])], right[other][seed % len(right[other])])
            for seed in range(count)
        ]
        raw.append(each[0] if count == 1 else min(1.0, 2 * float(np.median(each))))
    return dict(zip(pairs, map(float, holm(raw)), strict=True)) if pairs else {}


def _may_be_level(one: BoolArray, other: BoolArray, pairs: ScoredPairs) -> bool:
    interval = gain_interval(one.mean(axis=0) - other.mean(axis=0), pairs)
    return interval.low <= 0 <= interval.high


def _check_same(one: Contender, other: Contender) -> None:
    first = one.runs[0]
    for run in other.runs:
        if not (np.array_equal(first.is_match, run.is_match) and np.array_equal(first.people, run.people)):
            raise DataError(
                f"{one.name} and {other.name} were not scored on the same pairs, and cannot be compared: "
                "run them with the same data settings"
            )
