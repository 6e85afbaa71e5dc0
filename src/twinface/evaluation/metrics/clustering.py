"""How well groups of faces are people: pairwise F and BCubed F."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from twinface.core.errors import DataError
from twinface.core.types import FloatArray


@dataclass(frozen=True)
class GroupingScore:
    """Precision, recall and their harmonic mean F, each in [0, 1].

    Attributes:
        precision: how much of a group is one person.
        recall: how much of a person is in one group.
    """

    precision: float
    recall: float

    @property
    def f(self) -> float:
        """The harmonic mean of precision and recall."""
        total = self.precision + self.recall
        return 2 * self.precision * self.recall / total if total else 0.0


def bcubed(people: ArrayLike, groups: ArrayLike) -> GroupingScore:
    """BCubed precision and recall (Bagga and Baldwin 1998): means over faces, so that each face counts once.

    The precision of a face is the fraction of its group that is the same person; its recall the fraction of its person
    that is in the same group. The face itself is counted.

    Args:
        people: [N] whose each face is.
        groups: [N] the group of each face.

    Raises:
        DataError: there is no face, or another number of groups.

    Example:
        >>> bcubed([1, 1, 1, 2], [0, 0, 1, 1])
        GroupingScore(precision=0.75, recall=0.6666666666666666)
    """
    counts, of_person, of_group, both = _table(people, groups)
    common = counts[both]
    return GroupingScore(float(np.mean(common / of_group)), float(np.mean(common / of_person)))


def pairwise(people: ArrayLike, groups: ArrayLike) -> GroupingScore:
    """Precision and recall over all pairs of faces; large groups and people count more.

    Args, Raises: see `bcubed`.

    Example:
        >>> pairwise([1, 1, 1, 2], [0, 0, 1, 1])
        GroupingScore(precision=0.5, recall=0.3333333333333333)
    """
    counts, of_person, of_group, _ = _table(people, groups)

    def pairs(sizes: FloatArray) -> float:
        return float((sizes * (sizes - 1)).sum() / 2)

    right = pairs(counts)
    # Each face has the size of its own group here, so a group of n faces is in the sum n times.
    grouped, same = float((of_group - 1).sum() / 2), float((of_person - 1).sum() / 2)
    return GroupingScore(right / grouped if grouped else 1.0, right / same if same else 1.0)


def _table(people: ArrayLike, groups: ArrayLike) -> tuple[FloatArray, FloatArray, FloatArray, np.ndarray]:
    """Sizes of the parts that person and group have in common; then for each face the sizes of its person and its
    group, and the number of its part.
    """
    first, second = np.asarray(people), np.asarray(groups)
    if first.shape != second.shape or first.ndim != 1 or not len(first):
        raise DataError(
            f"found {first.shape} people and {second.shape} groups, need as many of both, at least one"
        )
    _, person, person_sizes = np.unique(first, return_inverse=True, return_counts=True)
    _, group, group_sizes = np.unique(second, return_inverse=True, return_counts=True)
    _, both, sizes = np.unique(person * len(first) + group, return_inverse=True, return_counts=True)
    return sizes.astype(float), person_sizes[person].astype(float), group_sizes[group].astype(float), both
