"""Resizing as two matrix products: exact on every device, differentiable, and plain to every exporter."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from twinface.core.types import Region


class Resample(nn.Module):
    """Cuts a region out of `[..., H, W]` and brings it to `[..., height, width]`.

    Each output takes its inputs with linearly falling weights, from twice the output's own width where the picture
    gets smaller (so nothing is skipped) and from the two nearest pixels where it gets larger.

    Args:
        input_height, input_width: H and W.
        region: what to cut out.
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
        """`[..., H, W]` -> `[..., height, width]`."""
        result: Tensor = self.rows @ maps @ self.columns
        return result


def _weights(size: int, start: float, length: float, count: int) -> Tensor:
    """`[count, size]`: row i holds a triangle around the middle of the i-th of `count` steps, summing to 1."""
    step = length / count
    middles = start + (torch.arange(count, dtype=torch.float64) + 0.5) * step
    distance = (torch.arange(size, dtype=torch.float64) + 0.5 - middles[:, None]).abs()
    weights = (1 - distance / max(step, 1.0)).clamp_min(0)
    return (weights / weights.sum(1, keepdim=True)).float()
