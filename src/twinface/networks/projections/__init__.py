"""Linear maps on embeddings, fitted in closed form to the training people once the network is trained.

whitening   directions that differ between pictures of one person count less
plda        probabilistic linear discriminant analysis: the person behind a picture
covariance  principal components, and the covariance within people, which both of them need
linear_map  the fitted maps as modules, one for each part of an embedding

A new projection is one function in one file here and one line in `PROJECTIONS`.
"""

from __future__ import annotations

from collections.abc import Callable

from twinface.core.types import Float32Array, IntArray
from twinface.networks.projections.linear_map import (
    FittedMap,
    LinearMap,
    Projection,
    empty_projection,
    fit_parts,
    join_parts,
)
from twinface.networks.projections.plda import plda
from twinface.networks.projections.whitening import whitening


def none(embeddings: Float32Array, people: IntArray) -> None:
    """No projection."""


PROJECTIONS: dict[str, Callable[..., FittedMap | None]] = {"none": none, "whitening": whitening, "plda": plda}

__all__ = [
    "PROJECTIONS",
    "FittedMap",
    "LinearMap",
    "Projection",
    "empty_projection",
    "fit_parts",
    "join_parts",
    "none",
    "plda",
    "whitening",
]
