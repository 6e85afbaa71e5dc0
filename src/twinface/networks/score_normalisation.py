"""What is taken off every score that a face is part of.

Two things about a picture say how high its cosines run, whoever is on the other one.

- Its spread: some faces lie where many people do, and their cosines to strangers are large, to either side. Speaker
  verification divides a score by this standard deviation, over a cohort of strangers (Auckenthaler, Carey and
  Lloyd-Thomas 2000: test normalisation; Matejka et al. 2017); here it is taken off, and the cohort is everybody in
  training.
- Its clarity: a picture that chance has had much to do with, such as a turned head, a cap or a shadow, resembles the
  other pictures of its person less. How much of a picture PLDA puts down to chance is known from that picture
  (`projection.LinearMap`). Such measures of quality beside the score are usual there as well (Mandasari et al.
  2013: quality measure functions).

Both are functions of one face, so they are part of its embedding, and a score stays a formula of two embeddings.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from twinface.core.settings import ScoreNormalisationSettings
from twinface.core.types import Float32Array, IntArray


class ScoreNormalisation(nn.Module):
    """Adds to each embedding what has to be taken off its scores.

    Args:
        root: `[D, D]`, a root of the second moment of strangers' embeddings; see `fit_score_normalisation`.
        settings: how much of each is taken off.
    """

    root: Tensor

    def __init__(self, root: Tensor, settings: ScoreNormalisationSettings) -> None:
        super().__init__()
        self.settings = settings
        self.register_buffer("root", root)

    def forward(self, embeddings: Tensor, clarity: Tensor) -> Tensor:
        """`[B, D]` and `[B] -> [B, D + 1]`: of length 1, and then what is taken off."""
        unit = nn.functional.normalize(embeddings, dim=1)
        spread = (unit @ self.root).square().sum(1).sqrt()
        taken = self.settings.spread * spread + self.settings.clarity * clarity
        return torch.cat([unit, taken[:, None]], dim=1)


def fit_score_normalisation(
    embeddings: Float32Array, people: IntArray, settings: ScoreNormalisationSettings
) -> ScoreNormalisation:
    """The shift whose strangers are these people; all their pictures together count as one face each.

    Args:
        embeddings: `[N, D]`.
        people: `[N]` whose picture each is.
        settings: how much of spread and clarity is taken off.
    """
    unit = embeddings.astype(np.float64)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True).clip(1e-12)
    each = unit / np.sqrt(np.bincount(people)[people])[:, None]
    values, axes = np.linalg.eigh(each.T @ each / len(np.unique(people)))
    root = axes * np.sqrt(values.clip(0))
    return ScoreNormalisation(torch.from_numpy(root.astype(np.float32)), settings)


def empty_score_normalisation(
    tensors: Mapping[str, Tensor], settings: ScoreNormalisationSettings
) -> ScoreNormalisation | None:
    """A shift of the shape that a model's tensors have, to load them into; None where they have none."""
    root = tensors.get("score_normalisation.root")
    return None if root is None else ScoreNormalisation(torch.zeros_like(root), settings)
