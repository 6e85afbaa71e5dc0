"""Which points come next: combinations of a grid, random draws, or a guided search.

A batch of points is a function of the study file and of how the points of earlier batches ended, and of nothing else:
not of which trial happened to end first. So a study that is killed and continued asks for the same points.
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

from twinface.studies.study import Part, Point, Range, Study

STARTUP = 8  # points drawn at random before a guided search begins to learn


@dataclass(frozen=True)
class Ended:
    """How a point ended.

    Attributes:
        point: fields and values.
        value: higher is better, or None where it failed.
        pruned: whether it was given up early.
    """

    point: Point
    value: float | None
    pruned: bool = False


def next_points(study: Study, part: Part, ended: Sequence[Ended]) -> list[Point]:
    """The next batch of a part, given how all points of its earlier batches ended; empty when there are no more.

    Args:
        study: whose `search_seed` counts.
        part: of it.
        ended: in the order of their numbers.
    """
    left = part.size - len(ended)
    # Only what learns from earlier points, or is compared with them, has to wait for them.
    count = min(part.batch, left) if part.method == "guided" or part.prune else left
    if part.method == "grid":
        return part.grid()[len(ended) : len(ended) + count]
    return _drawn(study, part, ended, count)


def space_of(part: Part) -> dict[str, BaseDistribution]:
    """What may come of each field, as Optuna has it."""
    return {field: _distribution(choices) for field, choices in part.vary.items()}


def as_params(point: Point) -> dict[str, Any]:
    """A point as Optuna has it."""
    return {field: _label(value) for field, value in point.items()}


def _drawn(study: Study, part: Part, ended: Sequence[Ended], count: int) -> list[Point]:
    space = space_of(part)
    number = np.random.SeedSequence([study.search_seed, *part.name.encode(), len(ended)])
    seed = int(number.generate_state(1)[0])
    sampler: BaseSampler = (
        TPESampler(seed=seed, n_startup_trials=STARTUP, multivariate=True, constant_liar=True)
        if part.method == "guided"
        else RandomSampler(seed=seed)
    )
    search = optuna.create_study(sampler=sampler, direction="maximize")
    search.add_trials([_remembered(space, past) for past in ended])
    return [_point(part, search.ask(space).params) for _ in range(count)]


def _remembered(space: dict[str, BaseDistribution], past: Ended) -> optuna.trial.FrozenTrial:
    params = as_params(past.point)
    if past.value is None:
        return optuna.trial.create_trial(state=TrialState.FAIL, params=params, distributions=space)
    # What was given up is known to be bad as far as it came, and is worth learning from.
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
    """Lists and tables as text: Optuna stores plain values only."""
    return value if isinstance(value, str | int | float | bool) else repr(value)


def _point(part: Part, params: dict[str, Any]) -> Point:
    return {
        field: next(choice for choice in choices if _label(choice) == params[field])
        if isinstance(choices, list)
        else params[field]
        for field, choices in part.vary.items()
    }
