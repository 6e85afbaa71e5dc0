"""Fisher vectors of dense local descriptors (Simonyan, Parkhi, Vedaldi and Zisserman 2013, "Fisher Vector Faces in the
Wild").

A picture is cut into hundreds of small patches, each described by its gradients and its place. A mixture of Gaussians,
fitted without labels, models the patches of all faces. The embedding says how the patches of this face differ from
those of the average face. A patch may move a little and is still compared with the same Gaussian, so poses do less harm
than with a fixed grid of cells. With PLDA, this is the most accurate single network here on LFW (docs/accuracy.md). It
has no gradient descent.

Everything is symmetric, so the average with the mirror image takes no second pass. The patches of a picture and of its
mirror image lie on the same grid. Mirroring a picture swaps the numbers of a descriptor. Principal components are even
or odd under this swap. Each Gaussian has a mirror image in the mixture. So the Fisher vector of the mirror image has
the numbers of the picture's, in another order and some with the other sign, and their mean has half as many numbers.
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
from twinface.core.fields import PositiveInt
from twinface.networks.backbones.base import Backbone, InputShape
from twinface.networks.backbones.descriptors import LENGTH, Patches
from twinface.networks.backbones.mirror_symmetry import mirrored_indices, symmetric_components
from twinface.networks.backbones.mixture import fit_mixture, likelihoods, moments, whole_mixture

PATCHES_TO_FIT = 200_000

Scale = Annotated[float, Field(ge=0.01, le=1)]


class Fisher(Backbone):
    """Fisher vectors with signed square roots and length 1, each averaged with that of the mirror image.

    `fit` has to be called first. Before, all Gaussians are equal, and so are the embeddings of all pictures.

    Args:
        shape: of the input; one channel.
        gaussians: number of Gaussians; half of them are mirror images of the others.
        dimensions: principal components of a descriptor that are kept.
        scales: of the picture, each with a set of patches; one scale was as accurate as five (docs/accuracy.md).
        steps: pixels between neighbouring patches, for each scale.
        cell: side in pixels of a cell; a patch has 4x4 cells.
        orders: 1 uses how the patches' means differ from the Gaussians' means; 2 adds how their variances differ, which
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
    needs_fitting = True
    symmetric = True
    preferred_batch = 2

    def __init__(
        self,
        shape: InputShape,
        *,
        gaussians: PositiveInt = 256,
        dimensions: Annotated[int, Field(ge=1, le=LENGTH)] = 64,
        scales: Annotated[Sequence[Scale], Field(min_length=1)] = (1.0,),
        steps: Annotated[Sequence[PositiveInt], Field(min_length=1)] = (4,),
        cell: Annotated[int, Field(ge=2, le=1024)] = 6,
        orders: Literal[1, 2] = 1,
    ) -> None:
        super().__init__()
        channels, height, width = shape
        if channels != 1:
            raise SettingsError(f"fisher: found {channels} channels, need 1: set imaging.color to gray")
        if len(scales) != len(steps):
            raise SettingsError(
                f"fisher: found {len(scales)} scales and {len(steps)} steps, need equal numbers"
            )
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
        # Descriptors and places have separate axes.
        axes = torch.zeros(LENGTH + 2, size)
        axes[:LENGTH, :dimensions] = torch.eye(LENGTH)[:, :dimensions]
        axes[LENGTH:, dimensions:] = torch.eye(2)
        self.register_buffer("axes", axes)
        # Mirroring a picture multiplies each number of a reduced patch by its sign, 1 or -1.
        self.register_buffer("signs", torch.ones(size))
        # One half of the mixture; see `mixture`.
        half = gaussians // 2
        self.register_buffer("means", torch.zeros(half, size))
        self.register_buffer("variances", torch.ones(half, size))
        self.register_buffer("shares", torch.full((half,), 1 / gaussians))
        self.orders = orders
        self.embedding_size = half * size * orders

    def forward(self, images: Tensor) -> Tensor:
        """`[B, 1, H, W] -> [B, gaussians / 2 * (dimensions + 2) * orders]`: the mean of two vectors of length 1."""
        with torch.no_grad():
            return self.vectors(images).flatten(1)

    def vectors(self, images: Tensor) -> Tensor:
        """`[B, 1, H, W] -> [B, gaussians / 2, (dimensions + 2) * orders]`: the part of each Gaussian in `forward`."""
        # Likelihoods are differences of large numbers, for which bfloat16 is too coarse.
        with torch.autocast(images.device.type, enabled=False):
            means, variances, shares = self._mixture()
            weights = likelihoods(means, variances, shares).T
            needed = means.shape[1] * self.orders + 1
            sums = images.new_zeros(())
            patches = 0
            for scale in self._scales:
                seen = moments(self._reduced(scale, images.to(means.dtype)))
                belonging = torch.softmax(seen @ weights, dim=2)
                sums = sums + belonging.transpose(1, 2) @ seen[:, :, :needed]
                patches += seen.shape[1]
            return self._folded(self._gradient(sums / patches))

    @torch.no_grad()
    def fit(self, images: Tensor, seed: int) -> None:
        """Fits principal components and the mixture to patches of pictures, without labels.

        Args:
            images: `[N, 1, H, W]`, as `forward` takes them.
            seed: of the choice of patches and of the start of the mixture.
        """
        random = torch.Generator().manual_seed(seed)
        patches = self._some_patches(images, random)
        spread = patches[:, LENGTH:].std().clamp_min(1e-6)  # 0 where there is one patch
        one, other = mirrored_indices()
        self.middle.copy_(patches.mean(0))
        self.middle[one] = self.middle[other] = (self.middle[one] + self.middle[other]) / 2
        self.middle[-1] = 0
        patches -= self.middle
        kept = self.axes.shape[1] - 2
        axes, signs, largest = symmetric_components(patches[:, :LENGTH], kept)
        self.axes.zero_()
        self.axes[:LENGTH, :kept] = axes.float()
        # A place has the standard deviation of the first principal component.
        self.axes[LENGTH:, kept:] = torch.eye(2) * (largest.sqrt().float() / spread)
        self.signs.copy_(torch.cat([signs.float(), torch.tensor([1.0, -1.0])]))
        means, variances, shares = fit_mixture(patches @ self.axes, len(self.means), random, self.signs)
        self.means.copy_(means)
        self.variances.copy_(variances)
        self.shares.copy_(shares)

    def _mixture(self) -> tuple[Tensor, Tensor, Tensor]:
        """Means `[K, D]`, variances `[K, D]` and shares `[K]` of all K Gaussians, mirror images last."""
        return whole_mixture(self.means, self.variances, self.shares, self.signs)

    def _folded(self, vectors: Tensor) -> Tensor:
        """`[B, K, D * orders] -> [B, K / 2, D * orders]`: the mean of the vectors of a picture and its mirror image.

        The part of a Gaussian in the mirror image's vector is the part of the mirrored Gaussian in the picture's, with
        its signs changed.
        """
        one, other = vectors.chunk(2, dim=1)
        signs = torch.cat([self.signs, torch.ones_like(self.signs)])[: vectors.shape[2]]
        return (one + other * signs) / 2

    def _some_patches(self, images: Tensor, random: torch.Generator) -> Tensor:
        """Descriptors and places of randomly chosen patches, `[M, 130]`, the same number of each picture."""
        each = max(1, PATCHES_TO_FIT // len(images))
        found = []
        for image in torch.split(images, 1):
            patches = torch.cat([torch.cat([scale(image)[0], scale.places], dim=1) for scale in self._scales])
            found.append(patches[torch.randint(len(patches), (each,), generator=random)])
        return torch.cat(found)

    def _reduced(self, scale: Patches, images: Tensor) -> Tensor:
        """`[B, 1, H, W] -> [B, P, dimensions + 2]`: principal components of the descriptors, and places."""
        roots, factors = scale.unscaled(images)
        described = (roots @ self.axes[:LENGTH]) * factors
        places = (scale.places - self.middle[LENGTH:]) @ self.axes[LENGTH:]
        return described + (places - self.middle[:LENGTH] @ self.axes[:LENGTH])

    def _gradient(self, sums: Tensor) -> Tensor:
        """Fisher vectors (Perronnin, Sanchez and Mensink 2010) from the statistics of each picture.

        Args:
            sums: `[B, K, D * orders + 1]`, the mean over all patches of their first `moments`, each patch weighted by
                the probability of the Gaussian.

        Returns:
            `[B, K, D * orders]`; the vector of each picture has length 1.
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
        rooted = self._root(gradient)
        return functional.normalize(rooted.flatten(1), dim=1).reshape(rooted.shape)

    @staticmethod
    def _root(values: Tensor) -> Tensor:
        """Square roots with the values' signs."""
        return values / values.abs().clamp_min(1e-12).sqrt()
