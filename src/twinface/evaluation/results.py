"""Evaluations on disk: the figures as JSON, and the scores with the pictures' names as NPZ, without pickle."""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import astuple, dataclass
from pathlib import Path

import numpy as np
from numpy.lib.npyio import NpzFile

from twinface.core.errors import ModelError
from twinface.core.storage import json_bytes, write_bytes, write_files
from twinface.core.types import BoolArray, FaceSet, FloatArray, IntArray, PairSet, Region, ScoredPairs
from twinface.evaluation.evaluate import Evaluation
from twinface.evaluation.summary import Summary
from twinface.faces.frame import Landmarks

_LONGEST = 40  # letters of a folder's name, so that a file's name is not too long
_NO_LANDMARKS = np.empty((0, 5, 2))  # of pictures that were not aligned


@dataclass(frozen=True, eq=False)
class StoredEvaluation:
    """An evaluation as it was saved.

    Attributes:
        name: of the file.
        summary: all figures.
        root: folder of the pictures.
        left, right: `[M]` names of the pictures, relative to `root`.
        margins: `[M]` score less threshold: 0 and above means "same".
        probabilities: `[M]` of "same".
        is_match: `[M]`.
        people: `[M, 2]` numbers of the people.
        landmarks: of the face on each picture that was aligned before it was judged, by the picture's name; empty where
            pictures were judged as they are. None if the file is of an earlier version, which did not keep them.
    """

    name: str
    summary: Summary
    root: Path
    left: list[str]
    right: list[str]
    margins: FloatArray
    probabilities: FloatArray
    is_match: BoolArray
    people: IntArray
    landmarks: dict[str, Landmarks] | None = None

    @property
    def correct(self) -> BoolArray:
        """`[M]` whether each pair was decided rightly."""
        correct: BoolArray = (self.margins >= 0) == self.is_match
        return correct


def own_pairs(file: Path, root: Path) -> str:
    """The name of a result on a pair file of one's own, another one for each file and folder of pictures.

    No protocol's name begins like it.

    >>> own_pairs(Path("/photos/unseen.csv"), Path("/photos"))
    'pairs-unseen.csv-b1cda0'
    """
    return f"pairs-{file.name}-{_digest(file.resolve(), root.resolve())}"


def _name(summary: Summary) -> str:
    """The name of a result by a protocol; that on the run's own data is the protocol's."""
    source = summary.source
    if source is None:
        return summary.protocol
    words = [source.data, *filter(None, [source.layout])]
    if source.data == "folder" and source.root:
        # Two folders may have one name.
        words = [Path(source.root).name[:_LONGEST], _digest(source.root, source.align)]
    elif source.align:
        words.append("aligned")
    return "-".join([summary.protocol, "on", *words])


def _digest(*values: object) -> str:
    return hashlib.sha256("\n".join(map(str, values)).encode(errors="surrogateescape")).hexdigest()[:6]


def save_result(run: Path, evaluation: Evaluation, name: str | None = None) -> Path:
    """Writes `results/NAME.json` and `results/NAME.npz` into a run folder; returns the first.

    Args:
        run: the folder.
        evaluation: of its model.
        name: None takes that of the protocol, with the data set after it where it is not the run's own.

    Raises:
        StorageError: a file cannot be written; whole files of before stay.
    """
    target = run / "results" / f"{name or _name(evaluation.summary)}.json"
    packed = _packed(
        evaluation.pairs,
        scores=evaluation.scored.scores,
        decided=evaluation.margins.scores,
        probabilities=evaluation.probabilities,
    )
    write_files({target.with_suffix(".npz"): packed, target: json_bytes(evaluation.summary.to_dict())})
    return target


def save_validation(run: Path, pairs: PairSet, scored: ScoredPairs) -> None:
    """Keeps a finished model's scores of its validation pairs, so that models can be compared pair by pair.

    These are no test results: epoch, threshold and calibration were chosen on these pairs.
    """
    write_bytes(run / "validation.npz", _packed(pairs, scores=scored.scores))


def load_validation(run: Path) -> tuple[PairSet, ScoredPairs]:
    """Reads what `save_validation` wrote.

    Raises:
        ModelError: it is missing or damaged.
    """
    path = run / "validation.npz"
    try:
        with np.load(path, allow_pickle=False) as arrays:
            faces = FaceSet(
                "validation people",
                Path(str(arrays["root"])),
                tuple(map(str, arrays["paths"])),
                arrays["face_people"],
                tuple(map(str, arrays["names"])),
                Region(*map(float, arrays["region"])),
                _landmarks(arrays),
            )
            pairs = PairSet("validation pairs", faces, arrays["left"], arrays["right"], arrays["is_match"])
            return pairs, ScoredPairs(arrays["scores"], pairs.is_match, pairs.people)
    except Exception as error:  # NumPy and zip raise a dozen kinds for damaged bytes
        raise ModelError(f"{path}: missing or damaged ({error}); train the run again") from error


def _packed(pairs: PairSet, **arrays: np.ndarray) -> bytes:
    """Pairs and arrays that belong to them as the bytes of an NPZ file, without pickle."""
    arrays |= {
        "left": pairs.left,
        "right": pairs.right,
        "is_match": pairs.is_match,
        "people": pairs.people,
        "face_people": pairs.faces.people,
        "names": np.array(pairs.faces.names),
        "paths": np.array(pairs.faces.paths),
        "root": np.array(str(pairs.faces.root)),
        "region": np.array(astuple(pairs.faces.region)),
        "landmarks": _NO_LANDMARKS if pairs.faces.landmarks is None else pairs.faces.landmarks,
    }
    if pairs.fold is not None:
        arrays["fold"] = pairs.fold
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def _landmarks(arrays: NpzFile) -> Landmarks | None:
    """`[N, 5, 2]` of the pictures; None if they were not aligned, or if the file is of an earlier version."""
    kept = arrays.get("landmarks", _NO_LANDMARKS)
    return kept if len(kept) else None


def load_results(run: Path) -> list[StoredEvaluation]:
    """All evaluations of a run folder, by name.

    Raises:
        ModelError: a file is damaged.
    """
    return [_load(path) for path in sorted((run / "results").glob("*.json"), key=lambda path: path.stem)]


def _load(path: Path) -> StoredEvaluation:
    try:
        summary = Summary.from_dict(json.loads(path.read_text(encoding="utf-8")))
        with np.load(path.with_suffix(".npz"), allow_pickle=False) as arrays:
            paths = [str(name) for name in arrays["paths"]]
            landmarks = _landmarks(arrays)
            aligned = {} if landmarks is None else dict(zip(paths, landmarks, strict=True))
            return StoredEvaluation(
                name=path.stem,
                summary=summary,
                root=Path(str(arrays["root"])),
                left=[paths[row] for row in arrays["left"]],
                right=[paths[row] for row in arrays["right"]],
                margins=arrays["decided"],
                probabilities=arrays["probabilities"],
                is_match=arrays["is_match"],
                people=arrays["people"],
                landmarks=aligned if "landmarks" in arrays else None,
            )
    except Exception as error:  # NumPy, zip and JSON raise a dozen kinds for damaged bytes
        raise ModelError(f"{path}: damaged ({error}); evaluate again") from error
