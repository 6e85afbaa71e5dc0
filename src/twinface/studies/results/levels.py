"""The levels of a factor: its values, or sections of its range."""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np

from twinface.core.types import FloatArray
from twinface.studies.study_file.point import readable
from twinface.studies.study_file.search import Range

SECTIONS = 4  # that a range is divided into


def levels_of(choices: list[Any] | Range, values: Sequence[Any]) -> tuple[list[str], list[str]]:
    """The level of each value.

    A range is divided into four sections with about the same number of values each, unless there are at most four
    different values.

    Args:
        choices: of the factor, from the study file.
        values: of the factor at each point.

    Returns:
        A label for each value, and the different labels in their order.

    >>> levels_of([16, 32, 64], [32, 16, 32])
    (['32', '16', '32'], ['16', '32'])
    """
    if not isinstance(choices, list) and len(set(values)) <= SECTIONS:
        choices = sorted(set(values))
    if isinstance(choices, list):
        names = dict(zip(map(repr, choices), _different(choices), strict=True))
        labels = [names[repr(value)] for value in values]
        return labels, [name for name in names.values() if name in set(labels)]
    numbers = np.array(values, float)
    cuts = np.unique(np.quantile(numbers, np.linspace(0, 1, SECTIONS + 1)))
    section = np.clip(np.searchsorted(cuts, numbers, side="right") - 1, 0, len(cuts) - 2)
    ends = next(
        texts for digits in range(3, 18) if _all_differ(texts := [f"{cut:.{digits}g}" for cut in cuts])
    )
    sections = [f"{low} to {high}" for low, high in itertools.pairwise(ends)]
    return [sections[each] for each in section], [
        name for each, name in enumerate(sections) if each in set(section)
    ]


def _different(values: Sequence[Any]) -> list[str]:
    """Short texts of values that differ; as many digits as there are where the short ones do not."""
    short = [readable(value) for value in values]
    return short if _all_differ(short) else [str(value) for value in values]


def _all_differ(texts: Sequence[str]) -> bool:
    return len(set(texts)) == len(texts)


def variance_explained(labels: Sequence[Hashable], means: FloatArray) -> float:
    """The variance between the means of the groups that labels define, each group weighted by its size.

    Args:
        labels: of each point; points with equal labels are one group.
        means: `[N]` float64, the objective of each point.

    >>> variance_explained(["a", "a", "b", "b"], np.array([0.0, 2.0, 4.0, 6.0]))
    4.0
    """
    keys = list(dict.fromkeys(labels))
    number = np.array([keys.index(label) for label in labels])
    groups = np.array([means[number == key].mean() for key in range(len(keys))])
    return float(np.var(groups[number]))
