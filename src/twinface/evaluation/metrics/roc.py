"""Metrics over all thresholds: the ROC curve and what is read off it.

Fawcett, "An introduction to ROC analysis", Pattern Recognition Letters 27 (2006).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from twinface.core.errors import DataError
from twinface.core.types import FloatArray, IntArray
from twinface.evaluation.metrics.inputs import check_far, check_scores

# FARs are compared with this much slack, so that 29 of 100 false accepts do not exceed a FAR of 0.29
# merely because 0.29 * 100 is 28.999999999999996 in floating point.
FAR_SLACK = 1 + 1e-9


@dataclass(frozen=True, eq=False)
class RocCurve:
    """Both rates at every threshold that makes a difference, from the strictest to the loosest.

    Attributes:
        far: [K + 1], false accept rate, rising from 0 to 1; K is the number of distinct scores.
        tar: [K + 1], true accept rate, rising from 0 to 1.
        thresholds: [K + 1], finite and falling; `score >= thresholds[k]` gives exactly `far[k]`, `tar[k]`.
    """

    far: FloatArray
    tar: FloatArray
    thresholds: FloatArray


def cuts(scores: FloatArray) -> tuple[IntArray, FloatArray]:
    """Return every way to split scores by a threshold.

    Args:
        scores: [M] finite.

    Returns:
        accepted: [K + 1] int64, how many pairs each cut accepts, rising from 0 to M; ties stay together.
        thresholds: [K + 1], halfway between the lowest accepted and the highest refused score. The two cuts
            that accept none or all stand half an average gap outside the scores, so they are finite too.
    """
    distinct, counts = np.unique(scores, return_counts=True)
    distinct = distinct[::-1]
    accepted = np.concatenate([[0], np.cumsum(counts[::-1])]).astype(np.int64)
    upper, lower = distinct[:-1], distinct[1:]
    middle = upper / 2 + lower / 2  # not (upper + lower) / 2, which can overflow
    # Between neighbouring floats there is no middle, and rounding down would accept the lower score.
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
    """Return the chance that a genuine pair outscores an impostor pair, a tie counting half.

    This is the area under the ROC curve by trapezoids and equals the Mann-Whitney U statistic over the
    number of genuine times impostor pairs (Hanley & McNeil, Radiology 143, 1982).

    Args:
        scores: [M], higher means the same person.
        is_match: [M] bool, with both kinds present.

    Returns:
        In [0, 1]; 0.5 for a score that says nothing.

    Raises:
        ValueError, DataError: see `check_scores`.

    Example:
        Of four comparisons 4 > 3, 4 > 1 and 2 > 1 are right and 2 > 3 is wrong:

        >>> area_under_curve([4, 3, 2, 1], [True, False, True, False])
        0.75
    """
    curve = roc_curve(scores, is_match)
    return float(np.sum(np.diff(curve.far) * (curve.tar[1:] + curve.tar[:-1])) / 2)


def equal_error_rate(scores: ArrayLike, is_match: ArrayLike) -> float:
    """Return the error rate where false accepts and false rejects are equally frequent.

    The ROC curve is taken as straight between neighbouring measured points (not as its convex hull, which
    would promise the mixture of two far-apart thresholds).

    Args:
        scores: [M], higher means the same person.
        is_match: [M] bool, with both kinds present.

    Returns:
        In [0, 1]; lower is better.

    Raises:
        ValueError, DataError: see `check_scores`.

    Example:
        Between 2 and 3, one of two impostors is accepted and one of two genuine pairs is refused:

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

    Nothing is interpolated: the figure is one that a real threshold reaches on these pairs.

    Args:
        scores: [M], higher means the same person.
        is_match: [M] bool, with both kinds present.
        far: in [0, 1]. See `supported_fars` for which of them the pairs can measure.

    Raises:
        ValueError, DataError: see `check_scores`; a `far` outside [0, 1].

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

    It lies halfway between the lowest score it accepts and the highest it refuses; where even one false
    accept is too many for `far`, it lies above the best impostor.

    Args, Raises: as `tar_at_far`, whose rate this threshold reaches.

    Example:
        >>> threshold_at_far([4, 3, 2, 1], [True, False, True, False], far=0.1)
        3.5
    """
    curve = roc_curve(scores, is_match)
    return float(curve.thresholds[_last_within(curve, far)])


def require_supported_far(far: float, impostors: int) -> None:
    """Raise DataError where `impostors` pairs expect fewer than 3 false accepts at `far`."""
    check_far(far)
    if far * impostors * FAR_SLACK < 3:
        needed = f"need at least {math.ceil(3 / far)}" if far > 0 else "no number of pairs shows that it is 0"
        raise DataError(
            f"found {impostors} impostor pairs, which expect {far * impostors:.2g} false accepts at a FAR of "
            f"{far:g}; {needed}: ask for a larger FAR or score more impostor pairs"
        )


def _last_within(curve: RocCurve, far: float) -> int:
    check_far(far)
    return int(np.searchsorted(curve.far, far * FAR_SLACK, side="right")) - 1


def supported_fars(impostors: int) -> list[tuple[float, bool]]:
    """Return which of the FARs 1e-1, 1e-2, 1e-3, … a number of impostor pairs can measure.

    The rule of 30 (Doddington et al., Speech Communication 31, 2000): with 30 expected false accepts a rate
    is within about 30 % of the truth at 90 % confidence.

    Args:
        impostors: the number of impostor pairs.

    Returns:
        (far, hedged) from the largest FAR down: not hedged with 30 or more expected false accepts, hedged
        with 3 to 30. FARs with fewer than 3 are left out.

    Example:
        >>> supported_fars(500)
        [(0.1, False), (0.01, True)]
    """
    fars = []
    exponent = 1
    while impostors >= 3 * 10**exponent:
        fars.append((float(f"1e-{exponent}"), impostors < 30 * 10**exponent))
        exponent += 1
    return fars
