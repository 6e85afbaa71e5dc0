"""How far apart two embeddings are, as a score that is higher for the same person.

Each formula is written once with operators that NumPy arrays and torch tensors share, so that the
network in training, the exported model and a search through enrolled faces compute the same thing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from twinface.core.types import Float32Array


@dataclass(frozen=True)
class Distance:
    """A formula and the parameters that it starts training with.

    Attributes:
        score: `(left [..., D], right [..., D], parameters) -> [...]`, higher means the same person.
        parameters: embedding size D → name → initial array.
        learns: whether a network can be trained with it; the others come with what is fitted after training.
    """

    score: Callable[[Any, Any, Mapping[str, Any]], Any]
    parameters: Callable[[int], dict[str, Float32Array]]
    learns: bool = True


def weighted_l1(left: Any, right: Any, parameters: Mapping[str, Any]) -> Any:
    """`bias - sum_i weight_i |left_i - right_i|` (Koch et al. 2015, section 3.1, with the sign turned).

    >>> weighted_l1(np.array([1.0, 0.0]), np.array([0.0, 2.0]), {"weight": np.array([1.0, 0.5]), "bias": 3.0})
    np.float64(1.0)
    """
    return parameters["bias"] - (abs(left - right) * parameters["weight"]).sum(-1)


def euclidean(left: Any, right: Any, parameters: Mapping[str, Any]) -> Any:
    """`bias - scale * ||left - right||` (Chopra, Hadsell and LeCun 2005).

    >>> euclidean(np.array([3.0, 0.0]), np.array([0.0, 4.0]), {"scale": 2.0, "bias": 1.0})
    np.float64(-9.0)
    """
    difference = left - right
    # The tiny constant keeps the square root's slope finite where two embeddings are equal.
    return parameters["bias"] - parameters["scale"] * ((difference * difference).sum(-1) + 1e-12) ** 0.5


def cosine(left: Any, right: Any, parameters: Mapping[str, Any]) -> Any:
    """`scale * cos(left, right) + bias`.

    >>> cosine(np.array([3.0, 4.0]), np.array([4.0, 3.0]), {"scale": 1.0, "bias": 0.0})
    np.float64(0.96)
    """
    lengths = ((left * left).sum(-1) * (right * right).sum(-1) + 1e-12) ** 0.5
    return parameters["scale"] * ((left * right).sum(-1) / lengths) + parameters["bias"]


def local_cosine(left: Any, right: Any, parameters: Mapping[str, Any]) -> Any:
    """`scale * (cos(left, right) - left_D - right_D) + bias`; the last element is what `shift` adds to embeddings.

    >>> local_cosine(np.array([3.0, 4.0, 0.2]), np.array([4.0, 3.0, 0.1]), {"scale": 1.0, "bias": 0.0}).round(2)
    np.float64(0.66)
    """
    offset = parameters["scale"] * (left[..., -1] + right[..., -1])
    return cosine(left[..., :-1], right[..., :-1], parameters) - offset


def _scale_and_bias(size: int) -> dict[str, Float32Array]:
    return {"scale": np.ones((), np.float32), "bias": np.zeros((), np.float32)}


def _weights_and_bias(size: int) -> dict[str, Float32Array]:
    # Equal weights that add up to a spread of about 1 for embeddings between 0 and 1.
    return {"weight": np.full(size, 1 / np.sqrt(size), np.float32), "bias": np.zeros((), np.float32)}


DISTANCES: dict[str, Distance] = {
    "cosine": Distance(cosine, _scale_and_bias),
    "euclidean": Distance(euclidean, _scale_and_bias),
    "weighted-l1": Distance(weighted_l1, _weights_and_bias),
    "local-cosine": Distance(local_cosine, _scale_and_bias, learns=False),
}
