"""Which factors matter, alone and together: interactions of two factors, and fANOVA."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import optuna

from twinface.studies.results.levels import levels_of, variance_explained
from twinface.studies.study_file.point import Point
from twinface.studies.study_file.search import Search
from twinface.studies.trials.proposals import as_params, space_of


@dataclass(frozen=True)
class Interaction:
    """The effect of two factors together, beyond the effects of both alone.

    Attributes:
        fields: the two factors.
        share: of the variance between points, in [0, 1].
    """

    fields: tuple[str, str]
    share: float


def interactions(
    search: Search, points: Sequence[Point], values: Sequence[Sequence[float]]
) -> tuple[Interaction, ...]:
    """The interaction of every two factors, the strongest first.

    Two factors are left out unless all combinations of their levels occur, on average at least twice: with one point
    for each combination, the combinations would explain everything.

    Args:
        search: the search.
        points: its points that have finished.
        values: for each point, the objective of each run, in the order of the seeds.
    """
    means = np.array([float(np.mean(each)) for each in values])
    total = float(means.var())
    labels = {
        field: levels_of(choices, [point[field] for point in points])[0]
        for field, choices in search.vary.items()
    }
    found = []
    for one, other in itertools.combinations(search.vary, 2):
        both = list(zip(labels[one], labels[other], strict=True))
        levels = len(set(labels[one])), len(set(labels[other]))
        cells = levels[0] * levels[1]
        if min(levels) < 2 or len(set(both)) < cells or len(points) < 2 * cells:
            continue
        alone = variance_explained(labels[one], means) + variance_explained(labels[other], means)
        joint = variance_explained(both, means) - alone
        found.append(Interaction((one, other), max(0.0, joint / total) if total else 0.0))
    return tuple(sorted(found, key=lambda interaction: -interaction.share))


def importances(
    search: Search, points: Sequence[Point], values: Sequence[Sequence[float]]
) -> dict[str, float]:
    """How much each factor matters, by fANOVA over a random forest (Hutter, Hoos and Leyton-Brown 2014).

    Unlike the shares of `main_effects`, this does not need a balanced plan.

    Args:
        search: the search.
        points: its points that have finished.
        values: for each point, the objective of each run, in the order of the seeds.

    Returns:
        For each factor its share, the largest first; the shares sum to 1. Empty if too few points differ.
    """
    if len(points) < 2 * len(search.vary) or len({float(np.mean(each)) for each in values}) < 2:
        return {}
    evaluated = optuna.create_study(direction="maximize")
    for point, each in zip(points, values, strict=True):
        evaluated.add_trial(
            optuna.trial.create_trial(
                value=float(np.mean(each)), params=as_params(point), distributions=space_of(search)
            )
        )
    shares = optuna.importance.get_param_importances(
        evaluated, evaluator=optuna.importance.FanovaImportanceEvaluator(seed=0)
    )
    return {field: float(share) for field, share in shares.items()}
