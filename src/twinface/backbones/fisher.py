"""Fisher vectors of dense local descriptors (Simonyan, Parkhi, Vedaldi and Zisserman 2013, "Fisher Vector Faces in the
Wild").

Thousands of small patches, each described by its gradients and by where it is, are held against a mixture of Gaussians
that has learnt, without labels, what patches of faces look like. The embedding says how the patches of this face
differ from those of the average one. Since a patch may move a little and still be compared with the same Gaussian,
poses do less harm than to a fixed grid of cells. With PLDA on top it is our most accurate single network on LFW
(docs/accuracy.md), and no step of training is in it.

Everything here is symmetric, so that mirror images cost nothing. The patches of a picture and of its mirror image lie
on the same grid; mirroring a picture exchanges the numbers that describe a patch; principal components are even or odd
under that exchange; and each Gaussian has a mirrored one beside it. So the mirror image's Fisher vector has the same
numbers as the picture's, in another order and some with the other sign, and the mean of both has half as many.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from twinface.backbones.base import Backbone, InputShape, Positive
from twinface.backbones.resampling import Resample
from twinface.errors import SettingsError
from twinface.types import WHOLE_FRAME

ORIENTATIONS = 8  # over a whole turn
PARTS = 4  # cells along each side of a patch
CLIP = 0.2  # so that one strong edge does not drown the others
FLOOR = 0.05  # added to a patch's length, in units of the picture's spread: flat patches stay short

KMEANS_STEPS, EM_STEPS = 8, 10
PATCHES_TO_LEARN_FROM = 200_000
SMALLEST_VARIANCE = 1e-3  # of a Gaussian along a direction, in units of all patches' variance

Scale = Annotated[float, Field(gt=0, le=1)]
_LENGTH = ORIENTATIONS * PARTS * PARTS


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

    slopes: Tensor
    cut: Tensor
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
        # Convolutions in place of shifts and cuts: a third of the operations, and of the passes over memory.
        slopes = torch.zeros(2, 1, 3, 3)
        slopes[0, 0, 1] = slopes[1, 0, :, 1] = torch.tensor([-1.0, 0.0, 1.0])
        angles = torch.arange(ORIENTATIONS) * (2 * math.pi / ORIENTATIONS)
        turned = torch.tensordot(torch.stack([angles.cos(), angles.sin()], dim=1), slopes, dims=1)
        cut = torch.eye(PARTS * PARTS).reshape(-1, 1, PARTS, PARTS).repeat(ORIENTATIONS, 1, 1, 1)
        self.register_buffer("slopes", torch.cat([slopes, turned]), persistent=False)
        self.register_buffer("cut", cut, persistent=False)
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
        cells = self.rows @ self._edges(self.resize(images)) @ self.columns
        # All patches' cells at one place within them are a strided cut of the map of all cells.
        patches = functional.conv2d(
            cells, self.cut, stride=self.stride, dilation=self.apart, groups=ORIENTATIONS
        )
        patches = patches.flatten(2).transpose(1, 2)
        lengths = torch.linalg.vector_norm(patches, dim=2, keepdim=True) + FLOOR
        patches = torch.minimum(patches, CLIP * lengths)
        sums = torch.maximum(patches.sum(2, keepdim=True), 1e-6 * lengths)
        return patches.sqrt(), 1 / sums.sqrt()

    def _edges(self, images: Tensor) -> Tensor:
        """`[B, 1, H, W] -> [B, 8, H, W]`: how strong an edge of each orientation there is at each pixel."""
        padded = functional.pad(images, (1, 1, 1, 1), mode="replicate")
        slopes = functional.conv2d(padded, self.slopes)
        across, down, turned = slopes[:, :1], slopes[:, 1:2], slopes[:, 2:].clamp_min(0)
        strength = (across * across + down * down).clamp_min(1e-12).sqrt()
        # Products, since engines take squares for powers.
        cosine = turned * (1 / strength)
        squared = cosine * cosine
        fourth = squared * squared
        return fourth * fourth * turned


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
    numbers = torch.arange(_LENGTH).reshape(ORIENTATIONS, PARTS, PARTS)
    turned = (ORIENTATIONS // 2 - torch.arange(ORIENTATIONS)) % ORIENTATIONS
    mirrored = numbers.flip(2)[turned]
    left = PARTS // 2
    return numbers[:, :, :left].flatten(), mirrored[:, :, :left].flatten()


class Fisher(Backbone):
    """Fisher vectors with signed square roots, of length 1, each averaged with that of the mirror image.

    `fit` learns from pictures without labels; until then all Gaussians are alike and so are all pictures.

    Args:
        shape: of the input; one channel.
        gaussians: of the mixture; half of them are mirror images of the others.
        dimensions: principal components of a descriptor that are kept.
        scales: of the picture, one set of patches each.
        steps: pixels between patches at each scale.
        cell: side of a patch's 4x4 cells, in pixels.

    Raises:
        SettingsError: the input has several channels or is smaller than a patch; scales and steps differ in number; or
            the number of Gaussians is odd.
    """

    middle: Tensor
    axes: Tensor
    signs: Tensor
    means: Tensor
    variances: Tensor
    shares: Tensor
    fits = True
    symmetric = True
    at_once = 2

    def __init__(
        self,
        shape: InputShape,
        *,
        gaussians: Positive = 256,
        dimensions: Annotated[int, Field(ge=1, le=_LENGTH)] = 64,
        scales: Sequence[Scale] = (1.0, 0.7071, 0.5, 0.3536, 0.25),
        steps: Sequence[Positive] = (3, 2, 2, 1, 1),
        cell: Annotated[int, Field(ge=2)] = 6,
    ) -> None:
        super().__init__()
        channels, height, width = shape
        if channels != 1:
            raise SettingsError(f"fisher: found {channels} channels, need 1: set imaging.color to gray")
        if len(scales) != len(steps):
            raise SettingsError(f"fisher: found {len(scales)} scales and {len(steps)} steps, need as many")
        if gaussians % 2:
            raise SettingsError(
                f"fisher: found {gaussians} Gaussians, need an even number: each has a mirror image"
            )
        self._scales = tuple(
            Patches(height, width, scale, step, cell) for scale, step in zip(scales, steps, strict=True)
        )
        self.scales = nn.ModuleList(self._scales)
        size = dimensions + 2
        self.register_buffer("middle", torch.zeros(_LENGTH + 2))
        # Of descriptors and of places apart.
        axes = torch.zeros(_LENGTH + 2, size)
        axes[:_LENGTH, :dimensions] = torch.eye(_LENGTH)[:, :dimensions]
        axes[_LENGTH:, dimensions:] = torch.eye(2)
        self.register_buffer("axes", axes)
        # 1 or -1: what mirroring a picture does to each number of a reduced patch.
        self.register_buffer("signs", torch.ones(size))
        # Of one half of the mixture; the other half has the same shares and variances, and means with these signs.
        half = gaussians // 2
        self.register_buffer("means", torch.zeros(half, size))
        self.register_buffer("variances", torch.ones(half, size))
        self.register_buffer("shares", torch.full((half,), 1 / gaussians))
        self.embedding_size = gaussians * size

    def forward(self, images: Tensor) -> Tensor:
        """`[B, 1, H, W] -> [B, gaussians * (dimensions + 2)]`: the mean of two vectors of length 1."""
        # A patch's place among Gaussians is a difference of large numbers: bfloat16 is too coarse for it.
        with torch.no_grad(), torch.autocast(images.device.type, enabled=False):
            means, variances, shares = self._mixture()
            weights = _likelihoods(means, variances, shares).T
            sums = images.new_zeros(())
            patches = 0
            for scale in self._scales:
                moments = _moments(self._reduced(scale, images.float()))
                belonging = torch.softmax(moments @ weights, dim=2)
                sums = sums + belonging.transpose(1, 2) @ moments
                patches += moments.shape[1]
            return self._folded(self._gradient(sums / patches))

    @torch.no_grad()
    def fit(self, images: Tensor, seed: int) -> None:
        """Learns principal components and mixture from patches of pictures; no labels are used.

        Args:
            images: `[N, 1, H, W]`, as `forward` takes them.
            seed: of the choice of patches and of the mixture's start.
        """
        random = torch.Generator().manual_seed(seed)
        patches = self._some_patches(images, random)
        spread = patches[:, _LENGTH:].std()
        one, other = mirrored_numbers()
        self.middle.copy_(patches.mean(0))
        self.middle[one] = self.middle[other] = (self.middle[one] + self.middle[other]) / 2
        self.middle[-1] = 0
        centred = patches - self.middle
        kept = self.axes.shape[1] - 2
        axes, signs, largest = symmetric_components(centred[:, :_LENGTH].double(), kept)
        self.axes.zero_()
        self.axes[:_LENGTH, :kept] = axes.float()
        # The place counts as much as the first principal component.
        self.axes[_LENGTH:, kept:] = torch.eye(2) * (largest.sqrt().float() / spread)
        self.signs.copy_(torch.cat([signs.float(), torch.tensor([1.0, -1.0])]))
        means, variances, shares = fit_mixture(centred @ self.axes, len(self.means), random, self.signs)
        self.means.copy_(means)
        self.variances.copy_(variances)
        self.shares.copy_(shares)

    def _mixture(self) -> tuple[Tensor, Tensor, Tensor]:
        """Means `[K, D]`, variances `[K, D]` and shares `[K]` of all Gaussians, mirror images last."""
        return (
            torch.cat([self.means, self.means * self.signs]),
            torch.cat([self.variances, self.variances]),
            torch.cat([self.shares, self.shares]),
        )

    def _folded(self, vectors: Tensor) -> Tensor:
        """`[B, K, 2 D]` -> `[B, K D]`: the mean of a picture's vector and its mirror image's.

        What a Gaussian sees of the mirror image is what its mirror image sees of the picture, mirrored.
        """
        one, other = vectors.chunk(2, dim=1)
        signs = torch.cat([self.signs, torch.ones_like(self.signs)])
        return ((one + other * signs) / 2).flatten(1)

    def _some_patches(self, images: Tensor, random: torch.Generator) -> Tensor:
        """`[M, 130]`: descriptors and places of patches, the same number of each picture."""
        each = max(1, PATCHES_TO_LEARN_FROM // len(images))
        found = []
        for image in torch.split(images, 1):
            patches = torch.cat([torch.cat([scale(image)[0], scale.places], dim=1) for scale in self._scales])
            found.append(patches[torch.randint(len(patches), (each,), generator=random)])
        return torch.cat(found)

    def _reduced(self, scale: Patches, images: Tensor) -> Tensor:
        """`[B, 1, H, W] -> [B, P, dimensions + 2]`: components of the descriptors, and places."""
        roots, factors = scale.unscaled(images)
        axes, middle = self.axes[:_LENGTH, :-2], self.middle[:_LENGTH]
        described = (roots @ axes) * factors - middle @ axes
        placed = (scale.places - self.middle[_LENGTH:]) @ self.axes[_LENGTH:, -2:]
        return torch.cat([described, placed.expand(images.shape[0], -1, -1)], dim=2)

    def _gradient(self, sums: Tensor) -> Tensor:
        """Fisher vectors (Perronnin, Sanchez and Mensink 2010) from the mixture's statistics of each picture.

        Args:
            sums: `[B, K, 2 D + 1]`, the mean over all patches of `_moments`, so far as each Gaussian takes them.

        Returns:
            `[B, K, 2 D]`, each picture's of length 1.
        """
        size = self.means.shape[1]
        first, second, counts = torch.split(sums, [size, size, 1], dim=2)
        means, variances, shares = self._mixture()
        roots = shares.sqrt()[:, None]
        of_means = (first - counts * means) / variances.sqrt() / roots
        of_spreads = (second - 2 * means * first + means.square() * counts) / variances - counts
        of_spreads = of_spreads / (math.sqrt(2) * roots)
        gradient = torch.cat([of_means, of_spreads], dim=2)
        rooted = gradient.sign() * gradient.abs().clamp_min(1e-12).sqrt()
        return functional.normalize(rooted.flatten(1), dim=1).reshape(rooted.shape)


def symmetric_components(descriptors: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """The principal components of centred descriptors and of their mirror images together.

    What is even and what is odd under mirroring are uncorrelated, so each has components of its own.

    Args:
        descriptors: `[M, 128]`.
        count: of the components, the largest first.

    Returns:
        Axes `[128, count]`, `[count]` what mirroring multiplies each component by, 1 or -1, and the largest variance.
    """
    one, other = mirrored_numbers()
    variances, axes, signs = [], [], []
    for sign in (1, -1):
        halves = (descriptors[:, one] + sign * descriptors[:, other]) / math.sqrt(2)
        found = torch.linalg.eigh(halves.T @ halves / len(halves))
        axis = descriptors.new_zeros(_LENGTH, len(one))
        axis[one] = found.eigenvectors / math.sqrt(2)
        axis[other] = sign * found.eigenvectors / math.sqrt(2)
        variances.append(found.eigenvalues)
        axes.append(axis)
        signs.append(torch.full((len(one),), sign))
    order = torch.cat(variances).argsort(descending=True)[:count]
    return torch.cat(axes, dim=1)[:, order], torch.cat(signs)[order], torch.cat(variances)[order[0]]


def fit_mixture(
    values: Tensor, half: int, random: torch.Generator, signs: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """A symmetric mixture of Gaussians with diagonal covariances, by k-means and then expectation-maximisation.

    It is fitted to the values and their mirror images alike, and each Gaussian's mirror image is in it.

    Args:
        values: `[M, D]`.
        half: K, half the number of Gaussians, at most M.
        random: which values the K begin with.
        signs: `[D]` of 1 and -1, what mirroring multiplies a value by.

    Returns:
        Of the half whose mirror images are the other half: means `[K, D]`, variances `[K, D]` and shares `[K]`, which
        sum to 1/2.
    """
    # The values and their mirror images have this variance; the means of those that change sign are 0.
    every = values.square().mean(0) - torch.where(signs > 0, values.mean(0), 0.0).square()
    every = every.clamp_min(1e-12)
    smallest = SMALLEST_VARIANCE * every
    means = values[torch.randperm(len(values), generator=random)[:half]]
    for step in range(KMEANS_STEPS):
        both = torch.cat([means, means * signs]) / every.sqrt()
        nearest = torch.cat(
            [torch.cdist(part / every.sqrt(), both).argmin(1) for part in torch.split(values, 8192)]
        )
        # A value whose nearest is a mirror image belongs, mirrored, to the original.
        owner = nearest % half
        turned = torch.where(nearest[:, None] < half, values, values * signs)
        counts = torch.bincount(owner, minlength=half)[:, None]
        if step < KMEANS_STEPS - 1:
            sums = torch.zeros_like(means).index_add_(0, owner, turned)
            means = torch.where(counts > 0, sums / counts.clamp_min(1), means)
    squares = torch.zeros_like(means).index_add_(0, owner, (turned - means[owner]).square())
    variances = torch.where(counts > 1, squares / counts.clamp_min(1), every).clamp_min(smallest)
    shares = (counts[:, 0].float() + 1) / (len(values) + half) / 2
    for _ in range(EM_STEPS):
        weights = _likelihoods(
            torch.cat([means, means * signs]), torch.cat([variances, variances]), torch.cat([shares, shares])
        ).T
        sums = torch.zeros_like(weights.T)
        for part in torch.split(values, 8192):
            moments = _moments(part)
            sums += torch.softmax(moments @ weights, dim=1).T @ moments
        sums = sums[:half] + sums[half:] * torch.cat([signs, torch.ones(len(signs) + 1)])
        first, second, taken = torch.split(sums, [len(signs), len(signs), 1], dim=1)
        first, second = first / taken.clamp_min(1e-6), second / taken.clamp_min(1e-6)
        # A Gaussian that takes nothing stays where it is.
        used = taken > 1e-3
        means = torch.where(used, first, means)
        variances = torch.where(used, second - first.square(), variances).maximum(smallest)
        shares = (taken[:, 0] / taken.sum() / 2).clamp_min(1e-6)
    return means, variances, shares


def _moments(values: Tensor) -> Tensor:
    """`[..., D] -> [..., 2 D + 1]`: each value, its squares, and 1."""
    return torch.cat([values, values * values, torch.ones_like(values[..., :1])], dim=-1)


def _likelihoods(means: Tensor, variances: Tensor, shares: Tensor) -> Tensor:
    """`[K, 2 D + 1]`: each Gaussian's log-likelihood as a linear function of `_moments`, but for what all share."""
    precisions = 1 / variances
    offsets = shares.log() - 0.5 * (variances.log().sum(1) + (means.square() * precisions).sum(1))
    return torch.cat([means * precisions, -0.5 * precisions, offsets[:, None]], dim=1)
