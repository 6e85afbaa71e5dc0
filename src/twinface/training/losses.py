"""What training makes small.

A loss is built from the embedding size and the number of people, and its own keyword-only settings. It is
called with the network, the embeddings of a batch and what is known of them. Losses that sort pictures by
person have weights of their own, one vector a person, which are learnt and then thrown away. A new loss is
one class here and one line in `LOSSES`.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress

import torch
from pydantic import NonNegativeFloat, PositiveFloat
from pytorch_metric_learning import distances as metric_distances
from pytorch_metric_learning import losses as metric_losses
from pytorch_metric_learning import miners
from torch import Tensor, nn
from torch.nn import functional

from twinface.core.types import BoolArray, IntArray
from twinface.networks.siamese import SiameseNetwork


@dataclass(frozen=True, eq=False)
class Labels:
    """What is known of the N pictures of a batch.

    Attributes:
        people: [N] int64, which person.
        left, right: [P] int64, positions of the pairs' two sides.
        is_match: [P] float32, 1 for genuine and 0 for impostor.
    """

    people: Tensor
    left: Tensor
    right: Tensor
    is_match: Tensor


class Loss(nn.Module):
    """`loss(network, embeddings [N, D], labels) -> scalar`. `needs_pairs` says which samplers fit."""

    needs_pairs: bool


class BinaryCrossEntropy(Loss):
    """Cross-entropy of the pairs' scores as logits (Koch et al. 2015, section 3.2)."""

    needs_pairs = True

    def __init__(self, embedding_size: int, people: int) -> None:
        super().__init__()

    def forward(self, network: SiameseNetwork, embeddings: Tensor, labels: Labels) -> Tensor:
        """Mean over the pairs."""
        scores = network.score(embeddings[labels.left], embeddings[labels.right])
        return functional.binary_cross_entropy_with_logits(scores, labels.is_match)


class Contrastive(Loss):
    """Genuine pairs pulled together, impostors pushed to `margin` (Hadsell, Chopra and LeCun 2006, eq. 4).

    With unit-length embeddings (`unit = true`) distances lie in [0, 2].
    """

    needs_pairs = True

    def __init__(
        self, embedding_size: int, people: int, *, margin: PositiveFloat = 1.0, unit: bool = True
    ) -> None:
        super().__init__()
        self.margin, self.unit = margin, unit

    def forward(self, network: SiameseNetwork, embeddings: Tensor, labels: Labels) -> Tensor:
        """Mean over the pairs of half the squared distance, or of half the squared lack of distance."""
        vectors = functional.normalize(embeddings, dim=1) if self.unit else embeddings
        difference = vectors[labels.left] - vectors[labels.right]
        distance = (difference.square().sum(1) + 1e-12).sqrt()
        pull = labels.is_match * distance.square()
        push = (1 - labels.is_match) * (self.margin - distance).clamp_min(0).square()
        return (pull + push).mean() / 2


class Triplet(Loss):
    """Another's face at least `margin` farther than one's own, on semi-hard triplets (Schroff et al. 2015)."""

    needs_pairs = False

    def __init__(self, embedding_size: int, people: int, *, margin: PositiveFloat = 0.2) -> None:
        super().__init__()
        distance = metric_distances.LpDistance(normalize_embeddings=True)
        self.mine = miners.TripletMarginMiner(margin=margin, type_of_triplets="semihard", distance=distance)
        self.loss = metric_losses.TripletMarginLoss(margin=margin, distance=distance)

    def forward(self, network: SiameseNetwork, embeddings: Tensor, labels: Labels) -> Tensor:
        """Mean over the triplets that are not yet right by the margin."""
        result: Tensor = self.loss(embeddings, labels.people, self.mine(embeddings, labels.people))
        return result


