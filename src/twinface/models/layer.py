"""One layer of a network, as people read it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Layer:
    """One layer of a network, for one picture.

    Attributes:
        name: in the network.
        kind: "Conv2d 10x10", "Linear", "BatchNorm2d", …
        output: its size without the batch, channels first.
        parameters: trained numbers.
        multiply_adds: multiplications, each with its addition, of convolutions and dense layers; 0 for all others.
    """

    name: str
    kind: str
    output: tuple[int, ...]
    parameters: int
    multiply_adds: int
