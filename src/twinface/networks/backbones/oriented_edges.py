"""Histograms of oriented gradients (Dalal and Triggs 2005): edges by orientation, summed over cells."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from twinface.core.errors import SettingsError
from twinface.core.types import WHOLE_FRAME
from twinface.networks.backbones.resampling import Resample

BINS = 9  # over half a turn, so that light on dark is the same edge as dark on light
CLIP = 0.4  # the largest value, so that one strong edge does not dominate
FLOOR = 0.1  # added to the divisor, in standard deviations of the picture


class Edges(nn.Module):
    """The strength of the edges of each orientation at each pixel; there are no trained weights.

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
        """`[B, 1, H, W]` float32 -> `[B, BINS, H, W]`, at least 0."""
        padded = functional.pad(images, (1, 1, 1, 1), mode="replicate")
        across = padded[:, :, 1:-1, 2:] - padded[:, :, 1:-1, :-2]
        down = padded[:, :, 2:, 1:-1] - padded[:, :, :-2, 1:-1]
        # A lower bound and not an added constant: the ONNX exporter drops an added 1e-12.
        squared = (across.square() + down.square()).clamp_min(1e-12)
        # Doubling the angle makes opposite gradients one orientation.
        cosine, sine = (across.square() - down.square()) / squared, 2 * across * down / squared
        share = (cosine * self.cosines + sine * self.sines).clamp_min(0)
        return share.square().square() * squared.sqrt()


class Cells(nn.Module):
    """Edges summed over each cell, relative to the cells around it; there are no trained weights.

    A cell weights its pixels by a triangle of twice its width. Its histogram is divided once, by the length of the nine
    histograms around it; the paper divides by those of four blocks.

    Args:
        height, width: of the input.
        cell: side of a cell in pixels.

    Raises:
        SettingsError: a cell is larger than the input.
    """

    def __init__(self, height: int, width: int, cell: int) -> None:
        super().__init__()
        if cell > min(height, width):
            raise SettingsError(
                f"gradients: found cells of {cell} pixels in an input of {height}x{width}, need cells that fit into it"
            )
        self.counts = (round(height / cell), round(width / cell))
        self.pool = Resample(height, width, WHOLE_FRAME, *self.counts)

    def forward(self, edges: Tensor) -> Tensor:
        """`[B, BINS, H, W] -> [B, BINS, H / cell, W / cell]` in [0, CLIP]."""
        histograms = self.pool(edges)
        energy = functional.pad(histograms.square().sum(1, keepdim=True), (1, 1, 1, 1), mode="replicate")
        around = functional.avg_pool2d(energy, 3, 1).sqrt()
        result: Tensor = (histograms / (around + FLOOR)).clamp_max(CLIP)
        return result
