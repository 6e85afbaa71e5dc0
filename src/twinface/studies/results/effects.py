"""Main effects: how the objective changes with each factor of a search."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from twinface.core.types import FloatArray
from twinface.evaluation.intervals import fold_interval
from twinface.studies.results.levels import levels_of, variance_explained
from twinface.studies.study_file.point import Point
from twinface.studies.study_file.search import Search


@dataclass(frozen=True)
class Level:
    """One value of a factor, or one section of its range.

    Attributes:
        label: the value as short text.
        mean: of the objective over all runs at this level.
        margin: half the width of the 95 % interval; None where nothing is known of it. It is for other runs (Student's
            t; in a balanced plan the effects of the other factors and of the seed are removed first) and, if
            `of_people`, for other people as well.
        runs: number of runs.
        of_people: whether people were resampled for the margin.
    """

    label: str
    mean: float
    margin: float | None
    runs: int
    of_people: bool = False


@dataclass(frozen=True)
class Effect:
    """The effect of one factor.

    Attributes:
        field: the factor, a dotted field of a recipe.
        levels: in the order of the study file, or from low to high.
        share: of the variance between points that the levels' means explain, in [0, 1].
        balanced: whether every level was combined with the same values of the other factors.
        alone: whether no other factor varies, so that the share says nothing.
    """

    field: str
    levels: tuple[Level, ...]
    share: float
    balanced: bool
    alone: bool = False


# The half width of the 95 % interval of the mean over some runs, people resampled: positions of points → half width.
PeopleMargin = Callable[[Sequence[int]], float | None]


def main_effects(
    search: Search,
    points: Sequence[Point],
    values: Sequence[Sequence[float]],
    people_margin: PeopleMargin | None = None,
) -> tuple[Effect, ...]:
    """The effect of each factor of a search, the strongest first; factors with a single level are left out.

    Args:
        search: the search.
        points: its points that have finished.
        values: for each point, the objective of each run, in the order of the seeds.
        people_margin: see `PeopleMargin`; None leaves people out of the margins.
    """
    effects = []
    for field, choices in search.vary.items():
        labels, order = levels_of(choices, [point[field] for point in points])
        if len(set(labels)) < 2:
            continue
        effect = _effect(field, labels, order, points, values)
        if people_margin is not None:
            effect = _with_people(effect, labels, people_margin)
        effects.append(effect)
    effects = [replace(effect, alone=len(effects) == 1) for effect in effects]
    return tuple(sorted(effects, key=lambda effect: -effect.share))


def _with_people(effect: Effect, labels: Sequence[str], people_margin: PeopleMargin) -> Effect:
    """The same effect, with margins that hold for other people too; both kinds of chance are independent."""
    levels = []
    for level in effect.levels:
        people = people_margin([row for row, label in enumerate(labels) if label == level.label])
        margin = level.margin if people is None else math.hypot(level.margin or 0.0, people)
        levels.append(replace(level, margin=margin, of_people=people is not None))
    return replace(effect, levels=tuple(levels))


@dataclass(frozen=True)
class _Row:
    """One run: the level of the factor, everything else that identifies the run, and the objective."""

    level: str
    block: str
    value: float


def _effect(
    field: str,
    labels: Sequence[str],
    order: Sequence[str],
    points: Sequence[Point],
    values: Sequence[Sequence[float]],
) -> Effect:
    others = [_other_fields(point, field) for point in points]
    rows = [
        _Row(label, f"{other} seed {seed}", value)
        for label, other, each in zip(labels, others, values, strict=True)
        for seed, value in enumerate(each)
    ]
    balanced = _is_balanced(labels, others)
    offsets = _block_offsets(rows) if balanced else {}
    # A level is part of its blocks' means, so what is left when they are removed varies too little (Morey 2008).
    correction = math.sqrt(len(order) / (len(order) - 1)) if balanced else 1.0
    levels = []
    for label in order:
        own = np.array([row.value - offsets.get(row.block, 0.0) for row in rows if row.level == label])
        margin = _margin(own)
        levels.append(
            Level(label, float(own.mean()), None if margin is None else correction * margin, len(own))
        )
    means = np.array([float(np.mean(each)) for each in values])
    total = float(means.var())
    share = variance_explained(labels, means) / total if total else 0.0
    return Effect(field, tuple(levels), share, balanced)


def _is_balanced(labels: Sequence[str], others: Sequence[str]) -> bool:
    met: dict[str, set[str]] = {}
    for label, other in zip(labels, others, strict=True):
        met.setdefault(label, set()).add(other)
    return len({frozenset(each) for each in met.values()}) == 1


def _block_offsets(rows: Sequence[_Row]) -> dict[str, float]:
    """For each block, its mean minus the mean of all rows.

    A block is all runs that differ in the level only. In a balanced plan each block has every level once, so the
    offset of the block can be removed from the comparison of levels.
    """
    overall = float(np.mean([row.value for row in rows]))
    return {
        name: float(np.mean([row.value for row in rows if row.block == name])) - overall
        for name in {row.block for row in rows}
    }


def _margin(values: FloatArray) -> float | None:
    if len(values) < 2:
        return None
    interval = fold_interval(values)
    return (interval.high - interval.low) / 2


def _other_fields(point: Point, field: str) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in point.items() if name != field)
