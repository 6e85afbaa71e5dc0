"""How near a face is to strangers, taken off its scores.

Some faces resemble everybody, and are then taken for somebody they are not; others resemble nobody, and their own
pictures stay below the threshold. So each picture is held against a cohort of training people, and half of its mean
cosine to the nearest of them is taken off every score that it is part of. That is the local scaling of cosines of
Conneau et al. (2018, section 2.3), with the cohort in the place of the other side's set; speaker verification knows
it as adaptive score normalisation (Matejka et al. 2017), of which this is the part that shifts.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from twinface.config import CohortSettings
from twinface.errors import SettingsError
from twinface.types import IntArray


class Cohort(nn.Module):
    """Adds to each embedding what has to be taken off its scores.

    Args:
        faces: `[N, D]`, embeddings of strangers, of length 1.
        nearest: how many of them count.
    """

    faces: Tensor

    def __init__(self, faces: Tensor, nearest: int) -> None:
        super().__init__()
        self.nearest = min(nearest, len(faces))
        self.register_buffer("faces", faces)

    def forward(self, embeddings: Tensor) -> Tensor:
        """`[B, D] -> [B, D + 1]`: of length 1, and then half the mean cosine to the nearest of the cohort."""
        unit = nn.functional.normalize(embeddings, dim=1)
        nearest = (unit @ self.faces.T).topk(self.nearest, dim=1).values
        return torch.cat([unit, nearest.mean(1, keepdim=True) / 2], dim=1)


def check_cohort(people: IntArray, settings: CohortSettings) -> None:
    """Makes sure that there are strangers enough.

    Args:
        people: `[N]` whose picture each is.
        settings: how many are wanted, and how many of them count.

    Raises:
        SettingsError: there are no more people than those nearest that shall count.
    """
    found = min(settings.faces, len(np.unique(people)))
    if found <= settings.nearest:
        raise SettingsError(
            f"cohort.nearest = {settings.nearest}: found {found} training people, need more than that"
        )


def draw_cohort(people: IntArray, settings: CohortSettings, random: np.random.Generator) -> IntArray:
    """Rows of one picture each of `settings.faces` people, or of all where there are fewer.

    Args:
        people: `[N]` whose picture each is.
        settings: how many.
        random: who, and which of their pictures.

    Raises:
        SettingsError: see `check_cohort`.
    """
    check_cohort(people, settings)
    rows = random.permutation(len(people))
    first = np.unique(people[rows], return_index=True)[1]
    return np.sort(rows[np.sort(first)[: settings.faces]])


def empty_cohort(tensors: Mapping[str, Tensor], nearest: int) -> Cohort | None:
    """A cohort of the shape that a model's tensors have, to load them into; None where they have none."""
    faces = tensors.get("cohort.faces")
    return None if faces is None else Cohort(torch.zeros_like(faces), nearest)
