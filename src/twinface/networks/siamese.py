"""The network: one network used on both pictures, and a distance between the two embeddings."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from twinface.models.distances import DISTANCES
from twinface.networks.backbones import Backbone
from twinface.networks.projection import Projection, side_by_side
from twinface.networks.score_normalisation import ScoreNormalisation

Normalisation = Literal["unit", "per-image"]


class SiameseNetwork(nn.Module):
    """Two pictures go through one shared-weight network; their embeddings give a score.

    Args:
        backbone: `[B, C, H, W] -> [B, D]`.
        distance: name of an entry of `distances.DISTANCES`; its parameters are learnt with the rest.
        normalisation: of the input, see `NetworkSettings`.
        flip_average: whether `embed` averages a picture and its mirror image.

    Attributes:
        projection: a linear map that was fitted to the trained network's embeddings, or None; see `projection`.
        shift: what is taken off each face's scores, or None; see `shift`.
        feature_size: length of the network's own embeddings.
    """

    def __init__(
        self,
        backbone: Backbone,
        distance: str = "cosine",
        normalisation: Normalisation = "per-image",
        flip_average: bool = True,
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.feature_size = backbone.embedding_size
        self.projection: Projection | None = None
        self.score_normalisation: ScoreNormalisation | None = None
        self.normalisation = normalisation
        self.flip_average = flip_average
        self._distance_in_training = distance
        self.distance = nn.ParameterDict(
            {
                name: nn.Parameter(torch.from_numpy(value.copy()))
                for name, value in DISTANCES[distance].parameters(self.feature_size).items()
            }
        )

    @property
    def distance_name(self) -> str:
        """The entry of `DISTANCES` that `score` uses."""
        return "local-cosine" if self.score_normalisation else self._distance_in_training

    @property
    def embedding_size(self) -> int:
        """Length of what `embed` gives: of the features, unless a projection changes it; a shift adds one."""
        size = self.projection.embedding_size if self.projection else self.feature_size
        return size + 1 if self.score_normalisation else size

    def normalise(self, images: Tensor) -> Tensor:
        """`[B, C, H, W]` grey values in [0, 255] → network input, float32."""
        images = images.float()
        if self.normalisation == "unit":
            return images / 255
        mean = images.mean(dim=(1, 2, 3), keepdim=True)
        centred = images - mean
        # A picture of one colour has no spread; one grey level keeps the division finite.
        spread = centred.square().mean(dim=(1, 2, 3), keepdim=True).sqrt().clamp_min(1.0)
        return centred / spread

    def features(self, images: Tensor) -> Tensor:
        """`[B, C, H, W]` grey values in [0, 255] → embeddings `[B, D]` float32, as training sees them."""
        embeddings: Tensor = self.backbone(self.normalise(images))
        return embeddings.float()

    def embed(self, images: Tensor) -> Tensor:
        """`[B, H, W, C]` uint8 → embeddings `[B, D]` float32, as use sees them.

        That is with the mirror image, the projection and the shift, if the network has them.
        """
        planes = images.permute(0, 3, 1, 2).float()
        if self.flip_average:
            embeddings = self.backbone.both_ways(self.normalise(planes))
        else:
            embeddings = self.features(planes)
            if len(self.backbone.parts) > 1:
                parts = torch.split(embeddings, list(self.backbone.parts), dim=1)
                embeddings = side_by_side(parts, self.backbone.weights)
        return self.project(embeddings)

    def project(self, embeddings: Tensor) -> Tensor:
        """`[B, D]` as the network gives them → as use sees them, with projection and shift if the network has them."""
        clarity = torch.zeros_like(embeddings[:, 0])
        if self.projection:
            embeddings, clarity = self.projection(embeddings)
        if self.score_normalisation:
            embeddings = self.score_normalisation(embeddings, clarity)
        return embeddings

    def score(self, left: Tensor, right: Tensor) -> Tensor:
        """Embeddings `[..., D]` and `[..., D]` → scores `[...]`; higher means the same person."""
        formula = DISTANCES[self.distance_name]
        scores: Tensor = formula.score(left, right, dict(self.distance.items()))
        return scores

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        """Pictures `[B, C, H, W]` and `[B, C, H, W]` in [0, 255] → scores `[B]`.

        Both sides go through the network as one batch, so that batch statistics are shared as well.
        """
        embeddings = self.features(torch.cat([left, right]))
        return self.score(embeddings[: len(left)], embeddings[len(left) :])
