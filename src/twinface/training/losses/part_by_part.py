"""A loss for each part of the embeddings."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress

import torch
from torch import Tensor, nn

from twinface.networks.siamese import SiameseNetwork
from twinface.training.losses.base import Labels, Loss


class PartByPart(Loss):
    """The sum of a separate loss for each part of the embeddings, so that each part learns as it would alone.

    Args:
        losses: one for each part; None for parts that are not trained.
        sizes: lengths of the parts.
    """

    needs_pairs = False

    def __init__(self, losses: Sequence[Loss | None], sizes: Sequence[int]) -> None:
        super().__init__()
        self.sizes = list(sizes)
        self.learns = [loss is not None for loss in losses]
        self.losses = nn.ModuleList(loss for loss in losses if loss)

    def forward(self, network: SiameseNetwork, embeddings: Tensor, labels: Labels) -> Tensor:
        """Sum over the parts that are trained."""
        parts = compress(torch.split(embeddings, self.sizes, dim=1), self.learns)
        each = [loss(network, part, labels) for loss, part in zip(self.losses, parts, strict=True)]
        return torch.stack(each).sum()
