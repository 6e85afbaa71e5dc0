"""Fisher vectors of dense local descriptors (Simonyan, Parkhi, Vedaldi and Zisserman 2013, "Fisher Vector Faces in the
Wild").

Hundreds of small patches, each described by its gradients and by where it is, are held against a mixture of Gaussians
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
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from twinface.core.errors import SettingsError
from twinface.core.settings import PositiveInt
from twinface.networks.backbones.base import Backbone, InputShape
from twinface.networks.backbones.descriptors import LENGTH, Patches, mirrored_numbers, symmetric_components
from twinface.networks.backbones.mixture import fit_mixture, likelihoods, moments, whole_mixture

PATCHES_TO_LEARN_FROM = 200_000

Scale = Annotated[float, Field(gt=0, le=1)]


class Fisher(Backbone):
    """Fisher vectors with signed square roots, of length 1, each averaged with that of the mirror image.

    `fit` learns from pictures without labels; until then all Gaussians are alike and so are all pictures.

    Args:
        shape: of the input; one channel.
        gaussians: of the mixture; half of them are mirror images of the others.
        dimensions: principal components of a descriptor that are kept.
        scales: of the picture, one set of patches each; one was as accurate as five (docs/accuracy.md).
        steps: pixels between patches at each scale.
        cell: side of a patch's 4x4 cells, in pixels.
        orders: 1 keeps how the patches' means differ from the Gaussians' alone, 2 how their spreads differ too, which
            doubles the vector.

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
        gaussians: PositiveInt = 256,
        dimensions: Annotated[int, Field(ge=1, le=LENGTH)] = 64,
        scales: Sequence[Scale] = (1.0,),
        steps: Sequence[PositiveInt] = (4,),
        cell: Annotated[int, Field(ge=2)] = 6,
        orders: Literal[1, 2] = 1,
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
        self.register_buffer("middle", torch.zeros(LENGTH + 2))
        # Of descriptors and of places apart.
        axes = torch.zeros(LENGTH + 2, size)
        axes[:LENGTH, :dimensions] = torch.eye(LENGTH)[:, :dimensions]
        axes[LENGTH:, dimensions:] = torch.eye(2)
        self.register_buffer("axes", axes)
        # 1 or -1: what mirroring a picture does to each number of a reduced patch.
        self.register_buffer("signs", torch.ones(size))
        # Of one half of the mixture; the other half has the same shares and variances, and means with these signs.
        half = gaussians // 2
        self.register_buffer("means", torch.zeros(half, size))
        self.register_buffer("variances", torch.ones(half, size))
        self.register_buffer("shares", torch.full((half,), 1 / gaussians))
        self.orders = orders
        self.embedding_size = half * size * orders

    def forward(self, images: Tensor) -> Tensor:
        """`[B, 1, H, W] -> [B, gaussians / 2 * (dimensions + 2) * orders]`: the mean of two vectors of length 1."""
        # A patch's place among Gaussians is a difference of large numbers: bfloat16 is too coarse for it.
        with torch.no_grad(), torch.autocast(images.device.type, enabled=False):
            means, variances, shares = self._mixture()
            weights = likelihoods(means, variances, shares).T
            needed = means.shape[1] * self.orders + 1
            sums = images.new_zeros(())
            patches = 0
            for scale in self._scales:
                seen = moments(self._reduced(scale, images.float()))
                belonging = torch.softmax(seen @ weights, dim=2)
                sums = sums + belonging.transpose(1, 2) @ seen[:, :, :needed]
                patches += seen.shape[1]
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
        spread = patches[:, LENGTH:].std()
        one, other = mirrored_numbers()
        self.middle.copy_(patches.mean(0))
        self.middle[one] = self.middle[other] = (self.middle[one] + self.middle[other]) / 2
        self.middle[-1] = 0
        patches -= self.middle
        kept = self.axes.shape[1] - 2
        axes, signs, largest = symmetric_components(patches[:, :LENGTH], kept)
        self.axes.zero_()
        self.axes[:LENGTH, :kept] = axes.float()
        # The place counts as much as the first principal component.
        self.axes[LENGTH:, kept:] = torch.eye(2) * (largest.sqrt().float() / spread)
        self.signs.copy_(torch.cat([signs.float(), torch.tensor([1.0, -1.0])]))
        means, variances, shares = fit_mixture(patches @ self.axes, len(self.means), random, self.signs)
        self.means.copy_(means)
        self.variances.copy_(variances)
        self.shares.copy_(shares)

    def _mixture(self) -> tuple[Tensor, Tensor, Tensor]:
        """Means `[K, D]`, variances `[K, D]` and shares `[K]` of all Gaussians, mirror images last."""
        return whole_mixture(self.means, self.variances, self.shares, self.signs)

    def _folded(self, vectors: Tensor) -> Tensor:
        """`[B, K, D * orders]` -> `[B, K / 2 * D * orders]`: the mean of a picture's vector and its mirror image's.

        What a Gaussian sees of the mirror image is what its mirror image sees of the picture, mirrored.
        """
        one, other = vectors.chunk(2, dim=1)
        signs = torch.cat([self.signs, torch.ones_like(self.signs)])[: vectors.shape[2]]
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
        described = (roots @ self.axes[:LENGTH]) * factors
        places = (scale.places - self.middle[LENGTH:]) @ self.axes[LENGTH:]
        return described + (places - self.middle[:LENGTH] @ self.axes[:LENGTH])

    def _gradient(self, sums: Tensor) -> Tensor:
        """Fisher vectors (Perronnin, Sanchez and Mensink 2010) from the mixture's statistics of each picture.

        Args:
            sums: `[B, K, D * orders + 1]`, the mean over all patches of the first of their `moments`, so far as each
                Gaussian takes them.

        Returns:
            `[B, K, D * orders]`, each picture's of length 1.
        """
        size = self.means.shape[1]
        first, counts = sums[:, :, :size], sums[:, :, size : size + 1]
        means, variances, shares = self._mixture()
        roots = shares.sqrt()[:, None]
        gradient = (first - counts * means) * (1 / (variances.sqrt() * roots))
        if self.orders == 2:
            second = sums[:, :, size + 1 :]
            of_spreads = (second - 2 * means * first + means.square() * counts) / variances - counts
            gradient = torch.cat([gradient, of_spreads / (math.sqrt(2) * roots)], dim=2)
        rooted = gradient / gradient.abs().clamp_min(1e-12).sqrt()
        return functional.normalize(rooted.flatten(1), dim=1).reshape(rooted.shape)
