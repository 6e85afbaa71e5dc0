"""What every backbone is."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from torch import Tensor, nn

InputShape = tuple[int, int, int]
Positive = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, lt=1)]


class Backbone(nn.Module):
    """A module `[B, C, H, W] float32 -> [B, D] float32` that knows how long its embeddings are.

    Attributes:
        embedding_size: D.
        fits: whether `fit` does anything.
        at_once: pictures that a processor is best given together; more of them outgrow its cache.
    """

    embedding_size: int
    fits: bool = False
    at_once: int = 16

    def fit(self, images: Tensor, seed: int) -> None:
        """Learns from training pictures without their labels, once, before training begins; most networks do not.

        Args:
            images: `[N, C, H, W]`, as `forward` takes them.
            seed: of whatever is random.
        """

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
