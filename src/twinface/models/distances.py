"""How far apart two embeddings are, as a score that is higher for the same person.

Each formula is written once, with operators that NumPy arrays and torch tensors have in common. So the network in
training, the exported model and a search through enrolled faces compute the same score.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from twinface.core.types import Float32Array


@dataclass(frozen=True)
class Distance:
    """A formula, and the parameters with which training begins.

    Attributes:
        score: `(left [..., D], right [..., D], parameters) -> [...]`, higher means the same person.
        parameters: embedding size D → (parameter → initial array).
        learns: whether a network can be trained with it. The others belong to steps that are fitted after training.
        shortest: the smallest D.
    """

    score: Callable[[Any, Any, Mapping[str, Any]], Any]
    parameters: Callable[[int], dict[str, Float32Array]]
    learns: bool = True
    shortest: int = 1


def weighted_l1(left: Any, right: Any, parameters: Mapping[str, Any]) -> Any:
    """`bias - sum_i weight_i |left_i - right_i|` (Koch et al. 2015, section 3.1, with the sign reversed).

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
    # The small constant keeps the slope of the square root finite where two embeddings are equal.
    return parameters["bias"] - parameters["scale"] * ((difference * difference).sum(-1) + 1e-12) ** 0.5


def cosine(left: Any, right: Any, parameters: Mapping[str, Any]) -> Any:
    """`scale * cos(left, right) + bias`.

    >>> cosine(np.array([3.0, 4.0]), np.array([4.0, 3.0]), {"scale": 1.0, "bias": 0.0})
    np.float64(0.96)
    """
    # The small constant keeps slopes finite where an embedding is zero. Embeddings of a length of 0.001 do not feel it.
    lengths = ((left * left).sum(-1) * (right * right).sum(-1) + 1e-20) ** 0.5
    return parameters["scale"] * ((left * right).sum(-1) / lengths) + parameters["bias"]


def local_cosine(left: Any, right: Any, parameters: Mapping[str, Any]) -> Any:
    """`scale * (cos(left, right) - left_D - right_D) + bias`.

    The last element of an embedding is what per-face score normalisation subtracts (`networks.score_normalisation`).

    >>> local_cosine(np.array([3.0, 4.0, 0.2]), np.array([4.0, 3.0, 0.1]), {"scale": 1.0, "bias": 0.0}).round(2)
    np.float64(0.66)
    """
    offset = parameters["scale"] * (left[..., -1] + right[..., -1])
    return cosine(left[..., :-1], right[..., :-1], parameters) - offset


def _scale_and_bias(size: int) -> dict[str, Float32Array]:
    return {"scale": np.ones((), np.float32), "bias": np.zeros((), np.float32)}


def _weights_and_bias(size: int) -> dict[str, Float32Array]:
    # Equal weights for which the scores of embeddings between 0 and 1 have a spread of about 1.
    return {"weight": np.full(size, 1 / np.sqrt(size), np.float32), "bias": np.zeros((), np.float32)}


DISTANCES: dict[str, Distance] = {
    "cosine": Distance(cosine, _scale_and_bias),
    "euclidean": Distance(euclidean, _scale_and_bias),
    "weighted-l1": Distance(weighted_l1, _weights_and_bias),
    "local-cosine": Distance(local_cosine, _scale_and_bias, learns=False, shortest=2),
}
