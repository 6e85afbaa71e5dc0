"""Which models are better than others, and which cannot be told apart."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from twinface.core.errors import DataError
from twinface.core.types import BoolArray, FloatArray, Interval, ScoredPairs
from twinface.evaluation.intervals import gain_interval, holm, mcnemar, mean_accuracy_interval
from twinface.evaluation.intervals.quantiles import t_quantile
from twinface.evaluation.metrics import area_under_curve, cross_validated_right

SIGNIFICANCE = 0.05
FOLDS = 10


@dataclass(frozen=True, eq=False)
class ScoredModel:
    """One model of a leaderboard: a trial with a run for each seed, or a baseline.

    Attributes:
        name: unique in its leaderboard.
        runs: the scores that each run gives the same M pairs, in the order of the seeds.
    """

    name: str
    runs: Sequence[ScoredPairs]

    def right(self) -> BoolArray:
        """`[S, M]`: whether each run decides each pair rightly.

        Each fold of the pairs is decided at the best threshold of the other folds. There are ten folds, or fewer if
        there are fewer genuine or impostor pairs.
        """
        is_match = self.runs[0].is_match
        folds = min(FOLDS, int(is_match.sum()), int((~is_match).sum()))
        return np.stack([cross_validated_right(run.scores, run.is_match, folds) for run in self.runs])


@dataclass(frozen=True)
class Place:
    """A model's place on the leaderboard.

    Attributes:
        name: of the model.
        accuracies: of its runs, in [0, 1], in the order of the seeds.
        accuracy: their mean.
        spread: their standard deviation (ddof 1); None for a single run.
        interval: 95 % interval of the mean: other people and, where there are several, other seeds; see `with_seeds`.
        auc: mean area under the ROC curve of its runs.
        apart: names of the models that it can be told apart from.
    """

    name: str
    accuracies: tuple[float, ...]
    accuracy: float
    spread: float | None
    interval: Interval
    auc: float
    apart: frozenset[str]


def leaderboard(models: Sequence[ScoredModel]) -> list[Place]:
    """All models, the most accurate first.

    Two models are told apart if both of these hold. McNemar's test on the same pairs gives p < 0.05 after Holm's
    correction for all comparisons made here. And the 95 % interval of their difference, with people resampled, does not
    contain 0. The test alone is not enough: it takes pairs for independent, and a few people who are in many pairs can
    mislead it.

    Raises:
        DataError: the models were not scored on the same pairs.
    """
    for model in models:
        _check_same_pairs(models[0], model)
    right = {model.name: model.right() for model in models}
    apart = _told_apart(right, models[0].runs[0]) if models else {}
    seeds = spread_of_seeds([right[model.name].mean(axis=1) for model in models])
    places = [_place(model, right[model.name], frozenset(apart[model.name]), seeds) for model in models]
    return sorted(places, key=lambda place: (-place.accuracy, -place.auc, place.name))


def corrected_p_values(right: Mapping[str, BoolArray]) -> dict[tuple[str, str], float]:
    """McNemar's p-value for every two models, corrected for the number of comparisons (Holm 1979).

    If models have several runs, runs of the same seed are compared, and twice the median of the p-values is used. This
    holds however the runs depend on each other (Rüger 1978).

    Args:
        right: by the model's name, `[S, M]`: see `ScoredModel.right`.

    Returns:
        p-values in [0, 1] by the two names.
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


def _place(model: ScoredModel, right: BoolArray, apart: frozenset[str], seeds: SeedSpread | None) -> Place:
    accuracies = right.mean(axis=1)
    return Place(
        name=model.name,
        accuracies=tuple(map(float, accuracies)),
        accuracy=float(accuracies.mean()),
        spread=float(accuracies.std(ddof=1)) if len(accuracies) > 1 else None,
        interval=with_seeds(mean_accuracy_interval(right.mean(axis=0), model.runs[0]), accuracies, seeds),
        auc=float(np.mean([area_under_curve(run.scores, run.is_match) for run in model.runs])),
        apart=apart,
    )


@dataclass(frozen=True)
class SeedSpread:
    """How much seeds differ, pooled over all models that have several.

    Attributes:
        deviation: of one run, in accuracy.
        freedom: degrees of freedom that it was estimated with.
    """

    deviation: float
    freedom: int


def spread_of_seeds(accuracies: Sequence[FloatArray]) -> SeedSpread | None:
    """The spread over seeds, pooled over models; None if no model has several.

    Two seeds of one model say little of how much seeds differ, and those of six models say more.

    Args:
        accuracies: of each model, one for each seed.
    """
    several = [each for each in accuracies if len(each) > 1]
    freedom = sum(len(each) - 1 for each in several)
    if not freedom:
        return None
    squares = sum(float(np.square(each - each.mean()).sum()) for each in several)
    return SeedSpread(math.sqrt(squares / freedom), freedom)


def with_seeds(people: Interval, values: FloatArray, seeds: SeedSpread | None) -> Interval:
    """An interval for other people and other seeds together.

    The two are independent, so their variances add up. People are resampled; of the few seeds, Student's t gives the
    half width, because resampling three of them would make it too narrow.

    Args:
        people: the interval of the mean over seeds, people resampled.
        values: of each seed.
        seeds: how much they differ.
    """
    if len(values) < 2 or seeds is None:
        return people
    half = t_quantile(seeds.freedom, people.level) * seeds.deviation / math.sqrt(len(values))
    mean = float(np.mean(values))
    return replace(
        people,
        low=max(0.0, mean - math.hypot(mean - people.low, half)),
        high=min(1.0, mean + math.hypot(people.high - mean, half)),
        method=f"{people.method}, and Student's t over seeds",
    )


def _told_apart(right: Mapping[str, BoolArray], pairs: ScoredPairs) -> dict[str, set[str]]:
    """For each model, the models that it can be told apart from."""
    apart: dict[str, set[str]] = {name: set() for name in right}
    for (one, other), p in corrected_p_values(right).items():
        if p < SIGNIFICANCE and not _may_be_equal(right[one], right[other], pairs):
            apart[one].add(other)
            apart[other].add(one)
    return apart


def _may_be_equal(one: BoolArray, other: BoolArray, pairs: ScoredPairs) -> bool:
    """Whether the interval of the difference contains 0."""
    interval = gain_interval(one.mean(axis=0) - other.mean(axis=0), pairs)
    return interval.low <= 0 <= interval.high


def _check_same_pairs(one: ScoredModel, other: ScoredModel) -> None:
    first = one.runs[0]
    for run in other.runs:
        if not (np.array_equal(first.is_match, run.is_match) and np.array_equal(first.people, run.people)):
            raise DataError(
                f"{one.name} and {other.name} were not scored on the same pairs, and cannot be compared: "
                "run them with the same data settings"
            )
