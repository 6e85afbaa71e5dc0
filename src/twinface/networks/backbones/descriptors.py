"""Many small patches of a picture, each described by its gradients."""

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
CLIP = 0.2  # so that one strong edge does not drown the others
FLOOR = 0.05  # added to a patch's length, in units of the picture's spread: flat patches stay short


class Patches(nn.Module):
    """Dense SIFT (Lowe 2004; Bosch, Zisserman and Munoz 2007) with square roots (Arandjelovic and Zisserman 2012).

    A gradient counts for the orientations near its own by the ninth power of a cosine.

    Args:
        height, width: of the picture.
        scale: the picture is first made smaller by this.
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
        # As torch's interpolation with antialias, which OpenVINO reads as one without.
        same = self.size == (height, width)
        self.resize = nn.Identity() if same else Resample(height, width, WHOLE_FRAME, *self.size)
        # Cells are needed at the places that both patches and the cells within them come to.
        every = math.gcd(step, cell)
        self.stride, self.apart = step // every, cell // every
        reach = cell - 1
        patches = [max(0, side - 2 * reach - (PARTS - 1) * cell - 1) // step + 1 for side in self.size]
        self.counts = (patches[0], patches[1])
        if min(self.size) <= 2 * reach + (PARTS - 1) * cell:
            raise SettingsError(
                f"fisher: a patch of {(PARTS + 1) * cell} pixels does not fit into {self.size[0]}x{self.size[1]}, "
                f"which is {height}x{width} at scale {scale:g}"
            )
        # The grid lies in the middle, between two pixels if need be: mirror images have the same one.
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
        # A convolution in place of sixteen slices.
        cut = torch.eye(PARTS * PARTS).reshape(-1, 1, PARTS, PARTS).repeat(ORIENTATIONS, 1, 1, 1)
        self.register_buffer("cut", cut, persistent=False)
        self.register_buffer("cell_sum", torch.ones(1, 1, PARTS, PARTS), persistent=False)
        self.register_buffer("rows", rows, persistent=False)
        self.register_buffer("columns", columns.T.contiguous(), persistent=False)
        self.register_buffer("places", places, persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """`[B, 1, H, W]` float32 -> descriptors `[B, P, 128]` of length 1; `places` `[P, 2]` says where they are."""
        roots, factors = self.unscaled(images)
        return roots * factors

    def unscaled(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Descriptors `[B, P, 128]` and what each is yet to be multiplied by, `[B, P, 1]`.

        Lowe brings a patch to length 1, cuts what is above a fifth, and divides again; only the last division matters
        to the result, and it can wait until there are fewer numbers.
        """
        # Each side of an edge by itself: cells are far fewer than pixels, so they are what is put together.
        cells = torch.cat(
            [self.rows @ (side @ self.columns) for side in self._edges(self.resize(images))], dim=1
        )
        # All patches' cells at one place within them are a strided cut of the map of all cells.
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
        """`[B, 1, H, W] -> [B, 4, H, W]` twice: how strong an edge of each orientation there is at each pixel.

        The second four are the orientations opposite to the first.
        """
        padded = functional.pad(images, (1, 1, 1, 1), mode="replicate")
        across = padded[:, :, 1:-1, 2:] - padded[:, :, 1:-1, :-2]
        down = padded[:, :, 2:, 1:-1] - padded[:, :, :-2, 1:-1]
        squares = (across * across + down * down).clamp_min(1e-12)
        per_strength = 1 / squares.sqrt()
        right, up = across * per_strength, down * per_strength
        half = math.sqrt(0.5)
        # The slope's angle with each of four orientations, an eighth of a turn apart.
        cosines = torch.cat([right, (right + up) * half, up, (up - right) * half], dim=1)
        # Products, since engines take squares for powers.
        squared = cosines * cosines
        fourth = squared * squared
        edges = (fourth * fourth) * (cosines * (squares * per_strength))
        return edges.clamp_min(0), (-edges).clamp_min(0)


def _cell_sums(side: int, middles: Tensor, cell: int) -> Tensor:
    """`[N, side]`: row n sums the pixels of the cell around `middles[n]`.

    A cell takes its pixels with linearly falling weights from twice its width.
    """
    weights = (cell - (torch.arange(side) - middles[:, None]).abs()).clamp_min(0).float()
    return weights / weights.sum(1, keepdim=True)


def mirrored_numbers() -> tuple[Tensor, Tensor]:
    """`[64]` each: the numbers of a descriptor, and those that they change places with when the picture is mirrored.

    The cells of a patch change sides, and an edge that points right points left.
    """
    numbers = torch.arange(LENGTH).reshape(ORIENTATIONS, PARTS, PARTS)
    turned = (ORIENTATIONS // 2 - torch.arange(ORIENTATIONS)) % ORIENTATIONS
    mirrored = numbers.flip(2)[turned]
    left = PARTS // 2
    return numbers[:, :, :left].flatten(), mirrored[:, :, :left].flatten()


def symmetric_components(descriptors: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """The principal components of centred descriptors and of their mirror images together.

    What is even and what is odd under mirroring are uncorrelated, so each has components of its own.

    Args:
        descriptors: `[M, 128]`.
        count: of the components, the largest first.

    Returns:
        Axes `[128, count]`; `[count]` what mirroring multiplies each component by, 1 or -1; and the largest variance.
        All are float64.
    """
    one, other = mirrored_numbers()
    variances, axes, signs = [], [], []
    for sign in (1, -1):
        halves = descriptors[:, one].double().add_(descriptors[:, other], alpha=sign).div_(math.sqrt(2))
        found = torch.linalg.eigh(halves.T @ halves / len(halves))
        axis = halves.new_zeros(LENGTH, len(one))
        axis[one] = found.eigenvectors / math.sqrt(2)
        axis[other] = sign * found.eigenvectors / math.sqrt(2)
        variances.append(found.eigenvalues)
        axes.append(axis)
        signs.append(torch.full((len(one),), sign))
    order = torch.cat(variances).argsort(descending=True)[:count]
    return torch.cat(axes, dim=1)[:, order], torch.cat(signs)[order], torch.cat(variances)[order[0]]