class MarginSoftmax(Loss):
    """Softmax over people: a picture's embedding is compared with a vector of each person, which is learnt.

    Written out rather than taken from pytorch-metric-learning, whose passes over the vectors take twice as long; a test
    holds values and gradients to its own.

    Args:
        embedding_size: D.
        people: P.
        scale: that cosines are multiplied by.
    """

    needs_pairs = False

    def __init__(self, embedding_size: int, people: int, scale: float) -> None:
        super().__init__()
        self.scale = scale
        self.vectors = nn.Parameter(torch.randn(embedding_size, people).T.contiguous())

    @abstractmethod
    def harder(self, cosines: Tensor) -> Tensor:
        """The cosines `[N, 1]` with the right person, made smaller by the margin."""

    def forward(self, network: SiameseNetwork, embeddings: Tensor, labels: Labels) -> Tensor:
        """Mean over the pictures."""
        lengths = self.vectors.norm(dim=1).clamp_min(1e-12)
        # Products are divided, not vectors: they are many times fewer.
        cosines = functional.linear(functional.normalize(embeddings, dim=1), self.vectors) / lengths
        own = labels.people[:, None]
        right = cosines.gather(1, own)
        logits = self.scale * cosines.scatter(1, own, self.harder(right))
        return functional.cross_entropy(logits, labels.people)


class CosFace(MarginSoftmax):
    """Softmax over people with a margin on the cosine (Wang et al. 2018, eq. 4)."""

    def __init__(
        self, embedding_size: int, people: int, *, margin: NonNegativeFloat = 0.2, scale: PositiveFloat = 32.0
    ) -> None:
        super().__init__(embedding_size, people, scale)
        self.margin = margin

    def harder(self, cosines: Tensor) -> Tensor:
        """Less the margin."""
        return cosines - self.margin


class ArcFace(MarginSoftmax):
    """Softmax over people with a margin on the angle, in degrees (Deng et al. 2019, eq. 3)."""

    def __init__(
        self,
        embedding_size: int,
        people: int,
        *,
        margin: NonNegativeFloat = 11.5,
        scale: PositiveFloat = 32.0,
    ) -> None:
        super().__init__(embedding_size, people, scale)
        self.margin = math.radians(margin)

    def harder(self, cosines: Tensor) -> Tensor:
        """Of the angle and the margin together; beyond half a turn, where that would rise again, a straight line."""
        angles = cosines.clamp(-1, 1).acos()
        beyond = angles.cos() - self.margin * math.sin(self.margin)
        return torch.where(angles <= math.pi - self.margin, (angles + self.margin).cos(), beyond)


class PartByPart(Loss):
    """A loss of its own for each part of the embeddings, added up, so that each part learns as it would alone.

    Args:
        losses: one for each part; None for parts that do not learn.
        sizes: the parts' lengths.
    """

    needs_pairs = False

    def __init__(self, losses: Sequence[Loss | None], sizes: Sequence[int]) -> None:
        super().__init__()
        self.sizes = list(sizes)
        self.learns = [loss is not None for loss in losses]
        self.losses = nn.ModuleList(loss for loss in losses if loss)

    def forward(self, network: SiameseNetwork, embeddings: Tensor, labels: Labels) -> Tensor:
        """Sum over the parts that learn."""
        parts = compress(torch.split(embeddings, self.sizes, dim=1), self.learns)
        each = [loss(network, part, labels) for loss, part in zip(self.losses, parts, strict=True)]
        return torch.stack(each).sum()


LOSSES: dict[str, type[Loss]] = {
    "bce": BinaryCrossEntropy,
    "contrastive": Contrastive,
    "triplet": Triplet,
    "cosface": CosFace,
    "arcface": ArcFace,
}


def labels_of(people: IntArray, left: IntArray, right: IntArray, is_match: BoolArray, device: str) -> Labels:
    """A batch's labels as tensors, where the embeddings are."""
    return Labels(
        torch.from_numpy(people).to(device),
        torch.from_numpy(left).to(device),
        torch.from_numpy(right).to(device),
        torch.from_numpy(is_match).to(device, torch.float32),
    )
