"""The interface of all backbones."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

InputShape = tuple[int, int, int]  # channels, height, width


class Backbone(nn.Module):
    """A module from pictures `[B, C, H, W]` float32 to embeddings `[B, D]` float32.

    Attributes:
        embedding_size: D.
        needs_fitting: whether `fit` has to be called before training.
        preferred_batch: pictures per call that are fastest on a processor; the maps of more would outgrow its cache.
        symmetric: whether a picture and its mirror image have the same embedding.
        outside_data: the labelled photos that its weights come from, in words; empty for a network that starts from
            nothing.
    """

    embedding_size: int
    needs_fitting: bool = False
    preferred_batch: int = 16
    symmetric: bool = False
    outside_data: str = ""

    def fit(self, images: Tensor, seed: int) -> None:
        """Learns from training pictures without labels, once, before training; most networks have nothing to fit.

        Args:
            images: `[N, C, H, W]`, as `forward` takes them.
            seed: of everything random.
        """

    def embed_flip_averaged(self, images: Tensor) -> Tensor:
        """Pictures `[B, C, H, W]` → `[B, D]` float32: the mean embedding of each picture and its mirror image.

        Each embedding is scaled to length 1 before the mean is taken; each part of several is scaled to its weight.
        """
        if self.symmetric:
            embeddings: Tensor = self(images)
            return embeddings.float()
        # As one batch, so that weights are read once and the exported graph is half as large.
        return mean_of_units(self(torch.cat([images, images.flip(3)])))

    @property
    def parts(self) -> tuple[int, ...]:
        """Lengths of the parts of an embedding. Each part is an embedding of its own; most networks have one."""
        return (self.embedding_size,)

    @property
    def weights(self) -> tuple[float, ...]:
        """The weight of each part in a comparison."""
        return (1.0,)

    @property
    def learning(self) -> tuple[bool, ...]:
        """Whether each part has weights that are trained."""
        return (any(True for _ in self.parameters()),)


def mean_of_units(both: Tensor) -> Tensor:
    """Embeddings `[2 B, D]` of B pictures, then of their mirror images → their mean at length 1, `[B, D]` float32."""
    return functional.normalize(both.float(), dim=1).reshape(2, -1, both.shape[1]).mean(0)
