"""The pairs that a verifier was most wrong and most right about."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from twinface.report.pictures import Picture, PictureGroup, PicturePair, read_picture
from twinface.results import Result
from twinface.types import BoolArray, FloatArray

_SHOWN = 6


def extreme_pairs(result: Result) -> list[PictureGroup]:
    """Up to six pairs of each of the four fates, the furthest from the threshold first."""
    accepted, genuine, away = result.decided >= 0, result.is_match, result.decided

    @cache  # a picture is often in several of these pairs
    def read(path: str) -> Picture:
        return read_picture(result.root, path)

    def group(what: str, kind: str, members: BoolArray, distance: FloatArray) -> PictureGroup:
        rows = np.flatnonzero(members)
        rows = rows[np.argsort(-distance[rows], kind="stable")][:_SHOWN]
        of = int((genuine if kind == "genuine" else ~genuine).sum())
        title = f"{what}: {int(members.sum()):,} of {of:,}"
        pairs = (
            PicturePair(read(result.left[row]), read(result.right[row]), _said(result, row)) for row in rows
        )
        return PictureGroup(title, kind, tuple(pairs))

    return [
        group("Genuine pairs rejected, lowest scores first", "genuine", genuine & ~accepted, -away),
        group("Impostor pairs accepted, highest scores first", "impostor", ~genuine & accepted, away),
        group("Genuine pairs most surely accepted", "genuine", genuine & accepted, away),
        group("Impostor pairs most surely rejected", "impostor", ~genuine & ~accepted, -away),
    ]


def _said(result: Result, row: Any) -> tuple[str, str]:
    score, probability = float(result.decided[row]), float(result.probabilities[row])
    return (
        f"{abs(score):.3f} {'above' if score >= 0 else 'below'} threshold",
        f"probability {probability:.3f}",
    )
