"""What every backbone is."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

InputShape = tuple[int, int, int]


class Backbone(nn.Module):
    """A module `[B, C, H, W] float32 -> [B, D] float32` that knows how long its embeddings are.

    Attributes:
        embedding_size: D.
        fits: whether `fit` does anything.
        at_once: pictures that a processor is best given together; more of them outgrow its cache.
        symmetric: whether a picture and its mirror image have the same embedding.
    """

    embedding_size: int
    fits: bool = False
    at_once: int = 16
    symmetric: bool = False

    def fit(self, images: Tensor, seed: int) -> None:
        """Learns from training pictures without their labels, once, before training begins; most networks do not.

        Args:
            images: `[N, C, H, W]`, as `forward` takes them.
            seed: of whatever is random.
        """

    def both_ways(self, images: Tensor) -> Tensor:
        """`[B, C, H, W] -> [B, D]` float32: the mean embedding of a picture and its mirror image.

        Each is brought to length 1 first, or each part of it to its weight.
        """
        if self.symmetric:
            embeddings: Tensor = self(images)
            return embeddings.float()
        # As one batch: one pass over the weights, and half the graph to export.
        return mean_of_units(self(torch.cat([images, images.flip(3)])))

    @property
    def parts(self) -> tuple[int, ...]:
        """Lengths of the pieces that an embedding is made of, each an embedding in its own right."""
        return (self.embedding_size,)

    @property
    def weights(self) -> tuple[float, ...]:
        """How much say each part has in a comparison."""
        return (1.0,)

    @property
    def learning(self) -> tuple[bool, ...]:
        """Whether each part has anything to learn."""
        return (any(True for _ in self.parameters()),)


def mean_of_units(both: Tensor) -> Tensor:
    """`[2 B, D] -> [B, D]` float32: embeddings of B pictures and then of their mirror images, averaged at length 1."""
    return functional.normalize(both.float(), dim=1).reshape(2, -1, both.shape[1]).mean(0)
