"""Several networks side by side, each on its own part of the face, whose embeddings make one together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from twinface.core.errors import SettingsError
from twinface.core.settings import Component, PositiveInt
from twinface.core.types import Region
from twinface.networks.backbones.base import Backbone, InputShape, mean_of_units
from twinface.networks.backbones.resampling import Resample


class Member(Component):
    """One network of a committee: a backbone's name and settings, and the part of the input that it sees.

    Attributes:
        region: [top, left, height, width] as fractions of the input.
        height, width: that the region is brought to, in pixels; None takes the region's own.
        weight: how much say this member has when two pictures are compared.
    """

    region: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0)
    height: PositiveInt | None = None
    width: PositiveInt | None = None
    weight: Annotated[float, Field(gt=0)] = 1.0

    @model_validator(mode="after")
    def _region_is_inside(self) -> Member:
        Region(*self.region)
        return self

    @property
    def centred(self) -> bool:
        """Whether the region of the mirror image is the mirror image of the region."""
        _, left, _, width = self.region
        return abs(2 * left + width - 1) < 1e-6

    def view(self, shape: InputShape) -> tuple[InputShape, nn.Module]:
        """The shape that this member sees of an input, and the module that cuts it out."""
        region = Region(*self.region)
        height = self.height or round(region.height * shape[1])
        width = self.width or round(region.width * shape[2])
        seen = (shape[0], height, width)
        if seen == shape and self.region == (0.0, 0.0, 1.0, 1.0):
            return seen, nn.Identity()
        return seen, Resample(shape[1], shape[2], region, height, width)


class Committee(Backbone):
    """Networks whose embeddings are laid end to end.

    A loss that sorts pictures by person is applied to each part on its own, so that the members learn as they would
    alone; in use each part is brought to its weight as length first. A member that has nothing to learn is skipped in
    training mode, and its part is zeros there.

    Args:
        views: for each member, what cuts out its input.
        members: the networks.
        weights: how much say each has.
        centred: whether each view of a mirror image is the mirror image of the view.

    Raises:
        SettingsError: there are none.
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
        self.fits = any(member.fits for member in members)
        self.at_once = min(member.at_once for member in members)
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
        """How much say each member has."""
        return self._weights

    @property
    def learning(self) -> tuple[bool, ...]:
        """Whether each member has anything to learn."""
        return self._learning

    def fit(self, images: Tensor, seed: int) -> None:
        """Lets each member learn from its own view of the pictures; see `Backbone.fit`."""
        for view, member in zip(self.views, self._networks, strict=True):
            if member.fits:
                member.fit(view(images), seed)

    def forward(self, images: Tensor) -> Tensor:
        """`[B, C, H, W] -> [B, D]`, D the sum of the members' own."""
        parts = [
            images.new_zeros(len(images), size)
            if self.training and not learns
            else member(view(images)).float()
            for view, member, size, learns in zip(
                self.views, self.members, self.parts, self.learning, strict=True
            )
        ]
        return torch.cat(parts, dim=1)

    def both_ways(self, images: Tensor) -> Tensor:
        """See `Backbone.both_ways`; a member that is symmetric sees each picture once."""
        parts = []
        for view, member, weight, centred in zip(
            self.views, self._networks, self.weights, self._centred, strict=True
        ):
            if centred:
                part = member.both_ways(view(images))
            else:
                part = mean_of_units(member(view(torch.cat([images, images.flip(3)]))))
            parts.append(weight * part)
        return torch.cat(parts, dim=1)
