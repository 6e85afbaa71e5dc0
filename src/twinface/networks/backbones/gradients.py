"""Histograms of oriented gradients (Dalal and Triggs 2005) and a dense layer over them.

What light does to a face changes slowly over the picture and so hardly touches its gradients; what is left, pooled
over cells, hardly notices small shifts. Little is left to learn, which is why this is the better half where training
faces are few, and worth having beside a convolutional network where they are many.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from twinface.core.errors import SettingsError
from twinface.core.settings import Fraction, PositiveInt
from twinface.core.types import WHOLE_FRAME
from twinface.networks.backbones.base import Backbone, InputShape
from twinface.networks.backbones.resampling import Resample

BINS = 9  # over half a turn, so that light on dark is the same edge as dark on light
CLIP = 0.4  # so that one strong edge does not drown the others
FLOOR = 0.1  # added to the divisor, in units of the picture's spread


class Edges(nn.Module):
    """How strong an edge of each orientation there is at each pixel; nothing is learnt.

    A gradient counts for the bins near its orientation by the fourth power of a cosine.
    """

    cosines: Tensor
    sines: Tensor

    def __init__(self) -> None:
        super().__init__()
        angles = torch.arange(BINS) * (2 * math.pi / BINS)
        self.register_buffer("cosines", angles.cos()[:, None, None], persistent=False)
        self.register_buffer("sines", angles.sin()[:, None, None], persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """`[B, 1, H, W]` float32 -> `[B, BINS, H, W]`, not negative."""
        padded = functional.pad(images, (1, 1, 1, 1), mode="replicate")
        across = padded[:, :, 1:-1, 2:] - padded[:, :, 1:-1, :-2]
        down = padded[:, :, 2:, 1:-1] - padded[:, :, :-2, 1:-1]
        # A bound, not a small summand: the ONNX exporter takes sums with 1e-12 for sums with 0.
        squared = (across.square() + down.square()).clamp_min(1e-12)
        # Doubling the angle makes opposite gradients one orientation.
        cosine, sine = (across.square() - down.square()) / squared, 2 * across * down / squared
        share = (cosine * self.cosines + sine * self.sines).clamp_min(0)
        return share.square().square() * squared.sqrt()


class Cells(nn.Module):
    """Edges summed around each cell, relative to the cells beside it; nothing is learnt.

    A cell takes its pixels with linearly falling weights from twice its width; its histogram is divided once, by the
    length of the nine histograms around it, where the paper divides by those of four blocks.

    Args:
        height, width: of the input.
        cell: side of a cell in pixels.

    Raises:
        SettingsError: a cell is larger than the input.
    """

    def __init__(self, height: int, width: int, cell: int) -> None:
        super().__init__()
        if cell > min(height, width):
            raise SettingsError(f"gradients: found cells of {cell} pixels in an input of {height}x{width}")
        self.counts = (round(height / cell), round(width / cell))
        self.pool = Resample(height, width, WHOLE_FRAME, *self.counts)

    def forward(self, edges: Tensor) -> Tensor:
        """`[B, BINS, H, W] -> [B, BINS, H / cell, W / cell]` in [0, CLIP]."""
        histograms = self.pool(edges)
        energy = functional.pad(histograms.square().sum(1, keepdim=True), (1, 1, 1, 1), mode="replicate")
        around = functional.avg_pool2d(energy, 3, 1).sqrt()
        result: Tensor = (histograms / (around + FLOOR)).clamp_max(CLIP)
        return result


class Gradients(Backbone):
    """Histograms of oriented gradients at several scales, and one dense layer, or two.

    Without a layer they are symmetric. The mirror image's histograms are the picture's with cells and orientations in
    another order, so one pass gives the mean of both, and half of its numbers say it all.

    Args:
        shape: of the input; one channel.
        cells: sides of the cells in pixels, one scale each.
        hidden: width of a layer between the histograms and the embedding; 0 for none.
        embedding: length of the embedding; 0 leaves the histograms themselves, of length 1, each averaged with that of
            the mirror image.
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
        cells: Sequence[PositiveInt] = (12, 8),
        hidden: int = 0,
        embedding: int = 256,
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
            kept, other = _mirrored_numbers([scale.counts for scale in scales])
            size = len(kept)
            self.register_buffer("kept", kept, persistent=False)
            self.register_buffer("other", other, persistent=False)
            # Lengths and cosines stay as they are with all numbers.
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
        # Nothing in the histograms learns, and bfloat16 is too coarse for differences of neighbouring pixels.
        with torch.no_grad(), torch.autocast(images.device.type, enabled=False):
            edges = self.edges(images.float())
            histograms = torch.cat([scale(edges).flatten(1) for scale in self.scales], dim=1)
            if self.symmetric:
                units = functional.normalize(histograms, dim=1)
                return (units[:, self.kept] + units[:, self.other]) * self.shares
        embeddings: Tensor = self.layers(histograms)
        return embeddings


def _mirrored_numbers(counts: Sequence[tuple[int, int]]) -> tuple[Tensor, Tensor]:
    """`[D]` each: numbers of the histograms, and those that they change places with when the picture is mirrored.

    One of each two that change places, and all that stay where they are.

    Args:
        counts: rows and columns of cells, for each scale.
    """
    turned = -torch.arange(BINS) % BINS
    mirrored, start = [], 0
    for rows, columns in counts:
        numbers = start + torch.arange(BINS * rows * columns).reshape(BINS, rows, columns)
        mirrored.append(numbers.flip(2)[turned].flatten())
        start += numbers.numel()
    other = torch.cat(mirrored)
    kept = torch.arange(start)
    chosen = kept <= other
    return kept[chosen], other[chosen]
