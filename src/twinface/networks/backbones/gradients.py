"""Histograms of oriented gradients at several scales, with or without dense layers over them.

Light changes slowly over a face and so hardly affects its gradients; sums over cells hardly notice small shifts. Little
is left to learn. So this is the more accurate part where training faces are few, and a useful second part beside a
convolutional network where they are many.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from twinface.core.errors import SettingsError
from twinface.core.fields import Fraction, PositiveInt
from twinface.networks.backbones.base import Backbone, InputShape
from twinface.networks.backbones.oriented_edges import BINS, Cells, Edges


class Gradients(Backbone):
    """Histograms of oriented gradients at several scales, then no, one or two dense layers.

    Without a dense layer the backbone is symmetric: the mirror image has the same numbers in another order. So one pass
    gives the mean of a picture and its mirror image, and half of the numbers are enough.

    Args:
        shape: of the input; one channel.
        cells: sides of the cells in pixels, one for each scale.
        hidden: width of a layer between the histograms and the embedding; 0 for none.
        embedding: length of the embedding; 0 for no dense layer: the embedding is the histograms at length 1, each
            averaged with that of the mirror image.
        dropout: before each dense layer.

    Raises:
        SettingsError: the input has several channels or is smaller than a cell.
    """

    kept: Tensor
    other: Tensor
    shares: Tensor

    def __init__(
        self,
        shape: InputShape,
        *,
        cells: Annotated[Sequence[PositiveInt], Field(min_length=1)] = (12, 8),
        hidden: Annotated[int, Field(ge=0, le=1_000_000)] = 0,
        embedding: Annotated[int, Field(ge=0, le=1_000_000)] = 256,
        dropout: Fraction = 0.3,
    ) -> None:
        super().__init__()
        channels, height, width = shape
        if channels != 1:
            raise SettingsError(f"gradients: found {channels} channels, need 1: set imaging.color to gray")
        self.edges = Edges()
        scales = [Cells(height, width, cell) for cell in cells]
        self.scales = nn.ModuleList(scales)
        self.symmetric = not (hidden or embedding)
        size = sum(BINS * rows * columns for rows, columns in (scale.counts for scale in scales))
        if self.symmetric:
            kept, other = _mirrored_indices([scale.counts for scale in scales])
            size = len(kept)
            self.register_buffer("kept", kept, persistent=False)
            self.register_buffer("other", other, persistent=False)
            # With these factors, lengths and cosines are those of all numbers.
            shares = torch.where(kept == other, 0.5, math.sqrt(0.5))
            self.register_buffer("shares", shares, persistent=False)
        layers: list[nn.Module] = [nn.BatchNorm1d(size, affine=False)] if hidden or embedding else []
        for count in filter(None, (hidden, embedding)):
            if len(layers) > 1:
                layers.append(nn.ReLU())
            layers += [nn.Dropout(dropout), nn.Linear(size, count, bias=False), nn.BatchNorm1d(count)]
            size = count
        self.layers = nn.Sequential(*layers)
        self.embedding_size = size

    def forward(self, images: Tensor) -> Tensor:
        """`[B, 1, H, W] -> [B, D]`."""
        # Histograms have no trained weights, and bfloat16 is too coarse for differences of neighbouring pixels.
        with torch.no_grad(), torch.autocast(images.device.type, enabled=False):
            edges = self.edges(images.float())
            histograms = torch.cat([scale(edges).flatten(1) for scale in self.scales], dim=1)
            if self.symmetric:
                units = functional.normalize(histograms, dim=1)
                return (units[:, self.kept] + units[:, self.other]) * self.shares
        embeddings: Tensor = self.layers(histograms)
        return embeddings


def _mirrored_indices(counts: Sequence[tuple[int, int]]) -> tuple[Tensor, Tensor]:
    """Which numbers of the histograms are swapped when the picture is mirrored.

    Args:
        counts: rows and columns of cells, for each scale.

    Returns:
        Two lists of indices `[D]`. Of each two numbers that are swapped, one is in the first list and the other at the
        same place in the second; a number that stays is in both.
    """
    turned = -torch.arange(BINS) % BINS
    mirrored, start = [], 0
    for rows, columns in counts:
        indices = start + torch.arange(BINS * rows * columns).reshape(BINS, rows, columns)
        mirrored.append(indices.flip(2)[turned].flatten())
        start += indices.numel()
    other = torch.cat(mirrored)
    kept = torch.arange(start)
    chosen = kept <= other
    return kept[chosen], other[chosen]
