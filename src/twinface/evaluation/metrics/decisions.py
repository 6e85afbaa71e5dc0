"""Metrics at one threshold, and the threshold with the best accuracy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from twinface.evaluation.metrics.inputs import check_scores
from twinface.evaluation.metrics.roc import cuts


@dataclass(frozen=True)
class Confusion:
    """How many pairs of each kind were accepted and rejected at one threshold."""

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
        """The share of pairs that were judged correctly, in [0, 1]."""
        return (self.true_accept + self.true_reject) / self.total


def confusion(scores: ArrayLike, is_match: ArrayLike, threshold: float) -> Confusion:
    """Count correct and wrong verdicts of `score >= threshold`.

    Args:
        scores: [M], higher means the same person.
        is_match: [M] bool; one kind alone is enough.
        threshold: in the units of the scores.

    Raises:
        ValueError, DataError: see `check_scores`; ValueError where the threshold is NaN.

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
    """Return the share of pairs, in [0, 1], that `score >= threshold` judges correctly.

    Args, Raises: as `confusion`.

    Example:
        >>> accuracy([4, 3, 2, 1], [True, False, True, False], threshold=3.5)
        0.75
    """
    return confusion(scores, is_match, threshold).accuracy


def best_threshold(scores: ArrayLike, is_match: ArrayLike) -> float:
    """Return the threshold with the highest accuracy on these pairs.

    It lies halfway between two neighbouring scores. Where it is best to accept all or none, it lies half an average gap
    outside the scores. Of several thresholds with the same accuracy the middle one is taken (of two middle ones the
    stricter): it depends less on luck than the first or the last.

    Args:
        scores: [M], higher means the same person.
        is_match: [M] bool, with both kinds present.

    Returns:
        A finite number.

    Raises:
        ValueError, DataError: see `check_scores`.

    Example:
        Thresholds 3.5 and 1.5 are both correct three times in four, and 3.5 is the stricter:

        >>> best_threshold([4, 3, 2, 1], [True, False, True, False])
        3.5
    """
    values, match = check_scores(scores, is_match)
    accepted, thresholds = cuts(values)
    order = np.argsort(-values, kind="stable")
    # How many more pairs are judged correctly than if none were accepted: a genuine pair adds 1, an impostor takes 1.
    gain = np.concatenate([[0], np.cumsum(np.where(match, 1, -1)[order])])[accepted]
    ties = np.flatnonzero(gain == gain.max())
    return float(thresholds[ties[(len(ties) - 1) // 2]])
