"""The Siamese network: one backbone embeds both pictures, and a distance between the two embeddings is the score."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from twinface.models.distances import DISTANCES
from twinface.networks.backbones import Backbone
from twinface.networks.projections import Projection, join_parts
from twinface.networks.score_normalisation import ScoreNormalisation

Normalisation = Literal["none", "unit", "per-image"]


class SiameseNetwork(nn.Module):
    """Two pictures go through one backbone with shared weights; their embeddings give a score.

    Args:
        backbone: `[B, C, H, W] -> [B, D]`.
        distance: name of an entry of `distances.DISTANCES`; its parameters are trained with the backbone.
        normalisation: of the input, see `NetworkSettings`.
        flip_average: whether `embed` averages the embeddings of a picture and its mirror image.
        difference_dropout: share of the elements that `score` leaves out in training mode.

    Attributes:
        projection: linear maps fitted to the trained network's embeddings, or None; see `projections`.
        score_normalisation: the correction of scores for each face, or None; see `score_normalisation`.
        feature_size: length of the backbone's embeddings.
    """

    def __init__(
        self,
        backbone: Backbone,
        distance: str = "cosine",
        normalisation: Normalisation = "per-image",
        flip_average: bool = True,
        difference_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.feature_size = backbone.embedding_size
        self.projection: Projection | None = None
        self.score_normalisation: ScoreNormalisation | None = None
        self.normalisation = normalisation
        self.flip_average = flip_average
        self.difference_dropout = difference_dropout
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
        """Length of the embeddings from `embed`: after the projection, and one longer with score normalisation."""
        size = self.projection.embedding_size if self.projection else self.feature_size
        return size + 1 if self.score_normalisation else size

    def normalise(self, images: Tensor) -> Tensor:
        """Grey values `[B, C, H, W]` in [0, 255] → network input `[B, C, H, W]` float32."""
        images = images.float()
        if self.normalisation == "none":
            return images
        if self.normalisation == "unit":
            return images / 255
        mean = images.mean(dim=(1, 2, 3), keepdim=True)
        centred = images - mean
        # The standard deviation is at least one grey level, so that pictures of one colour stay finite.
        deviation = centred.square().mean(dim=(1, 2, 3), keepdim=True).sqrt().clamp_min(1.0)
        return centred / deviation

    def features(self, images: Tensor) -> Tensor:
        """Grey values `[B, C, H, W]` in [0, 255] → embeddings `[B, D]` float32, as training uses them."""
        embeddings: Tensor = self.backbone(self.normalise(images))
        return embeddings.float()

    def embed(self, images: Tensor) -> Tensor:
        """Pictures `[B, H, W, C]` uint8 → embeddings `[B, embedding_size]` float32, as the finished model gives them.

        The mirror image, the projection and the score normalisation are included, if the network has them.
        """
        planes = images.permute(0, 3, 1, 2).float()
        if self.flip_average:
            embeddings = self.backbone.embed_flip_averaged(self.normalise(planes))
        else:
            embeddings = self.features(planes)
            if len(self.backbone.parts) > 1:
                parts = torch.split(embeddings, list(self.backbone.parts), dim=1)
                embeddings = join_parts(parts, self.backbone.weights)
        return self.project(embeddings)

    def project(self, embeddings: Tensor) -> Tensor:
        """Embeddings `[B, D]` → `[B, embedding_size]` with projection and score normalisation, if there are any."""
        clarity = torch.zeros_like(embeddings[:, 0])
        if self.projection:
            embeddings, clarity = self.projection(embeddings)
        if self.score_normalisation:
            embeddings = self.score_normalisation(embeddings, clarity)
        return embeddings

    def score(self, left: Tensor, right: Tensor) -> Tensor:
        """Embeddings `[..., D]` and `[..., D]` → scores `[...]`; higher means the same person."""
        if self.training and self.difference_dropout:
            # The same elements on both sides: |m a - m b| = m |a - b|.
            kept = functional.dropout(torch.ones_like(left), self.difference_dropout)
            left, right = left * kept, right * kept
        formula = DISTANCES[self.distance_name]
        scores: Tensor = formula.score(left, right, dict(self.distance.items()))
        return scores

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        """Pictures `[B, C, H, W]` and `[B, C, H, W]` in [0, 255] → scores `[B]`.

        Both sides go through the backbone as one batch, so that they share the batch statistics too.
        """
        embeddings = self.features(torch.cat([left, right]))
        return self.score(embeddings[: len(left)], embeddings[len(left) :])
