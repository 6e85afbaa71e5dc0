"""Several faces of one person → one template."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from twinface.core.types import Float32Array

UNKNOWN_QUALITY = 50  # of a picture that was taken as it is
_LEAST = 10  # a poor face counts a little, or a person with poor faces alone would have no template


def fuse(vectors: Float32Array, quality: ArrayLike, distance: str) -> Float32Array:
    """The mean of embeddings, weighted by quality.

    Embeddings that are compared by their angle are brought to one length first, so that each has the weight of its
    quality alone. So the mean is shorter than 1, the more the less alike the faces are; see `engine.score_templates`.

    Args:
        vectors: [N, D] float32, N at least 1.
        quality: [N], 0 to 100.
        distance: an entry of `models.distances.DISTANCES`.

    Returns:
        [D] float32.

    Example:
        >>> fuse(np.array([[2.0, 0.0], [0.0, 1.0]], np.float32), [50, 50], "cosine").round(2).tolist()
        [0.5, 0.5]
    """
    weights = np.maximum(np.asarray(quality, np.float32), _LEAST)
    weights = weights / weights.sum()
    prepared = vectors.astype(np.float32, copy=True)
    angular = prepared[:, : angular_length(vectors.shape[1], distance)]
    angular /= np.maximum(np.linalg.norm(angular, axis=1, keepdims=True), 1e-12)
    return np.asarray(weights @ prepared, np.float32)


def can_be_compared(vectors: Float32Array, distance: str) -> bool:
    """Whether all numbers of [N, D] embeddings are finite and, where their angle counts, each has one.

    >>> [can_be_compared(np.zeros((1, 2), np.float32), distance) for distance in ("euclidean", "cosine")]
    [True, False]
    """
    length = angular_length(vectors.shape[1], distance)
    with np.errstate(over="ignore"):
        norms = np.linalg.norm(vectors[:, :length], axis=1)
    has_angle = np.isfinite(norms) & (norms > 0) if length else True
    return bool(np.isfinite(vectors).all() and np.all(has_angle))


def angular_length(size: int, distance: str) -> int:
    """How many of an embedding's numbers are compared by their angle: all, all but the last, or none."""
    return {"cosine": size, "local-cosine": max(0, size - 1)}.get(distance, 0)
