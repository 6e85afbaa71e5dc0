"""The page of the demo on LFW: two models, their figures, and their verdicts on the same pairs."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np

from twinface.core.storage import write_text
from twinface.core.types import BoolArray
from twinface.evaluation.evaluate import Evaluation
from twinface.reports.figures_table import figure_rows
from twinface.reports.page import render
from twinface.reports.pictures import Picture, PictureGroup, PicturePair, read_picture
from twinface.studies.lfw_demo import OURS, REPORT, LfwDemo

_SHOWN = 9  # of each kind


def write_lfw_demo_page(found: LfwDemo, target: Path) -> Path:
    """Writes the page and returns its place.

    Raises:
        StorageError: it cannot be written.
    """
    here, published = found.epochs
    titles = {
        REPORT: f"The student report's network ({REPORT}, {here} of its {published} epochs)",
        OURS: f"Twinface's {OURS} recipe",
    }
    models = [
        (titles[name], evaluation.summary, figure_rows(evaluation.summary), found.runs[name].path.name)
        for name, evaluation in found.evaluations.items()
    ]
    pairs = found.evaluations[OURS].pairs
    groups = [
        _group("Pairs of one person", "genuine", pairs.is_match, found),
        _group("Pairs of two people", "impostor", ~pairs.is_match, found),
    ]
    write_text(target, render("lfw_demo.html.j2", models=models, groups=groups, data=pairs.name))
    return target


def _group(title: str, kind: str, members: BoolArray, found: LfwDemo) -> PictureGroup:
    """Some pairs of one kind, evenly spaced in the list, so that nobody chose them by their scores."""
    rows = np.flatnonzero(members)
    rows = rows[np.linspace(0, len(rows) - 1, min(_SHOWN, len(rows))).round().astype(int)]
    pairs = found.evaluations[OURS].pairs

    @cache
    def read(path: str) -> Picture:
        return read_picture(pairs.faces.root, path)

    return PictureGroup(
        title,
        kind,
        tuple(
            PicturePair(
                read(pairs.faces.paths[pairs.left[row]]),
                read(pairs.faces.paths[pairs.right[row]]),
                tuple(f"{name}: {_verdict(each, int(row))}" for name, each in found.evaluations.items()),
            )
            for row in rows
        ),
    )


def _verdict(evaluation: Evaluation, row: int) -> str:
    """The verdict on a pair, its probability of "same", and whether it is right."""
    same = bool(evaluation.margins.scores[row] >= 0)
    right = same == bool(evaluation.pairs.is_match[row])
    probability = float(evaluation.probabilities[row])
    return f"{'same' if same else 'different'} ({probability:.2f}), {'right' if right else 'wrong'}"
