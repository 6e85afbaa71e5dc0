"""The pairs that a verifier was most wrong and most right about."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from twinface.core.types import BoolArray, FloatArray, IntArray
from twinface.evaluation.results import StoredEvaluation
from twinface.reports.pictures import Picture, PictureGroup, PicturePair, read_picture

_SHOWN = 6


def extreme_pairs(result: StoredEvaluation) -> list[PictureGroup]:
    """Up to six pairs of each of the four fates, the furthest from the threshold first."""
    accepted, genuine, away = result.margins >= 0, result.is_match, result.margins

    @cache  # a picture is often in several of these pairs
    def read(path: str) -> Picture:
        return read_picture(result.root, path)

    def group(title: str, kind: str, rows: IntArray) -> PictureGroup:
        pairs = (
            PicturePair(read(result.left[row]), read(result.right[row]), _said(result, row))
            for row in rows[:_SHOWN]
        )
        return PictureGroup(title, kind, tuple(pairs))

    return [
        *(group(*wrong) for wrong in most_wrong(result)),
        group(*_ranked(result, "Genuine pairs most surely accepted", "genuine", genuine & accepted, away)),
        group(
            *_ranked(result, "Impostor pairs most surely rejected", "impostor", ~genuine & ~accepted, -away)
        ),
    ]


def most_wrong(result: StoredEvaluation) -> list[tuple[str, str, IntArray]]:
    """Genuine pairs rejected and impostor pairs accepted, each as title, kind and rows, the worst first."""
    accepted, genuine, away = result.margins >= 0, result.is_match, result.margins
    return [
        _ranked(result, "Genuine pairs rejected, lowest scores first", "genuine", genuine & ~accepted, -away),
        _ranked(
            result, "Impostor pairs accepted, highest scores first", "impostor", ~genuine & accepted, away
        ),
    ]


def _ranked(
    result: StoredEvaluation, what: str, kind: str, members: BoolArray, distance: FloatArray
) -> tuple[str, str, IntArray]:
    rows = np.flatnonzero(members)
    of = int((result.is_match == (kind == "genuine")).sum())
    title = f"{what}: {len(rows):,} of {of:,}"
    return title, kind, rows[np.argsort(-distance[rows], kind="stable")]


def _said(result: StoredEvaluation, row: Any) -> tuple[str, str]:
    score, probability = float(result.margins[row]), float(result.probabilities[row])
    return (
        f"{abs(score):.3f} {'above' if score >= 0 else 'below'} threshold",
        f"probability {probability:.3f}",
    )
