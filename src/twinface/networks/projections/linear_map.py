"""Fitted projections as modules: a linear map for each part of an embedding.

Each part (each member of a committee) has its own map. One map fitted to all parts together is less accurate
(docs/accuracy.md).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from twinface.core.types import Float32Array, FloatArray, IntArray

TINY = 1e-12


class FittedMap(NamedTuple):
    """The map that was fitted to one part of an embedding, of length D.

    Attributes:
        mean: [D], subtracted first.
        matrix: [D, P].
        variances: [P], the variance between people along each coordinate, in units of the variance within people; None
            if the method does not estimate it.
    """

    mean: FloatArray
    matrix: FloatArray
    variances: FloatArray | None = None


class LinearMap(nn.Module):
    """`(embeddings - mean) @ matrix`.

    Args:
        mean, matrix, variances: see `FittedMap`.
    """

    mean: Tensor
    matrix: Tensor
    variances: Tensor | None

    def __init__(self, mean: Tensor, matrix: Tensor, variances: Tensor | None = None) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("matrix", matrix)
        self.register_buffer("variances", variances)

    def forward(self, embeddings: Tensor) -> tuple[Tensor, Tensor]:
        """Embeddings `[B, D]` → mapped `[B, P]`, and the clarity of each picture `[B]`.

        Of a coordinate z with variance v between people, PLDA attributes z v / (1 + v) to the person and the rest,
        z / (1 + v), to chance. Clarity is the logarithm of the ratio of the lengths of these two vectors. It is 0
        where variances are not estimated.
        """
        mapped = (embeddings - self.mean) @ self.matrix
        if self.variances is None:
            return mapped, torch.zeros_like(mapped[:, 0])
        of_person, of_chance = (
            each.square().sum(1).clamp_min(TINY) for each in (mapped, mapped / self.variances)
        )
        return mapped, (of_person.log() - of_chance.log()) / 2


def join_parts(parts: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
    """Parts `[B, D_i]` → embeddings `[B, D]`: each part is scaled to its weight as length, then all are joined."""
    each = [
        weight * nn.functional.normalize(part, dim=1) for weight, part in zip(weights, parts, strict=True)
    ]
    return torch.cat(each, dim=1)


class Projection(nn.Module):
    """A linear map for each part of an embedding; each result is scaled to its weight as length.

    Args:
        maps: one for each part.
        weights: of the parts in a comparison.
    """

    def __init__(self, maps: Sequence[LinearMap], weights: Sequence[float]) -> None:
        super().__init__()
        self.maps = nn.ModuleList(maps)
        self.weights = tuple(weights)
        self.sizes = [part.mean.shape[0] for part in maps]
        self.embedding_size = sum(part.matrix.shape[1] for part in maps)

    def forward(self, embeddings: Tensor) -> tuple[Tensor, Tensor]:
        """Embeddings `[B, D]` → mapped `[B, P]`, and the clarity `[B]`, which is the mean over the parts."""
        parts = torch.split(embeddings, self.sizes, dim=1)
        results = [linear_map(part) for linear_map, part in zip(self.maps, parts, strict=True)]
        joined = join_parts([mapped for mapped, _ in results], self.weights)
        return joined, torch.stack([clarity for _, clarity in results]).mean(0)


def fit_parts(
    fit: Callable[[Float32Array, IntArray], FittedMap | None],
    embeddings: Float32Array,
    people: IntArray,
    sizes: Sequence[int],
    weights: Sequence[float],
) -> Projection | None:
    """Fits a map to each part of the embeddings.

    Args:
        fit: embeddings [N, D_i] and people [N] → the map of a part, or None for no projection.
        embeddings: [N, D].
        people: [N], the number of the person on each picture.
        sizes: lengths D_i of the parts; their sum is D.
        weights: of the parts in a comparison.
    """
    maps = []
    for part in np.split(embeddings, np.cumsum(sizes)[:-1], axis=1):
        fitted = fit(part, people)
        if fitted is None:
            return None
        variances = None if fitted.variances is None else _to_float32(fitted.variances)
        maps.append(LinearMap(_to_float32(fitted.mean), _to_float32(fitted.matrix), variances))
    return Projection(maps, weights)


def empty_projection(tensors: dict[str, Tensor], weights: Sequence[float]) -> Projection | None:
    """A projection of the sizes that a model's tensors have, ready to load them; None if they have no projection."""
    maps: list[LinearMap] = []
    while (matrix := tensors.get(f"projection.maps.{len(maps)}.matrix")) is not None:
        variances = tensors.get(f"projection.maps.{len(maps)}.variances")
        maps.append(
            LinearMap(
                torch.zeros(matrix.shape[0]),
                torch.zeros_like(matrix),
                None if variances is None else torch.ones_like(variances),
            )
        )
    return Projection(maps, weights) if maps else None


def _to_float32(array: FloatArray) -> Tensor:
    return torch.from_numpy(array.astype(np.float32))
