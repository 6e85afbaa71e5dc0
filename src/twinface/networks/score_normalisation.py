"""Per-face score normalisation: a correction for how high the scores of a face run in general.

Two properties of a picture raise or lower all of its cosines.

- Its spread. Some faces lie where many people do, and their cosines to strangers have a large standard deviation.
  Speaker verification divides a score by this deviation, estimated on a cohort of strangers (test normalisation:
  Auckenthaler, Carey and Lloyd-Thomas 2000; Matejka et al. 2017). Here the deviation is subtracted, and the cohort is
  all training people.
- Its clarity. A noisy picture (a turned head, a cap, a shadow) resembles the other pictures of its person less. PLDA
  estimates from the picture alone how much of it is noise (`projections.LinearMap`). Speaker verification too combines
  such quality measures with the score (Mandasari et al. 2013: quality measure functions).

Both are functions of one face. So the correction is stored as the last element of the embedding, and a score is still
a formula of two embeddings.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from twinface.core.settings_sections import ScoreNormalisationSettings
from twinface.core.types import Float32Array, IntArray


class ScoreNormalisation(nn.Module):
    """Appends to each embedding the correction that is subtracted from its scores.

    Args:
        root: `[D, D]`, a root of the second moment of strangers' embeddings; see `fit_score_normalisation`.
        settings: the weights of spread and clarity.
    """

    root: Tensor

    def __init__(self, root: Tensor, settings: ScoreNormalisationSettings) -> None:
        super().__init__()
        self.settings = settings
        self.register_buffer("root", root)

    def forward(self, embeddings: Tensor, clarity: Tensor) -> Tensor:
        """Embeddings `[B, D]` and clarity `[B]` → `[B, D + 1]`: embeddings of length 1, then the correction."""
        unit = nn.functional.normalize(embeddings, dim=1)
        spread = (unit @ self.root).square().sum(1).sqrt()
        correction = self.settings.spread * spread + self.settings.clarity * clarity
        return torch.cat([unit, correction[:, None]], dim=1)


def fit_score_normalisation(
    embeddings: Float32Array, people: IntArray, settings: ScoreNormalisationSettings
) -> ScoreNormalisation:
    """Fits the normalisation with these people as strangers; each person counts once, however many pictures there are.

    Args:
        embeddings: `[N, D]`.
        people: `[N]`, the number of the person on each picture.
        settings: the weights of spread and clarity.
    """
    unit = embeddings.astype(np.float64)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True).clip(1e-12)
    weighted = unit / np.sqrt(np.bincount(people)[people])[:, None]
    values, axes = np.linalg.eigh(weighted.T @ weighted / len(np.unique(people)))
    root = axes * np.sqrt(values.clip(0))
    return ScoreNormalisation(torch.from_numpy(root.astype(np.float32)), settings)


def empty_score_normalisation(
    tensors: Mapping[str, Tensor], settings: ScoreNormalisationSettings
) -> ScoreNormalisation | None:
    """A normalisation of the size that a model's tensors have, ready to load them; None if they have none."""
    root = tensors.get("score_normalisation.root")
    return None if root is None else ScoreNormalisation(torch.zeros_like(root), settings)
