"""Dense local descriptors: many small patches of a picture, each described by its gradients."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from twinface.core.errors import SettingsError
from twinface.core.types import WHOLE_FRAME
from twinface.networks.backbones.resampling import Resample

ORIENTATIONS = 8  # over a whole turn; `_edges` is written for eight
PARTS = 4  # cells along each side of a patch
LENGTH = ORIENTATIONS * PARTS * PARTS  # of a descriptor
CLIP = 0.2  # of a patch's length, so that one strong edge does not dominate
FLOOR = 0.05  # added to the length that values are clipped by, in standard deviations of the picture


class Patches(nn.Module):
    """Dense SIFT (Lowe 2004; Bosch, Zisserman and Munoz 2007) with square roots (Arandjelovic and Zisserman 2012).

    A gradient counts for the orientations near its own by the ninth power of a cosine.

    Args:
        height, width: of the picture.
        scale: factor by which the picture is resized first.
        step: pixels between neighbouring patches, in the smaller picture.
        cell: side of a patch's cells in pixels; a patch has 4x4.

    Raises:
        SettingsError: no patch fits into the picture.
    """

    cut: Tensor
    cell_sum: Tensor
    rows: Tensor
    columns: Tensor
    places: Tensor

    def __init__(self, height: int, width: int, scale: float, step: int, cell: int) -> None:
        super().__init__()
        self.size = (round(height * scale), round(width * scale))
        reach = cell - 1
        if min(self.size) <= 2 * reach + (PARTS - 1) * cell:
            raise SettingsError(
                f"fisher: a patch of {(PARTS + 1) * cell} pixels does not fit into {self.size[0]}x{self.size[1]}, "
                f"which is {height}x{width} at scale {scale:g}"
            )
        # Not torch's interpolation: OpenVINO reads an exported one as if it had no antialias.
        same = self.size == (height, width)
        self.resize = nn.Identity() if same else Resample(height, width, WHOLE_FRAME, *self.size)
        # Cells are needed wherever a patch has one: at all multiples of this many pixels.
        every = math.gcd(step, cell)
        self.stride, self.apart = step // every, cell // every
        patches = [max(0, side - 2 * reach - (PARTS - 1) * cell - 1) // step + 1 for side in self.size]
        self.counts = (patches[0], patches[1])
        # The grid is centred, between two pixels if necessary, so that mirror images have the same one.
        spans = [(count - 1) * step + (PARTS - 1) * cell for count in patches]
        starts = [(side - 1 - span) / 2 for side, span in zip(self.size, spans, strict=True)]
        rows, columns = (
            _cell_sums(side, start + torch.arange(0, span + 1, every), cell)
            for side, start, span in zip(self.size, starts, spans, strict=True)
        )
        down, across = (
            (torch.arange(count) - (count - 1) / 2) * step / side
            for count, side in zip(patches, self.size, strict=True)
        )
        places = torch.stack(torch.meshgrid(down, across, indexing="ij"), dim=2).reshape(-1, 2)
        # One convolution cuts out all sixteen cells of every patch.
        cut = torch.eye(PARTS * PARTS).reshape(-1, 1, PARTS, PARTS).repeat(ORIENTATIONS, 1, 1, 1)
        self.register_buffer("cut", cut, persistent=False)
        self.register_buffer("cell_sum", torch.ones(1, 1, PARTS, PARTS), persistent=False)
        self.register_buffer("rows", rows, persistent=False)
        self.register_buffer("columns", columns.T.contiguous(), persistent=False)
        self.register_buffer("places", places, persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """`[B, 1, H, W]` float32 -> descriptors `[B, P, 128]`, at the patches' `places` `[P, 2]`.

        Their length is 1, and 0 where a patch has no edges at all.
        """
        roots, factors = self.unscaled(images)
        return roots * factors

    def unscaled(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Descriptors `[B, P, 128]` before their last scaling, and the factors `[B, P, 1]` of that scaling.

        Lowe scales a patch to length 1, clips values at 0.2, and scales it again. Only the last scaling affects the
        result, and it is cheaper once descriptors are reduced to fewer numbers.
        """
        # The two directions of an edge are joined after the sums over cells, because cells are fewer than pixels.
        cells = torch.cat(
            [self.rows @ (side @ self.columns) for side in self._edges(self.resize(images))], dim=1
        )
        # The cells at one place within all patches are a strided cut of the map of all cells.
        patches = functional.conv2d(
            cells, self.cut, stride=self.stride, dilation=self.apart, groups=ORIENTATIONS
        )
        patches = patches.flatten(2).transpose(1, 2)
        # Squares are summed over orientations first, then over the sixteen cells of a patch.
        squares = (cells * cells).sum(1, keepdim=True)
        squares = functional.conv2d(squares, self.cell_sum, stride=self.stride, dilation=self.apart)
        lengths = squares.flatten(1)[:, :, None].sqrt() + FLOOR
        patches = torch.minimum(patches, CLIP * lengths)
        sums = torch.maximum(patches.sum(2, keepdim=True), 1e-6 * lengths)
        return patches.sqrt(), 1 / sums.sqrt()

    def _edges(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """`[B, 1, H, W] -> [B, 4, H, W]` twice: the strength of the edges of each orientation at each pixel.

        The second four orientations are opposite to the first four.
        """
        padded = functional.pad(images, (1, 1, 1, 1), mode="replicate")
        across = padded[:, :, 1:-1, 2:] - padded[:, :, 1:-1, :-2]
        down = padded[:, :, 2:, 1:-1] - padded[:, :, :-2, 1:-1]
        squares = (across * across + down * down).clamp_min(1e-12)
        per_strength = 1 / squares.sqrt()
        right, up = across * per_strength, down * per_strength
        half = math.sqrt(0.5)
        # Cosines of the gradient's angle with four orientations, an eighth of a turn apart.
        cosines = torch.cat([right, (right + up) * half, up, (up - right) * half], dim=1)
        # Products: inference engines compute squares as powers, which is slower.
        squared = cosines * cosines
        fourth = squared * squared
        edges = (fourth * fourth) * (cosines * (squares * per_strength))
        return edges.clamp_min(0), (-edges).clamp_min(0)


def _cell_sums(side: int, middles: Tensor, cell: int) -> Tensor:
    """`[N, side]`: row n is the weights of the pixels in the cell around `middles[n]`.

    A cell weights its pixels by a triangle of twice its width.
    """
    weights = (cell - (torch.arange(side) - middles[:, None]).abs()).clamp_min(0).float()
    return weights / weights.sum(1, keepdim=True)
