"""Classification by person with a margin: CosFace and ArcFace."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import Annotated

import torch
from pydantic import Field, NonNegativeFloat, PositiveFloat
from torch import Tensor, nn
from torch.nn import functional

from twinface.networks.siamese import SiameseNetwork
from twinface.training.losses.base import Labels, Loss

_FLAT = 1e-7  # the slope of the inverse cosine is infinite at -1 and 1


class MarginSoftmax(Loss):
    """Softmax over people: the logits are cosines between a picture's embedding and a trained vector of each person.

    Written here, because pytorch-metric-learning's passes over the vectors take twice as long. A test compares values
    and gradients with its own.

    Args:
        embedding_size: D.
        people: P.
        scale: factor from cosines to logits.
    """

    needs_pairs = False

    def __init__(self, embedding_size: int, people: int, scale: float) -> None:
        super().__init__()
        self.scale = scale
        self.vectors = nn.Parameter(torch.randn(embedding_size, people).T.contiguous())

    @abstractmethod
    def with_margin(self, cosines: Tensor) -> Tensor:
        """Cosines `[N, 1]` between embeddings and their own person → `[N, 1]`, reduced by the margin."""

    def forward(self, network: SiameseNetwork, embeddings: Tensor, labels: Labels) -> Tensor:
        """Mean cross-entropy over the pictures, in nats."""
        lengths = self.vectors.norm(dim=1).clamp_min(1e-12)
        # The products are divided by the lengths, and not the vectors, because products are many times fewer.
        cosines = functional.linear(functional.normalize(embeddings, dim=1), self.vectors) / lengths
        own = labels.people[:, None]
        right = cosines.gather(1, own)
        logits = self.scale * cosines.scatter(1, own, self.with_margin(right))
        return functional.cross_entropy(logits, labels.people)


class CosFace(MarginSoftmax):
    """A margin on the cosine (Wang et al. 2018, eq. 4)."""

    def __init__(
        self, embedding_size: int, people: int, *, margin: NonNegativeFloat = 0.2, scale: PositiveFloat = 32.0
    ) -> None:
        super().__init__(embedding_size, people, scale)
        self.margin = margin

    def with_margin(self, cosines: Tensor) -> Tensor:
        """cos - margin."""
        return cosines - self.margin


class ArcFace(MarginSoftmax):
    """A margin on the angle, in degrees, below 90 (Deng et al. 2019, eq. 3)."""

    def __init__(
        self,
        embedding_size: int,
        people: int,
        *,
        margin: Annotated[float, Field(ge=0, lt=90)] = 11.5,
        scale: PositiveFloat = 32.0,
    ) -> None:
        super().__init__(embedding_size, people, scale)
        self.margin = math.radians(margin)

    def with_margin(self, cosines: Tensor) -> Tensor:
        """cos(angle + margin); where that is beyond 180° and the cosine would rise again, cos(angle) less a constant.

        The constant is m sin m, as in the authors' program. It is a little more than would join the two parts.
        """
        angles = cosines.clamp(-1 + _FLAT, 1 - _FLAT).acos()
        beyond = angles.cos() - self.margin * math.sin(self.margin)
        return torch.where(angles <= math.pi - self.margin, (angles + self.margin).cos(), beyond)
