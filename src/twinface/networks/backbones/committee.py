"""Several networks side by side, each on its own region of the face; their embeddings are joined to one."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from pydantic import PositiveFloat, model_validator
from torch import Tensor, nn

from twinface.core.errors import SettingsError
from twinface.core.fields import PositiveInt, RegionSetting
from twinface.core.registry import Component
from twinface.core.types import Region
from twinface.networks.backbones.base import Backbone, InputShape, mean_of_units
from twinface.networks.backbones.resampling import Resample


class Member(Component):
    """One network of a committee: a backbone's name and settings, and the region of the input that it sees.

    Attributes:
        region: [top, left, height, width] as fractions of the input.
        height, width: size in pixels that the region is resized to; None keeps the region's own size.
        weight: of this member in a comparison of two pictures.
    """

    region: RegionSetting = (0.0, 0.0, 1.0, 1.0)
    height: PositiveInt | None = None
    width: PositiveInt | None = None
    weight: PositiveFloat = 1.0

    @model_validator(mode="after")
    def _region_is_inside(self) -> Member:
        Region(*self.region)
        return self

    @property
    def centred(self) -> bool:
        """Whether the region is symmetric: cut from the mirror image, it is the mirror image of the region."""
        _, left, _, width = self.region
        return abs(2 * left + width - 1) < 1e-6

    def view(self, shape: InputShape) -> tuple[InputShape, nn.Module]:
        """The shape of this member's input, and the module that cuts it out of an input of the given shape."""
        region = Region(*self.region)
        height = self.height or max(1, round(region.height * shape[1]))
        width = self.width or max(1, round(region.width * shape[2]))
        seen = (shape[0], height, width)
        if seen == shape and self.region == (0.0, 0.0, 1.0, 1.0):
            return seen, nn.Identity()
        return seen, Resample(shape[1], shape[2], region, height, width)


class Committee(Backbone):
    """Networks whose embeddings are joined, one part each.

    A loss that classifies pictures by person is applied to each part separately, so that each member learns as it would
    alone. The finished model scales each part to the weight of its member first. A member without trained weights is
    not run in training mode; its part is zeros there.

    Args:
        views: for each member, the module that cuts out its input.
        members: the networks.
        weights: of the members in a comparison.
        centred: for each member, whether its view is symmetric; see `Member.centred`.

    Raises:
        SettingsError: there are no members.
    """

    def __init__(
        self,
        views: Sequence[nn.Module],
        members: Sequence[Backbone],
        weights: Sequence[float],
        centred: Sequence[bool],
    ) -> None:
        super().__init__()
        if not members:
            raise SettingsError("network.backbone.members: found none, need at least one")
        self.views, self.members = nn.ModuleList(views), nn.ModuleList(members)
        self._networks = tuple(members)
        self.needs_fitting = any(member.needs_fitting for member in members)
        self.outside_data = "; ".join(
            dict.fromkeys(each.outside_data for each in members if each.outside_data)
        )
        self.preferred_batch = min(member.preferred_batch for member in members)
        self._weights, self._centred = tuple(weights), tuple(centred)
        self._parts = tuple(member.embedding_size for member in members)
        self._learning = tuple(any(member.learning) for member in members)
        self.embedding_size = sum(self._parts)

    @property
    def parts(self) -> tuple[int, ...]:
        """Lengths of the members' embeddings."""
        return self._parts

    @property
    def weights(self) -> tuple[float, ...]:
        """The weight of each member in a comparison."""
        return self._weights

    @property
    def learning(self) -> tuple[bool, ...]:
        """Whether each member has weights that are trained."""
        return self._learning

    def fit(self, images: Tensor, seed: int) -> None:
        """Fits each member to its own view of the pictures; see `Backbone.fit`."""
        for view, member in zip(self.views, self._networks, strict=True):
            if member.needs_fitting:
                member.fit(view(images), seed)

    def forward(self, images: Tensor) -> Tensor:
        """`[B, C, H, W] -> [B, D]`, where D is the sum of the members' sizes."""
        parts = [
            images.new_zeros(len(images), size)
            if self.training and not learns
            else member(view(images)).float()
            for view, member, size, learns in zip(
                self.views, self.members, self.parts, self.learning, strict=True
            )
        ]
        return torch.cat(parts, dim=1)

    def embed_flip_averaged(self, images: Tensor) -> Tensor:
        """See `Backbone.embed_flip_averaged`; a symmetric member is run once for each picture."""
        parts = []
        for view, member, weight, centred in zip(
            self.views, self._networks, self.weights, self._centred, strict=True
        ):
            if centred:
                part = member.embed_flip_averaged(view(images))
            else:
                part = mean_of_units(member(view(torch.cat([images, images.flip(3)]))))
            parts.append(weight * part)
        return torch.cat(parts, dim=1)
