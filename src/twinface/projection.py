"""A linear map on embeddings, fitted in closed form to the training people once the network is trained.

A new one is one function here and one line in `PROJECTIONS`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from twinface.errors import DataError
from twinface.types import Float32Array, FloatArray, IntArray


class Projection(nn.Module):
    """`(embeddings - mean) @ matrix`.

    Args:
        mean: [D].
        matrix: [D, P].
    """

    mean: Tensor
    matrix: Tensor

    def __init__(self, mean: Tensor, matrix: Tensor) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("matrix", matrix)

    def forward(self, embeddings: Tensor) -> Tensor:
        """`[B, D] -> [B, P]`."""
        return (embeddings - self.mean) @ self.matrix


Fitted = tuple[FloatArray, FloatArray]


def none(embeddings: Float32Array, people: IntArray) -> None:
    """No projection."""


def whitening(
    embeddings: Float32Array,
    people: IntArray,
    *,
    shrinkage: Annotated[float, Field(gt=0)] = 1.0,
    size: Annotated[int, Field(ge=1)] | None = None,
) -> Fitted:
    """Within-class covariance normalisation (Hatch, Kajarekar and Stolcke 2006).

    Directions in which pictures of one person differ count less. The covariance within people is pulled towards a
    multiple of the identity, since training people say little of directions that the network has learnt by heart.

    Args:
        embeddings: [N, D].
        people: [N] whose picture each is.
        shrinkage: what is added to the covariance, in units of its own mean variance.
        size: keep so many principal components first; None keeps all.

    Returns:
        Mean [D] and matrix [D, P].

    Raises:
        DataError: nobody has two pictures.
    """
    mean = embeddings.mean(axis=0, dtype=np.float64)
    centred = embeddings - mean
    axes = np.eye(centred.shape[1])
    if size is not None and size < len(axes):
        axes = np.linalg.eigh(centred.T @ centred)[1][:, ::-1][:, :size]
        centred = centred @ axes
    counts = np.bincount(people)
    sums = np.zeros((len(counts), centred.shape[1]))
    np.add.at(sums, people, centred)
    repeated = counts[people] > 1
    if not repeated.any():
        raise DataError(
            "projection: found nobody with two pictures, and so no spread within people to whiten"
        )
    within = (centred - sums[people] / counts[people, None])[repeated]
    # A person's mean takes one degree of freedom from their pictures.
    covariance = within.T @ within / (len(within) - (counts > 1).sum())
    covariance += shrinkage * np.trace(covariance) / len(covariance) * np.eye(len(covariance))
    return mean, axes @ np.linalg.inv(np.linalg.cholesky(covariance)).T


def fitted_projection(fit: Fitted | None) -> Projection | None:
    """The module for what a function of `PROJECTIONS` found."""
    if fit is None:
        return None
    mean, matrix = (torch.from_numpy(part.astype(np.float32)) for part in fit)
    return Projection(mean, matrix)


PROJECTIONS: dict[str, Callable[..., Fitted | None]] = {"none": none, "whitening": whitening}
