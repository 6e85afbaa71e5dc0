"""Evaluations on disk: the figures as JSON, and the scores with the pictures' names as NPZ, without pickle."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from twinface.errors import ModelError
from twinface.evaluation import Evaluation
from twinface.storage import write_bytes, write_json
from twinface.types import BoolArray, FloatArray, IntArray


@dataclass(frozen=True, eq=False)
class Result:
    """An evaluation as a report needs it.

    Attributes:
        name: of the file.
        figures: what `evaluate --json` printed.
        root: folder of the pictures.
        left, right: `[M]` names of the pictures, relative to `root`.
        decided: `[M]` score less threshold; 0 divides "same" from "different".
        probabilities: `[M]` of "same".
        is_match: `[M]`.
        people: `[M, 2]` numbers of the people.
    """

    name: str
    figures: dict[str, Any]
    root: Path
    left: list[str]
    right: list[str]
    decided: FloatArray
    probabilities: FloatArray
    is_match: BoolArray
    people: IntArray


def save_result(run: Path, evaluation: Evaluation, name: str | None = None) -> Path:
    """Writes `results/NAME.json` and `results/NAME.npz` into a run folder; returns the first.

    Raises:
        StorageError: a file cannot be written; whole files of before stay.
    """
    target = run / "results" / f"{name or evaluation.protocol}.json"
    pairs = evaluation.pairs
    arrays = {
        "left": pairs.left,
        "right": pairs.right,
        "scores": evaluation.scored.scores,
        "decided": evaluation.decided.scores,
        "probabilities": evaluation.probabilities,
        "is_match": pairs.is_match,
        "people": pairs.people,
        "paths": np.array(pairs.faces.paths),
        "root": np.array(str(pairs.faces.root)),
    }
    if pairs.fold is not None:
        arrays["fold"] = pairs.fold
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    write_bytes(target.with_suffix(".npz"), buffer.getvalue())
    write_json(target, evaluation.figures)
    return target


def load_results(run: Path) -> list[Result]:
    """All evaluations of a run folder, by name.

    Raises:
        ModelError: a file is damaged.
    """
    return [_load(path) for path in sorted((run / "results").glob("*.json"))]


def _load(path: Path) -> Result:
    try:
        figures = json.loads(path.read_text(encoding="utf-8"))
        with np.load(path.with_suffix(".npz"), allow_pickle=False) as arrays:
            paths = [str(name) for name in arrays["paths"]]
            return Result(
                name=path.stem,
                figures=figures,
                root=Path(str(arrays["root"])),
                left=[paths[row] for row in arrays["left"]],
                right=[paths[row] for row in arrays["right"]],
                decided=arrays["decided"],
                probabilities=arrays["probabilities"],
                is_match=arrays["is_match"],
                people=arrays["people"],
            )
    except (OSError, ValueError, KeyError, IndexError) as error:
        raise ModelError(f"{path}: damaged ({error}); evaluate again") from error
