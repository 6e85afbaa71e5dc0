"""Resizing as two matrix products: equal on every device, differentiable, and simple to export."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from twinface.core.types import Region


class Resample(nn.Module):
    """Cuts a region out of `[..., H, W]` and resizes it to `[..., height, width]`.

    Each output pixel is a weighted mean with linearly falling weights (a triangle filter). Where the picture is made
    smaller, the triangle is twice as wide as the output pixel, so that no input pixel is skipped. Where it is made
    larger, the two nearest input pixels count.

    Args:
        input_height, input_width: H and W.
        region: to cut out.
        height, width: of the output.
    """

    rows: Tensor
    columns: Tensor

    def __init__(self, input_height: int, input_width: int, region: Region, height: int, width: int) -> None:
        super().__init__()
        rows = _weights(input_height, region.top * input_height, region.height * input_height, height)
        columns = _weights(input_width, region.left * input_width, region.width * input_width, width)
        self.register_buffer("rows", rows, persistent=False)
        self.register_buffer("columns", columns.T.contiguous(), persistent=False)

    def forward(self, maps: Tensor) -> Tensor:
        """`[..., H, W] -> [..., height, width]`."""
        result: Tensor = self.rows @ maps @ self.columns
        return result


def _weights(size: int, start: float, length: float, count: int) -> Tensor:
    """`[count, size]`: row i is a triangle around the middle of the i-th of `count` steps; its sum is 1."""
    step = length / count
    middles = start + (torch.arange(count, dtype=torch.float64) + 0.5) * step
    distance = (torch.arange(size, dtype=torch.float64) + 0.5 - middles[:, None]).abs()
    weights = (1 - distance / max(step, 1.0)).clamp_min(0)
    return (weights / weights.sum(1, keepdim=True)).float()
