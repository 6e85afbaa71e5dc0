"""Validation pairs on which the models of a study disagree."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np

from twinface.core.types import BoolArray
from twinface.evaluation.results import load_validation
from twinface.reports.pictures import Picture, PictureGroup, PicturePair, read_picture
from twinface.studies.results.leaderboard import ScoredModel
from twinface.training.run_folder import RunFolder

SHOWN_PAIRS = 8  # of each kind


def disagreements(run: RunFolder, models: Sequence[ScoredModel]) -> list[PictureGroup]:
    """The genuine and the impostor pairs on which the models' first runs are most evenly divided.

    Args:
        run: any run of the study, for the pairs.
        models: two or more, scored on these pairs.

    Raises:
        ModelError: the run's pairs are missing or damaged.
    """
    rights = np.stack([model.right()[0] for model in models])
    pairs, _ = load_validation(run.path)
    divided = np.minimum(rights.sum(0), (~rights).sum(0))
    root = pairs.faces.root

    @cache
    def read(path: str) -> Picture:
        return read_picture(root, path)

    def pair(row: np.intp) -> PicturePair:
        return PicturePair(
            read(pairs.faces.paths[pairs.left[row]]),
            read(pairs.faces.paths[pairs.right[row]]),
            (f"right: {_names(models, rights[:, row])}", f"wrong: {_names(models, ~rights[:, row])}"),
        )

    def group(title: str, kind: str, members: BoolArray) -> PictureGroup:
        rows = np.flatnonzero(members & (divided > 0))
        rows = rows[np.argsort(-divided[rows], kind="stable")][:SHOWN_PAIRS]
        return PictureGroup(title, kind, tuple(pair(row) for row in rows))

    return [
        group("Genuine pairs", "genuine", pairs.is_match),
        group("Impostor pairs", "impostor", ~pairs.is_match),
    ]


def _names(models: Sequence[ScoredModel], chosen: BoolArray) -> str:
    return ", ".join(model.name for model, is_chosen in zip(models, chosen, strict=True) if is_chosen)
