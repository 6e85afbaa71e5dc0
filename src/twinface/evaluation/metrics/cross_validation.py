"""Accuracy where each fold of the pairs is judged at the best threshold of the other folds."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from twinface.core.errors import DataError
from twinface.core.types import BoolArray, FloatArray, IntArray
from twinface.evaluation.metrics.decisions import accuracy, best_threshold
from twinface.evaluation.metrics.inputs import check_scores


def fold_accuracies(scores: ArrayLike, is_match: ArrayLike, fold: ArrayLike) -> FloatArray:
    """Return the accuracy of each fold at the best threshold of all the other folds.

    With the official folds this is the threshold rule of LFW's View 2 (Huang et al., 2007).

    Args:
        scores: [M], higher means the same person.
        is_match: [M] bool, with both kinds present outside each fold.
        fold: [M], any labels.

    Returns:
        [F] in [0, 1], in the order of the sorted labels.

    Raises:
        ValueError, DataError: see `check_scores`; DataError where there are fewer than two folds, or where one fold
            holds all pairs of one kind.

    Example:
        >>> fold_accuracies([4, 1, 3, 2], [True, False, True, False], fold=[0, 0, 1, 1]).tolist()
        [1.0, 1.0]
    """
    values, match = check_scores(scores, is_match)
    labels = np.asarray(fold)
    if labels.shape != values.shape:
        raise ValueError(f"found fold {labels.shape}, need one label for each of {len(values)} pairs")
    names = np.unique(labels)
    if len(names) < 2:
        raise DataError(f"found {len(names)} fold, need at least two: one is scored at the others' threshold")
    figures = []
    for name in names:
        inside = labels == name
        threshold = best_threshold(values[~inside], match[~inside])
        figures.append(accuracy(values[inside], match[inside], threshold))
    return np.array(figures)


def cross_validated_accuracy(scores: ArrayLike, is_match: ArrayLike, folds: int = 10) -> float:
    """Return the mean accuracy of folds, each at the best threshold of the other folds.

    Pair i of each kind, genuine or impostor, goes to fold `i % folds`. So each fold has the same mix, nothing is
    random, and sorted pairs are no problem.

    Args:
        scores: [M], higher means the same person.
        is_match: [M] bool, with at least `folds` of both kinds.
        folds: at least 2.

    Returns:
        In [0, 1].

    Raises:
        ValueError, DataError: see `check_scores`; ValueError for fewer than two folds; DataError for too few pairs.

    Example:
        >>> cross_validated_accuracy([6, 5, 2, 1], [True, True, False, False], folds=2)
        1.0
    """
    values, match, fold = _with_folds(scores, is_match, folds)
    return float(fold_accuracies(values, match, fold).mean())


def cross_validated_right(scores: ArrayLike, is_match: ArrayLike, folds: int = 10) -> BoolArray:
    """Return whether each pair is judged correctly at the best threshold of the other folds.

    Args, Raises: as `cross_validated_accuracy`.

    Returns:
        [M] bool.

    Example:
        >>> cross_validated_right([6, 5, 2, 1], [True, True, False, False], folds=2).tolist()
        [True, True, True, True]
    """
    values, match, fold = _with_folds(scores, is_match, folds)
    right = np.empty(len(values), bool)
    for name in range(folds):
        inside = fold == name
        right[inside] = (values[inside] >= best_threshold(values[~inside], match[~inside])) == match[inside]
    return right


def _with_folds(scores: ArrayLike, is_match: ArrayLike, folds: int) -> tuple[FloatArray, BoolArray, IntArray]:
    """Return the checked scores and labels, and the fold [M] of each pair."""
    values, match = check_scores(scores, is_match)
    rarer = int(min(match.sum(), (~match).sum()))
    if folds < 2:
        raise ValueError(f"found folds={folds}, need at least 2")
    if rarer < folds:
        raise DataError(
            f"found {rarer} pairs of the rarer kind, need one for each of {folds} folds: use fewer folds"
        )
    place_in_kind = np.where(match, np.cumsum(match), np.cumsum(~match)) - 1
    return values, match, place_in_kind % folds
