"""Fisher vectors that are trained by gradient descent, with a dense layer on top.

The whole path from a picture's descriptors to its embedding can be differentiated: the map of the descriptors, the
mixture, and the dense layer. NetVLAD trains its clusters in this way (Arandjelovic, Gronat, Torii, Pajdla and Sivic
2016), and NetFV the mixture of Fisher vectors (Miech, Laptev and Sivic 2017). Here training starts at the mixture that
was fitted without labels, and learns how to change it; weight decay pulls the change of descriptors, means and
variances towards zero.
"""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from twinface.core.fields import Fraction, PositiveInt
from twinface.networks.backbones.base import InputShape
from twinface.networks.backbones.descriptors import LENGTH, Patches
from twinface.networks.backbones.fisher import Fisher
from twinface.networks.backbones.mixture import Mixture, whole_mixture

FLAT = 1e-4  # roots of values below it have a finite slope


class PartDropout(nn.Module):
    """Leaves out whole parts of a picture's vector. Each picture's share is drawn evenly between 0 and `rate`.

    Args:
        rate: the largest share of parts that are left out.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def batch(self, count: int) -> tuple[int, slice]:
        """The pictures of the whole batch, and which of them these `count` are; see `training.shared_layers`."""
        return count, slice(None)

    def forward(self, vectors: Tensor) -> Tensor:
        """`[B, K, L] -> [B, K, L]`, K parts; those that are kept are divided by the share that is kept."""
        if not self.training or not self.rate:
            return vectors
        total, rows = self.batch(len(vectors))
        share = self.rate * torch.rand(total, 1, 1, device=vectors.device)
        kept = (torch.rand(total, vectors.shape[1], 1, device=vectors.device) >= share).float()[rows]
        return vectors * (kept / kept.mean(1, keepdim=True).clamp_min(1 / vectors.shape[1]))


class TrainedFisher(Fisher):
    """Fisher vectors, and a dense layer from them to the embedding; all of it is trained.

    It stays symmetric: the change of the descriptors maps even numbers to even ones and odd to odd, and the mixture
    stays closed under mirroring.

    Args:
        shape: of the input; one channel.
        gaussians, dimensions, cell: see `Fisher`.
        step: pixels between neighbouring patches.
        embedding: length of the embedding.
        dropout: the largest share of Gaussians that are left out of a picture in training. Each picture's share is
            drawn evenly between 0 and this, so the network learns not to rely on any one part of a face.

    Raises:
        SettingsError: see `Fisher`.
    """

    def __init__(
        self,
        shape: InputShape,
        *,
        gaussians: PositiveInt = 256,
        dimensions: Annotated[int, Field(ge=1, le=LENGTH)] = 64,
        step: PositiveInt = 4,
        cell: Annotated[int, Field(ge=2, le=1024)] = 6,
        embedding: PositiveInt = 500,
        dropout: Fraction = 0.5,
    ) -> None:
        super().__init__(shape, gaussians=gaussians, dimensions=dimensions, steps=(step,), cell=cell)
        size = dimensions + 2
        self.change = nn.Parameter(torch.zeros(size, size))
        self.mean_change = nn.Parameter(torch.zeros_like(self.means))
        self.variance_change = nn.Parameter(torch.zeros_like(self.variances))
        self.share_change = nn.Parameter(torch.zeros_like(self.shares))
        self.dropout = PartDropout(dropout)
        self.dense = nn.Linear(self.embedding_size, embedding, bias=False)
        # Large enough that a step of Adam turns it by a few hundredths.
        nn.init.normal_(self.dense.weight, std=0.05)
        self.embedding_size = embedding

    def forward(self, images: Tensor) -> Tensor:
        """`[B, 1, H, W] -> [B, embedding]`."""
        embeddings: Tensor = self.dense(self.dropout(self.vectors(images)).flatten(1))
        return embeddings

    def _mixture(self) -> Mixture:
        return whole_mixture(
            self.means + self.mean_change,
            self.variances * self.variance_change.exp(),
            self.shares * self.share_change.exp(),
            self.signs,
        )

    def _reduced(self, scale: Patches, images: Tensor) -> Tensor:
        with torch.no_grad():
            reduced = super()._reduced(scale, images)
        symmetric = self.change * (self.signs[:, None] == self.signs)
        return reduced + reduced @ symmetric

    @staticmethod
    def _root(values: Tensor) -> Tensor:
        return values / (values.abs() + FLAT).sqrt()
