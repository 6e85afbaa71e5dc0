"""Which points come next: combinations of a grid, random draws, or a guided search.

A batch of points depends on the study file and on the results of earlier batches, and on nothing else. The order in
which trials end does not matter. So a study that is killed and continued asks for the same points.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.trial import TrialState

from twinface.studies.study_file.point import Point
from twinface.studies.study_file.search import Range, Search
from twinface.studies.study_file.study import Study

RANDOM_FIRST = 8  # a guided search draws this many points at random before it begins to learn


@dataclass(frozen=True)
class PastPoint:
    """A point of an earlier batch and its result.

    Attributes:
        point: fields and values.
        value: of the objective, higher is better; None if training failed.
    """

    point: Point
    value: float | None


def next_points(study: Study, search: Search, past: Sequence[PastPoint]) -> list[Point]:
    """The next batch of a search, given the results of all its earlier points; empty when the search is complete.

    Args:
        study: gives `search_seed`.
        search: one of its searches.
        past: all earlier points, in the order of their numbers.
    """
    left = search.size - len(past)
    # Only a search that learns from earlier points, or compares with them, has to wait for them.
    count = min(search.batch, left) if search.method == "guided" or search.prune else left
    if search.method == "grid":
        return search.grid()[len(past) : len(past) + count]
    return _drawn(study, search, past, count)


def space_of(search: Search) -> dict[str, BaseDistribution]:
    """For each field, the values it can take, as an Optuna distribution."""
    return {field: _distribution(choices) for field, choices in search.vary.items()}


def as_params(point: Point) -> dict[str, Any]:
    """A point as Optuna's parameters."""
    return {field: _label(value) for field, value in point.items()}


def _drawn(study: Study, search: Search, past: Sequence[PastPoint], count: int) -> list[Point]:
    space = space_of(search)
    number = np.random.SeedSequence([study.search_seed, *search.name.encode(), len(past)])
    seed = int(number.generate_state(1)[0])
    sampler: BaseSampler = (
        TPESampler(seed=seed, n_startup_trials=RANDOM_FIRST, multivariate=True, constant_liar=True)
        if search.method == "guided"
        else RandomSampler(seed=seed)
    )
    optimizer = optuna.create_study(sampler=sampler, direction="maximize")
    optimizer.add_trials([_past_trial(space, each) for each in past])
    return [_point(search, optimizer.ask(space).params) for _ in range(count)]


def _past_trial(space: dict[str, BaseDistribution], past: PastPoint) -> optuna.trial.FrozenTrial:
    params = as_params(past.point)
    if past.value is None:
        return optuna.trial.create_trial(state=TrialState.FAIL, params=params, distributions=space)
    # A pruned point has a value too, from the epochs that it was trained: the search learns from it.
    return optuna.trial.create_trial(value=past.value, params=params, distributions=space)


def _distribution(choices: list[Any] | Range) -> BaseDistribution:
    if isinstance(choices, list):
        return CategoricalDistribution([_label(choice) for choice in choices])
    if choices.whole:
        return IntDistribution(
            int(choices.low), int(choices.high), log=choices.log, step=int(choices.step or 1)
        )
    return FloatDistribution(choices.low, choices.high, log=choices.log, step=choices.step)


def _label(value: Any) -> Any:
    """Lists and tables as text, because Optuna stores plain values only."""
    return value if isinstance(value, str | int | float | bool) else repr(value)


def _point(search: Search, params: dict[str, Any]) -> Point:
    return {
        field: next(choice for choice in choices if _label(choice) == params[field])
        if isinstance(choices, list)
        else params[field]
        for field, choices in search.vary.items()
    }
