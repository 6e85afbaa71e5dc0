"""Metrics over all thresholds: the ROC curve, AUC, EER and TAR at a FAR.

Fawcett, "An introduction to ROC analysis", Pattern Recognition Letters 27 (2006).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from twinface.core.types import FloatArray, IntArray
from twinface.evaluation.metrics.far import FAR_SLACK, check_far
from twinface.evaluation.metrics.inputs import check_scores


@dataclass(frozen=True, eq=False)
class RocCurve:
    """False and true accept rates at every threshold that changes them, from the strictest to the loosest.

    Attributes:
        far: [K + 1], false accept rate, rising from 0 to 1; K is the number of different scores.
        tar: [K + 1], true accept rate, rising from 0 to 1.
        thresholds: [K + 1], finite and falling; `score >= thresholds[k]` gives exactly `far[k]` and `tar[k]`.
    """

    far: FloatArray
    tar: FloatArray
    thresholds: FloatArray


def cuts(scores: FloatArray) -> tuple[IntArray, FloatArray]:
    """Return every way to split scores by a threshold.

    Args:
        scores: [M] finite.

    Returns:
        accepted: [K + 1] int64, how many pairs each cut accepts, rising from 0 to M; equal scores stay together.
        thresholds: [K + 1], halfway between the lowest accepted and the highest rejected score. The two cuts that
            accept none or all lie half an average gap outside the scores, so they are finite too.
    """
    distinct, counts = np.unique(scores, return_counts=True)
    distinct = distinct[::-1]
    accepted = np.concatenate([[0], np.cumsum(counts[::-1])]).astype(np.int64)
    upper, lower = distinct[:-1], distinct[1:]
    middle = upper / 2 + lower / 2  # not (upper + lower) / 2, which can overflow
    # Between two neighbouring floats there is no middle, and rounding down would accept the lower score.
    middle = np.where(middle > lower, middle, upper)
    if len(distinct) > 1:
        gap = (distinct[0] / 2 - distinct[-1] / 2) / (len(distinct) - 1)
    else:
        gap = 1e-6 * max(1.0, abs(float(distinct[0])))
    top = max(distinct[0] + gap, np.nextafter(distinct[0], np.inf))
    bottom = distinct[-1] - gap
    return accepted, np.concatenate([[top], middle, [bottom]])


def roc_curve(scores: ArrayLike, is_match: ArrayLike) -> RocCurve:
    """Return false and true accept rates over all thresholds.

    Args:
        scores: [M], higher means the same person.
        is_match: [M] bool, with both kinds present.

    Raises:
        ValueError, DataError: see `check_scores`.

    Example:
        >>> curve = roc_curve([4, 3, 2, 1], [True, False, True, False])
        >>> curve.far.tolist(), curve.tar.tolist()
        ([0.0, 0.0, 0.5, 0.5, 1.0], [0.0, 0.5, 0.5, 1.0, 1.0])
        >>> curve.thresholds.tolist()
        [4.5, 3.5, 2.5, 1.5, 0.5]
    """
    values, match = check_scores(scores, is_match)
    accepted, thresholds = cuts(values)
    genuine = np.concatenate([[0], np.cumsum(match[np.argsort(-values, kind="stable")])])[accepted]
    impostor = accepted - genuine
    return RocCurve(far=impostor / impostor[-1], tar=genuine / genuine[-1], thresholds=thresholds)


def area_under_curve(scores: ArrayLike, is_match: ArrayLike) -> float:
    """Return the area under the ROC curve: the chance that a genuine pair scores higher than an impostor pair.

    A tie counts half. The area is computed by trapezoids. It equals the Mann-Whitney U statistic, divided by the
    number of genuine pairs times the number of impostor pairs (Hanley & McNeil, Radiology 143, 1982).

    Args:
        scores: [M], higher means the same person.
        is_match: [M] bool, with both kinds present.

    Returns:
        In [0, 1]; 0.5 for a score that carries no information.

    Raises:
        ValueError, DataError: see `check_scores`.

    Example:
        Of four comparisons, 4 > 3, 4 > 1 and 2 > 1 hold and 2 > 3 does not:

        >>> area_under_curve([4, 3, 2, 1], [True, False, True, False])
        0.75
    """
    curve = roc_curve(scores, is_match)
    return float(np.sum(np.diff(curve.far) * (curve.tar[1:] + curve.tar[:-1])) / 2)


def equal_error_rate(scores: ArrayLike, is_match: ArrayLike) -> float:
    """Return the equal error rate: where false accepts and false rejects are equally frequent.

    Between neighbouring measured points the ROC curve is a straight line. Its convex hull is not used: it would assume
    a mixture of two distant thresholds.

    Args:
        scores: [M], higher means the same person.
        is_match: [M] bool, with both kinds present.

    Returns:
        In [0, 1]; lower is better.

    Raises:
        ValueError, DataError: see `check_scores`.

    Example:
        At a threshold of 2.5, one of two impostor pairs is accepted and one of two genuine pairs is rejected:

        >>> equal_error_rate([4, 3, 2, 1], [True, False, True, False])
        0.5
    """
    curve = roc_curve(scores, is_match)
    excess = curve.far - (1 - curve.tar)  # rises strictly from -1 to 1
    after = int(np.argmax(excess >= 0))
    share = excess[after - 1] / (excess[after - 1] - excess[after])
    return float(curve.far[after - 1] + share * (curve.far[after] - curve.far[after - 1]))


def tar_at_far(scores: ArrayLike, is_match: ArrayLike, far: float) -> float:
    """Return the largest true accept rate whose measured false accept rate is at most `far`.

    Nothing is interpolated: a real threshold reaches this rate on these pairs.

    Args:
        scores: [M], higher means the same person.
        is_match: [M] bool, with both kinds present.
        far: in [0, 1]. `supported_fars` says which of them the pairs can measure.

    Raises:
        ValueError, DataError: see `check_scores`; ValueError for a `far` outside [0, 1].

    Example:
        >>> tar_at_far([4, 3, 2, 1], [True, False, True, False], far=0.1)
        0.5
        >>> tar_at_far([4, 3, 2, 1], [True, False, True, False], far=0.5)
        1.0
    """
    curve = roc_curve(scores, is_match)
    return float(curve.tar[_last_within(curve, far)])


def threshold_at_far(scores: ArrayLike, is_match: ArrayLike, far: float) -> float:
    """Return the loosest threshold whose measured false accept rate is at most `far`.

    It lies halfway between the lowest score it accepts and the highest it rejects. Where even one false accept is too
    many for `far`, it lies above the best impostor pair. It reaches the rate of `tar_at_far`.

    Args, Raises: as `tar_at_far`.

    Example:
        >>> threshold_at_far([4, 3, 2, 1], [True, False, True, False], far=0.1)
        3.5
    """
    curve = roc_curve(scores, is_match)
    return float(curve.thresholds[_last_within(curve, far)])


def _last_within(curve: RocCurve, far: float) -> int:
    """The last place on the curve whose FAR is at most `far`."""
    check_far(far)
    return int(np.searchsorted(curve.far, far * FAR_SLACK, side="right")) - 1
