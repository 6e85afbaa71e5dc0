"""What each factor does to the objective, and which matter."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import optuna

from twinface.core.types import FloatArray
from twinface.evaluation.intervals import fold_interval
from twinface.studies.points import as_params, space_of
from twinface.studies.study import Part, Point, Range, readable

BINS = 4  # of a range


@dataclass(frozen=True)
class Level:
    """One value of a factor, or one piece of its range.

    Attributes:
        label: as people read it.
        mean: of the objective over all runs at this level.
        margin: half the 95 % interval, what the other factors do taken out where they are balanced; None of one run.
        runs: how many.
    """

    label: str
    mean: float
    margin: float | None
    runs: int


@dataclass(frozen=True)
class Effect:
    """What one factor does.

    Attributes:
        field: the factor.
        levels: in the order of the study file, or from low to high.
        share: of the variance between points that its levels' means explain, in [0, 1].
        balanced: whether every level met the same combinations of the others.
    """

    field: str
    levels: tuple[Level, ...]
    share: float
    balanced: bool


@dataclass(frozen=True)
class Interaction:
    """How far two factors do together what neither does alone.

    Attributes:
        fields: the two.
        share: of the variance between points, beyond both factors' own.
    """

    fields: tuple[str, str]
    share: float


def main_effects(part: Part, points: Sequence[Point], values: Sequence[Sequence[float]]) -> list[Effect]:
    """The effect of each factor of a part, the strongest first.

    Args:
        part: whose factors count.
        points: those that finished.
        values: of the objective, one for each run of each point, in the order of the seeds.
    """
    effects = []
    for field in part.vary:
        labels, order = _levels(part.vary[field], [point[field] for point in points])
        if len(set(labels)) < 2:
            continue
        effects.append(_effect(field, labels, order, points, values))
    return sorted(effects, key=lambda effect: -effect.share)


def interactions(part: Part, points: Sequence[Point], values: Sequence[Sequence[float]]) -> list[Interaction]:
    """How much of the variance between points each two factors explain together beyond what they explain apart.

    Args: as `main_effects`.

    Returns:
        The strongest first; only of two factors all of whose combinations were met.
    """
    means = np.array([float(np.mean(each)) for each in values])
    total = float(means.var())
    result = []
    labels = {field: _levels(part.vary[field], [point[field] for point in points])[0] for field in part.vary}
    for one, other in itertools.combinations(part.vary, 2):
        both = list(zip(labels[one], labels[other], strict=True))
        cells = len(set(labels[one])) * len(set(labels[other]))
        # With one point a cell, two factors' cell means are the points themselves and explain everything.
        if (
            len(set(both)) < cells
            or len(points) < 2 * cells
            or min(len(set(labels[one])), len(set(labels[other]))) < 2
        ):
            continue
        joint = _explained(both, means) - _explained(labels[one], means) - _explained(labels[other], means)
        result.append(Interaction((one, other), max(0.0, joint / total) if total else 0.0))
    return sorted(result, key=lambda interaction: -interaction.share)


def _effect(
    field: str,
    labels: Sequence[str],
    order: Sequence[str],
    points: Sequence[Point],
    values: Sequence[Sequence[float]],
) -> Effect:
    others = [_others(point, field) for point in points]
    met: dict[str, set[str]] = {}
    for label, other in zip(labels, others, strict=True):
        met.setdefault(label, set()).add(other)
    balanced = len({frozenset(each) for each in met.values()}) == 1
    rows = [
        (label, f"{other} seed {seed}", value)
        for label, other, each in zip(labels, others, values, strict=True)
        for seed, value in enumerate(each)
    ]
    overall = float(np.mean([value for _, _, value in rows]))
    # In a balanced plan each block (all else and the seed being equal) has every level once, so that what the block
    # does can be taken out of the comparison of levels.
    block: dict[str, float] = {}
    if balanced:
        for name in {name for _, name, _ in rows}:
            block[name] = float(np.mean([value for _, each, value in rows if each == name])) - overall
    levels = []
    for label in order:
        own = np.array([value - block.get(name, 0.0) for each, name, value in rows if each == label])
        levels.append(Level(label, float(own.mean()), _margin(own), len(own)))
    means = np.array([float(np.mean(each)) for each in values])
    total = float(means.var())
    return Effect(field, tuple(levels), _explained(labels, means) / total if total else 0.0, balanced)


def _margin(values: FloatArray) -> float | None:
    if len(values) < 2:
        return None
    interval = fold_interval(values)
    return (interval.high - interval.low) / 2


def _explained(labels: Sequence[Any], means: FloatArray) -> float:
    """The variance between the means of the groups that `labels` makes."""
    keys = sorted(set(labels))
    number = np.array([keys.index(label) for label in labels])
    groups = np.array([means[number == key].mean() for key in range(len(keys))])
    return float(np.var(groups[number]))


def _levels(choices: list[Any] | Range, values: Sequence[Any]) -> tuple[list[str], list[str]]:
    """A label for each value, and those that occur in their order; a range is cut into pieces with as many each."""
    if isinstance(choices, list):
        labels = [readable(value) for value in values]
        return labels, [readable(choice) for choice in choices if readable(choice) in set(labels)]
    numbers = np.array(values, float)
    if len(set(values)) <= BINS:
        return [readable(value) for value in values], [readable(value) for value in sorted(set(values))]
    cuts = np.unique(np.quantile(numbers, np.linspace(0, 1, BINS + 1)))
    place = np.clip(np.searchsorted(cuts, numbers, side="right") - 1, 0, len(cuts) - 2)
    names = [f"{low:.3g} to {high:.3g}" for low, high in itertools.pairwise(cuts)]
    return [names[each] for each in place], [name for each, name in enumerate(names) if each in set(place)]


def _others(point: Point, field: str) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in point.items() if name != field)


def importances(part: Part, points: Sequence[Point], values: Sequence[Sequence[float]]) -> dict[str, float]:
    """How much each factor matters, by fANOVA over a random forest (Hutter, Hoos and Leyton-Brown 2014).

    Unlike the shares of `main_effects` this needs no plan: points may lie anywhere.

    Args: as `main_effects`.

    Returns:
        Shares that sum to 1, the largest first; empty where too few points differ.
    """
    if len(points) < 2 * len(part.vary) or len({float(np.mean(each)) for each in values}) < 2:
        return {}
    search = optuna.create_study(direction="maximize")
    for point, each in zip(points, values, strict=True):
        search.add_trial(
            optuna.trial.create_trial(
                value=float(np.mean(each)), params=as_params(point), distributions=space_of(part)
            )
        )
    found = optuna.importance.get_param_importances(
        search, evaluator=optuna.importance.FanovaImportanceEvaluator(seed=0)
    )
    return {field: float(share) for field, share in found.items()}
