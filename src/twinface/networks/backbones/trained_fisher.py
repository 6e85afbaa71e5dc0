"""Fisher vectors that are trained by gradient descent, with a dense layer on top.

The whole path from a picture's descriptors to its embedding can be differentiated: the map of the descriptors, the
mixture, and the dense layer. NetVLAD trains its clusters in this way (Arandjelovic, Gronat, Torii, Pajdla and Sivic
2016), and NetFV the mixture of Fisher vectors (Miech, Laptev and Sivic 2017). Here training starts at the mixture that
was fitted without labels, and learns how to change it; weight decay pulls the change towards zero.
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
        self.dropout = dropout
        self.dense = nn.Linear(self.embedding_size, embedding, bias=False)
        # Large enough that a step of Adam turns it by a few hundredths.
        nn.init.normal_(self.dense.weight, std=0.05)
        self.embedding_size = embedding

    def forward(self, images: Tensor) -> Tensor:
        """`[B, 1, H, W] -> [B, embedding]`."""
        vectors = self.vectors(images)
        if self.training and self.dropout:
            share = self.dropout * torch.rand(len(vectors), 1, 1, device=vectors.device)
            kept = (torch.rand(*vectors.shape[:2], 1, device=vectors.device) >= share).float()
            vectors = vectors * (kept / kept.mean(1, keepdim=True).clamp_min(1 / vectors.shape[1]))
        embeddings: Tensor = self.dense(vectors.flatten(1))
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
