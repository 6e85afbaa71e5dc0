"""Statistics that the projections are made of: principal components, covariance within people, whitening matrices."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from twinface.core.errors import DataError
from twinface.core.types import Float32Array, FloatArray, IntArray

ROWS = 1024  # embeddings that are converted to double precision at a time
LONG = 6000  # longer embeddings have their principal components found by random projections


def principal_components(
    embeddings: Float32Array, size: int | None
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """The largest principal components of embeddings `[N, D]`.

    Args:
        embeddings: [N, D].
        size: how many to keep; None keeps all D.

    Returns:
        The mean [D], the principal axes as columns [D, P], and the centred embeddings along them [N, P]. Where there
        are no more than `size` embeddings, they vary along fewer axes; any others at right angles fill up.
    """
    mean = embeddings.mean(axis=0, dtype=np.float64)
    length = embeddings.shape[1]
    if size is None or size >= length:
        return mean, np.eye(length), embeddings - mean
    if len(embeddings) <= size:
        few = embeddings - mean
        others = np.random.default_rng(0).normal(size=(length, size - len(few)))
        axes = np.linalg.qr(np.hstack([np.linalg.svd(few, full_matrices=False)[2].T, others]))[0]
        return mean, axes, few @ axes
    if length > LONG:
        from sklearn.utils.extmath import randomized_svd

        # A covariance matrix of this size would not fit into memory.
        centred = embeddings - mean.astype(np.float32)
        axes = randomized_svd(centred, size, n_iter=4, random_state=0)[2].T
        return mean, axes.astype(np.float64), (centred @ axes).astype(np.float64)
    from scipy.linalg import eigh

    # In double precision a few rows at a time, and only the axes that are kept: all at once would take four times the
    # memory of the embeddings.
    scatter = sum((part.T @ part for part in _centred(embeddings, mean)), np.zeros((length, length)))
    axes = eigh(scatter, subset_by_index=(length - size, length - 1), overwrite_a=True)[1][:, ::-1]
    return mean, axes, np.concatenate([part @ axes for part in _centred(embeddings, mean)])


def _centred(embeddings: Float32Array, mean: FloatArray) -> Iterator[FloatArray]:
    """`embeddings - mean`, `ROWS` rows at a time."""
    for start in range(0, len(embeddings), ROWS):
        yield embeddings[start : start + ROWS] - mean


def within_people(centred: FloatArray, people: IntArray) -> FloatArray:
    """The covariance `[P, P]` within people, estimated from those with two pictures or more.

    Args:
        centred: [N, P].
        people: [N], the number of the person on each picture.

    Raises:
        DataError: nobody has two pictures that differ.
    """
    counts = np.bincount(people)
    sums = np.zeros((len(counts), centred.shape[1]))
    np.add.at(sums, people, centred)
    repeated = counts[people] > 1
    if not repeated.any():
        raise DataError(
            "projection: found nobody with two pictures, need somebody to measure how pictures of one person differ; "
            'set projection.name to "none"'
        )
    within = (centred - sums[people] / counts[people, None])[repeated]
    # Each person's mean takes one degree of freedom.
    covariance: FloatArray = within.T @ within / (len(within) - (counts > 1).sum())
    # Equal up to rounding.
    if np.trace(covariance) <= 1e-10 * np.square(centred).sum(axis=1).mean():
        raise DataError(
            "projection: all pictures of each person are equal, need somebody with different ones to measure how "
            'pictures of one person differ; set projection.name to "none"'
        )
    return covariance


def whitening_matrix(covariance: FloatArray, shrinkage: float) -> FloatArray:
    """W such that `W W^T` is the inverse of the covariance after shrinkage towards a multiple of the identity.

    Args:
        covariance: [P, P].
        shrinkage: how much of the mean variance is added to each variance.
    """
    size = len(covariance)
    shrunk = covariance + shrinkage * np.trace(covariance) / size * np.eye(size)
    matrix: FloatArray = np.linalg.inv(np.linalg.cholesky(shrunk)).T
    return matrix
