"""Metrics at one threshold, and the choice of that threshold for accuracy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from twinface.core.errors import DataError
from twinface.core.types import BoolArray, FloatArray, IntArray
from twinface.evaluation.metrics.inputs import check_scores
from twinface.evaluation.metrics.roc import cuts


@dataclass(frozen=True)
class Confusion:
    """How many pairs met each of the four fates at one threshold."""

    true_accept: int
    false_reject: int
    false_accept: int
    true_reject: int

    @property
    def total(self) -> int:
        """The number of pairs."""
        return self.true_accept + self.false_reject + self.false_accept + self.true_reject

    @property
    def accuracy(self) -> float:
        """The share of pairs that were judged rightly."""
        return (self.true_accept + self.true_reject) / self.total


def confusion(scores: ArrayLike, is_match: ArrayLike, threshold: float) -> Confusion:
    """Count the verdicts `score >= threshold`.

    Args:
        scores: [M], higher means the same person.
        is_match: [M] bool; one kind alone will do.
        threshold: in the units of the scores.

    Raises:
        ValueError, DataError: see `check_scores`; a threshold that is not a number.

    Example:
        >>> confusion([4, 3, 2, 1], [True, False, True, False], threshold=3)
        Confusion(true_accept=1, false_reject=1, false_accept=1, true_reject=1)
    """
    values, match = check_scores(scores, is_match, both_classes=False)
    if np.isnan(threshold):
        raise ValueError("the threshold is not a number")
    accepted = values >= threshold
    return Confusion(
        true_accept=int(np.sum(accepted & match)),
        false_reject=int(np.sum(~accepted & match)),
        false_accept=int(np.sum(accepted & ~match)),
        true_reject=int(np.sum(~accepted & ~match)),
    )


def accuracy(scores: ArrayLike, is_match: ArrayLike, threshold: float) -> float:
    """Return the share of pairs, in [0, 1], that `score >= threshold` judges rightly.

    Args, Raises: as `confusion`.

    Example:
        >>> accuracy([4, 3, 2, 1], [True, False, True, False], threshold=3.5)
        0.75
    """
    return confusion(scores, is_match, threshold).accuracy


def best_threshold(scores: ArrayLike, is_match: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Return the threshold with the highest accuracy on these pairs.

    It lies halfway between two neighbouring scores, or half an average gap outside all of them where it is
    best to accept all or none. Of several thresholds that are equally accurate the middle one is taken
    (of two middle ones the stricter): it is less a matter of luck than the first or the last.

    Args:
        scores: [M], higher means the same person.
        is_match: [M] bool, with both kinds present.
        weights: [M] >= 0, how much each pair counts; equal where left out, which is plain accuracy.

    Returns:
        A finite number.

    Raises:
        ValueError, DataError: see `check_scores`; weights that are negative, not finite or all zero.

    Example:
        Thresholds 3.5 and 1.5 are both right three times in four, and 3.5 is the stricter:

        >>> best_threshold([4, 3, 2, 1], [True, False, True, False])
        3.5
    """
    values, match = check_scores(scores, is_match)
    weight = np.ones(len(values)) if weights is None else np.asarray(weights, dtype=np.float64)
    if weight.shape != values.shape or not (np.isfinite(weight).all() and weight.min() >= 0 < weight.sum()):
        raise ValueError(f"weights must be [{len(values)}] finite, none negative and not all zero")
    accepted, thresholds = cuts(values)
    order = np.argsort(-values, kind="stable")
    # What accepting the best-scored pairs wins (genuine) and loses (impostor) against accepting none.
    gain = np.concatenate([[0.0], np.cumsum(np.where(match, weight, -weight)[order])])[accepted]
    ties = np.flatnonzero(gain >= gain.max() - 1e-12 * weight.sum())
    return float(thresholds[ties[(len(ties) - 1) // 2]])


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
        ValueError, DataError: see `check_scores`; fewer than two folds; a fold that holds all of one kind.

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
    """Return the accuracy with each fold scored at the best threshold of the other folds.

    Folds are dealt like cards, genuine and impostor pairs apart: the i-th of a kind goes to fold `i % folds`.
    So each fold has the same mix, nothing is random, and pairs that come sorted do no harm.

    Args:
        scores: [M], higher means the same person.
        is_match: [M] bool, with at least `folds` of both kinds.
        folds: at least 2.

    Returns:
        The mean over the folds, in [0, 1].

    Raises:
        ValueError, DataError: see `check_scores`; too few folds, or too few pairs for them.

    Example:
        >>> cross_validated_accuracy([6, 5, 2, 1], [True, True, False, False], folds=2)
        1.0
    """
    values, match, fold = _dealt(scores, is_match, folds)
    return float(fold_accuracies(values, match, fold).mean())


def cross_validated_right(scores: ArrayLike, is_match: ArrayLike, folds: int = 10) -> BoolArray:
    """Return whether each pair is judged rightly at the best threshold of the other folds.

    Args, Raises: as `cross_validated_accuracy`.

    Returns:
        [M] bool.

    Example:
        >>> cross_validated_right([6, 5, 2, 1], [True, True, False, False], folds=2).tolist()
        [True, True, True, True]
    """
    values, match, fold = _dealt(scores, is_match, folds)
    right = np.empty(len(values), bool)
    for name in range(folds):
        inside = fold == name
        right[inside] = (values[inside] >= best_threshold(values[~inside], match[~inside])) == match[inside]
    return right


def _dealt(scores: ArrayLike, is_match: ArrayLike, folds: int) -> tuple[FloatArray, BoolArray, IntArray]:
    """Scores, labels and fold [M] of each pair."""
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
