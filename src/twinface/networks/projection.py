"""A linear map on embeddings, fitted in closed form to the training people once the network is trained.

A new one is one function here and one line in `PROJECTIONS`. Where an embedding has several parts (a committee's), each
part gets a map of its own: fitted to all of them together it is less accurate (docs/accuracy.md).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from pydantic import PositiveFloat
from torch import Tensor, nn

from twinface.core.errors import DataError
from twinface.core.settings import PositiveInt
from twinface.core.types import Float32Array, FloatArray, IntArray

TINY = 1e-12
ROWS = 1024  # of embeddings that are brought to double precision together
LONG = 6000  # embeddings longer than this have their principal components found by random projections


class Fitted(NamedTuple):
    """What is found for one part of an embedding.

    Attributes:
        mean: [D].
        matrix: [D, P].
        variances: [P], between people along each coordinate, in units of that within people; None if not modelled.
    """

    mean: FloatArray
    matrix: FloatArray
    variances: FloatArray | None = None


class LinearMap(nn.Module):
    """`(embeddings - mean) @ matrix`.

    Args:
        mean, matrix, variances: see `Fitted`.
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
        """`[B, D] -> [B, P]`, and `[B]` how clear each picture is: 0 where variances are not modelled.

        A picture at z along a coordinate with variance v is believed to be of somebody at z v / (1 + v); the rest,
        z / (1 + v), is put down to chance. Clarity is the logarithm of how long the one is beside the other.
        """
        mapped = (embeddings - self.mean) @ self.matrix
        if self.variances is None:
            return mapped, torch.zeros_like(mapped[:, 0])
        believed, chance = (
            each.square().sum(1).clamp_min(TINY) for each in (mapped, mapped / self.variances)
        )
        return mapped, (believed.log() - chance.log()) / 2


