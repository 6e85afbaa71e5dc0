"""The checks that every metric makes on its arrays before it counts anything."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from twinface.core.errors import DataError
from twinface.core.types import BoolArray, FloatArray


def check_scores(
    scores: ArrayLike, is_match: ArrayLike, *, both_classes: bool = True
) -> tuple[FloatArray, BoolArray]:
    """Return scores and labels as float64 and bool arrays, after a check of both.

    Args:
        scores: [M] finite numbers.
        is_match: [M] bool, or numbers that are all 0 or 1.
        both_classes: whether at least one genuine and one impostor pair are needed.

    Returns:
        scores: [M] float64.
        is_match: [M] bool.

    Raises:
        ValueError: the shapes differ or are not [M], or a label is not true or false.
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
