"""What every metric asks of its arrays before it counts anything."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from twinface.core.errors import DataError
from twinface.core.types import BoolArray, FloatArray


def check_scores(
    scores: ArrayLike, is_match: ArrayLike, *, both_classes: bool = True
) -> tuple[FloatArray, BoolArray]:
    """Return the two arrays as float64 and bool, or say what is wrong with them.

    Args:
        scores: [M] finite numbers.
        is_match: [M] bool, or numbers that are all 0 or 1.
        both_classes: whether at least one genuine and one impostor pair are needed.

    Raises:
        ValueError: the shapes differ or are not [M], or `is_match` is not a yes or no.
        DataError: there are no pairs, a score is not finite, or a kind of pair is missing.
    """
    values = np.asarray(scores, dtype=np.float64)
    labels = np.asarray(is_match)
    if values.ndim != 1 or labels.shape != values.shape:
        raise ValueError(f"found scores {values.shape} and is_match {labels.shape}, need [M] and [M]")
    if len(values) == 0:
        raise DataError("found no scored pairs, need at least one")
    finite = np.isfinite(values)
    if not finite.all():
        raise DataError(
            f"{np.sum(~finite)} of {len(values)} scores are not finite, the first at index "
            f"{int(np.argmin(finite))}: find out where the model or its input went wrong before scoring it"
        )
    if labels.dtype != np.bool_ and not np.isin(labels, (0, 1)).all():
        raise ValueError("is_match must be true or false (or 1 or 0) for each pair")
    match = labels.astype(np.bool_)
    if both_classes and (match.all() or not match.any()):
        raise DataError(
            f"found {np.sum(match)} genuine and {np.sum(~match)} impostor pairs, need at least one of each"
        )
    return values, match


def check_far(far: float) -> None:
    """Raise ValueError unless `far` is a rate in [0, 1]."""
    if not 0 <= far <= 1:
        raise ValueError(f"far is {far}, need a false accept rate in [0, 1], such as 0.01")
