"""Losses of labelled pairs."""

from __future__ import annotations

from pydantic import PositiveFloat
from torch import Tensor
from torch.nn import functional

from twinface.networks.siamese import SiameseNetwork
from twinface.training.losses.base import Labels, Loss


class BinaryCrossEntropy(Loss):
    """Cross-entropy of the pairs' scores, taken as logits (Koch et al. 2015, section 3.2).

    Args:
        embedding_size, people: not needed.
        from_probabilities: compute it from the probabilities that a sigmoid makes of the scores, as torch's `BCELoss`
            does. A pair whose probability rounds to 0 or 1 then has no gradient, and at most a loss of 100.
    """

    needs_pairs = True

    def __init__(self, embedding_size: int, people: int, *, from_probabilities: bool = False) -> None:
        super().__init__()
        self.from_probabilities = from_probabilities

    def forward(self, network: SiameseNetwork, embeddings: Tensor, labels: Labels) -> Tensor:
        """Mean over the pairs, in nats."""
        scores = network.score(embeddings[labels.left], embeddings[labels.right])
        if self.from_probabilities:
            return functional.binary_cross_entropy(scores.sigmoid(), labels.is_match)
        return functional.binary_cross_entropy_with_logits(scores, labels.is_match)


class Contrastive(Loss):
    """Pulls genuine pairs together and pushes impostor pairs apart (Hadsell, Chopra and LeCun 2006, eq. 4).

    Args:
        embedding_size, people: not needed.
        margin: distance up to which impostor pairs are pushed apart.
        unit: whether embeddings are scaled to length 1 first, so that distances lie in [0, 2].
    """

    needs_pairs = True

    def __init__(
        self, embedding_size: int, people: int, *, margin: PositiveFloat = 1.0, unit: bool = True
    ) -> None:
        super().__init__()
        self.margin, self.unit = margin, unit

    def forward(self, network: SiameseNetwork, embeddings: Tensor, labels: Labels) -> Tensor:
        """Mean over the pairs of d² / 2 for genuine and max(0, margin - d)² / 2 for impostor pairs at distance d."""
        vectors = functional.normalize(embeddings, dim=1) if self.unit else embeddings
        difference = vectors[labels.left] - vectors[labels.right]
        distance = (difference.square().sum(1) + 1e-12).sqrt()
        pull = labels.is_match * distance.square()
        push = (1 - labels.is_match) * (self.margin - distance).clamp_min(0).square()
        return (pull + push).mean() / 2