def side_by_side(parts: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
    """`[B, D_i]` each -> `[B, D]`: each part with its weight as length, so that none has more say than it should."""
    each = [
        weight * nn.functional.normalize(part, dim=1) for weight, part in zip(weights, parts, strict=True)
    ]
    return torch.cat(each, dim=1)


class Projection(nn.Module):
    """A linear map for each part of an embedding; each result is brought to its weight as length.

    Args:
        maps: one for each part.
        weights: how much say each part has.
    """

    def __init__(self, maps: Sequence[LinearMap], weights: Sequence[float]) -> None:
        super().__init__()
        self.maps = nn.ModuleList(maps)
        self.weights = tuple(weights)
        self.sizes = [part.mean.shape[0] for part in maps]
        self.embedding_size = sum(part.matrix.shape[1] for part in maps)

    def forward(self, embeddings: Tensor) -> tuple[Tensor, Tensor]:
        """`[B, D] -> [B, P]`, both the sums over the parts, and `[B]`: the mean of the parts' clarity."""
        parts = torch.split(embeddings, self.sizes, dim=1)
        found = [apply(part) for apply, part in zip(self.maps, parts, strict=True)]
        joined = side_by_side([mapped for mapped, _ in found], self.weights)
        return joined, torch.stack([clarity for _, clarity in found]).mean(0)


def none(embeddings: Float32Array, people: IntArray) -> None:
    """No projection."""


def whitening(
    embeddings: Float32Array,
    people: IntArray,
    *,
    shrinkage: PositiveFloat = 1.0,
    size: PositiveInt | None = None,
) -> Fitted:
    """Within-class covariance normalisation (Hatch, Kajarekar and Stolcke 2006).

    Directions in which pictures of one person differ count less. The covariance within people is pulled towards a
    multiple of the identity, since training people say little of directions that the network has learnt by heart.

    Args:
        embeddings: [N, D].
        people: [N] whose picture each is.
        shrinkage: what is added to the covariance, in units of its own mean variance.
        size: keep so many principal components first; None keeps all.

    Raises:
        DataError: nobody has two pictures.
    """
    mean, axes, centred = _principal(embeddings, size)
    return Fitted(mean, axes @ _whitener(_within(centred, people), shrinkage))


def plda(
    embeddings: Float32Array,
    people: IntArray,
    *,
    shrinkage: PositiveFloat = 1.0,
    size: PositiveInt | None = None,
) -> Fitted:
    """What a picture says of who somebody is, in the model of two covariances (Prince and Elder 2007: probabilistic
    linear discriminant analysis; Chen et al. 2012: Joint Bayesian).

    After whitening there is variance 1 within people and some variance v between them along a direction. The mean of
    somebody's place along it, given one picture's coordinate z and nothing else, is z v / (1 + v): directions that tell
    people apart are believed, others are drawn to the mean of all. Two such means are compared by their cosine, which
    is more accurate here than the model's likelihood ratio (docs/accuracy.md). Directions in which people do not differ
    are left out, so that P is mostly well below `size`.

    Args: as for `whitening`.

    Raises:
        DataError: nobody has two pictures, or people differ in no direction.
    """
    mean, axes, centred = _principal(embeddings, size)
    within = _within(centred, people)
    whitener = _whitener(within, shrinkage)
    between = centred.T @ centred / len(centred) - within
    variances, directions = np.linalg.eigh(whitener.T @ between @ whitener)
    # Along the others people differ no more than pictures of one person do: all places there are the mean.
    telling = variances > 0
    if not telling.any():
        raise DataError(
            "projection: in no direction do people differ more than pictures of one person do; "
            'set projection.name to "none"'
        )
    variances, directions = variances[telling], directions[:, telling]
    return Fitted(mean, axes @ whitener @ directions * (variances / (1 + variances)), variances)


def fit_parts(
    fit: Callable[[Float32Array, IntArray], Fitted | None],
    embeddings: Float32Array,
    people: IntArray,
    sizes: Sequence[int],
    weights: Sequence[float],
) -> Projection | None:
    """The projection that `fit` finds for each part.

    Args:
        fit: embeddings [N, D_i] and people [N] -> what is found for a part.
        embeddings: [N, D].
        people: [N].
        sizes: lengths D_i of the parts, D in all.
        weights: how much say each part has.
    """
    maps = []
    for part in np.split(embeddings, np.cumsum(sizes)[:-1], axis=1):
        found = fit(part, people)
        if found is None:
            return None
        variances = None if found.variances is None else _single(found.variances)
        maps.append(LinearMap(_single(found.mean), _single(found.matrix), variances))
    return Projection(maps, weights)


def empty_projection(tensors: dict[str, Tensor], weights: Sequence[float]) -> Projection | None:
    """A projection of the shape that a model's tensors have, to load them into; None where they have none."""
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


def _single(array: FloatArray) -> Tensor:
    return torch.from_numpy(array.astype(np.float32))


def _principal(embeddings: Float32Array, size: int | None) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Mean [D], the first `size` principal axes [D, P], and the centred embeddings along them [N, P]."""
    mean = embeddings.mean(axis=0, dtype=np.float64)
    length = embeddings.shape[1]
    if size is not None and length > LONG and size < min(len(embeddings), length):
        from sklearn.utils.extmath import randomized_svd

        # Their covariance would not fit into memory.
        few = embeddings - mean.astype(np.float32)
        axes = randomized_svd(few, size, n_iter=4, random_state=0)[2].T
        return mean, axes.astype(np.float64), (few @ axes).astype(np.float64)
    if size is None or size >= length:
        return mean, np.eye(length), embeddings - mean
    from scipy.linalg import eigh

    # In double precision some rows at a time, and no more axes than are asked for: all at once take four times as much
    # memory as the embeddings.
    scatter = sum((part.T @ part for part in _centred(embeddings, mean)), np.zeros((length, length)))
    axes = eigh(scatter, subset_by_index=(length - size, length - 1), overwrite_a=True)[1][:, ::-1]
    return mean, axes, np.concatenate([part @ axes for part in _centred(embeddings, mean)])


def _centred(embeddings: Float32Array, mean: FloatArray) -> Iterator[FloatArray]:
    """`embeddings - mean`, `ROWS` at a time."""
    for start in range(0, len(embeddings), ROWS):
        yield embeddings[start : start + ROWS] - mean


def _within(centred: FloatArray, people: IntArray) -> FloatArray:
    """The covariance [P, P] within people, from those with two pictures or more."""
    counts = np.bincount(people)
    sums = np.zeros((len(counts), centred.shape[1]))
    np.add.at(sums, people, centred)
    repeated = counts[people] > 1
    if not repeated.any():
        raise DataError("projection: found nobody with two pictures, and so no spread within people")
    within = (centred - sums[people] / counts[people, None])[repeated]
    # A person's mean takes one degree of freedom from their pictures.
    covariance: FloatArray = within.T @ within / (len(within) - (counts > 1).sum())
    return covariance


def _whitener(covariance: FloatArray, shrinkage: float) -> FloatArray:
    """W with `W W^T` the inverse of the shrunk covariance."""
    size = len(covariance)
    shrunk = covariance + shrinkage * np.trace(covariance) / size * np.eye(size)
    whitener: FloatArray = np.linalg.inv(np.linalg.cholesky(shrunk)).T
    return whitener


PROJECTIONS: dict[str, Callable[..., Fitted | None]] = {"none": none, "whitening": whitening, "plda": plda}
