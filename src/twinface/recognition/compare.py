"""Compares all faces of two photos."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from twinface.core.types import BoolArray, Float32Array, FloatArray
from twinface.faces.picture import Picture
from twinface.recognition.photo_faces import AlignedFace
from twinface.recognition.verdict import VerdictFace
from twinface.recognition.verifier import Verifier, is_poor

ComparisonOutcome = Literal["same", "different", "no_face", "poor_quality", "uncertain"]


@dataclass(frozen=True)
class FaceMatch:
    """Two faces of one person.

    Attributes:
        left, right: the numbers of the faces in their photos, from 1, the largest first.
        score: higher means the same person.
        probability: of "same", in [0, 1], if both answers were equally likely before.
    """

    left: int
    right: int
    score: float
    probability: float


@dataclass(frozen=True, eq=False)
class Comparison:
    """The faces of two photos against each other. It is true if any of them match.

    Attributes:
        outcome: "same" if any faces match, "different" if none do, "no_face" if a photo has no face. If none do and not
            all can be told: "uncertain" if the score of two good enough faces is in between, else "poor_quality".
        left, right: the M and N faces of the photos, the largest first.
        scores: [M, N] float64; higher means the same person.
        threshold: a score at or above it means "same", unless there is a zone in which it cannot be told.
        matches: the best matches, best first. A face matches at most one face of the other photo. Faces of poor quality
            match none.
        model: the name of the model.
        threshold_fitted_on: a description of the data that the threshold was chosen on.
        notes: which photo has no face; which faces are too poor, if that is why it cannot be told.
        trained_on: a description of the data that the model was trained on.
    """

    outcome: ComparisonOutcome
    left: tuple[VerdictFace, ...]
    right: tuple[VerdictFace, ...]
    scores: FloatArray
    threshold: float
    matches: tuple[FaceMatch, ...]
    model: str
    threshold_fitted_on: str
    notes: tuple[str, ...] = ()
    trained_on: str = ""

    def __bool__(self) -> bool:
        return self.outcome == "same"

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "outcome": self.outcome,
            "matches": [vars(match) for match in self.matches],
            "scores": self.scores.tolist(),
            "threshold": self.threshold,
            "model": self.model,
            "threshold_fitted_on": self.threshold_fitted_on,
            "trained_on": self.trained_on,
            "left": [face.to_dict() for face in self.left],
            "right": [face.to_dict() for face in self.right],
            "notes": list(self.notes),
        }


def compare_photos(left: Picture, right: Picture, model: str | Path | Verifier = "best") -> Comparison:
    """Compares all faces of two photos.

    Args:
        left: a path, the bytes of a file, an array or a Pillow image; see `faces.picture.load_picture`.
        right: the other photo, in any of these forms.
        model: the name of a model ("best" is the best one that is installed), a run folder, an ONNX file, the
            description of a network, or a `Verifier`.

    Raises:
        ImageError: a photo cannot be read, or is an array of another shape or type.
        ModelError: the model or its weights are missing or damaged.
    """
    verifier = model if isinstance(model, Verifier) else Verifier(model)
    faces = verifier.reader.read_all(left), verifier.reader.read_all(right)
    threshold = verifier.record.threshold
    scores = np.zeros((len(faces[0]), len(faces[1])))
    if all(faces):
        embeddings = [verifier.embed_faces(*found) for found in faces]
        # One face at a time: the differences of all pairs at once could need gigabytes.
        scores = np.stack([verifier.record.score(face, embeddings[1]) for face in embeddings[0]])
    low, high = threshold.zone or (threshold.value, threshold.value)
    poor = _has_poor_face(*faces) & (not verifier.any_quality)
    certain = np.where(poor, -np.inf, scores)
    matches = tuple(
        FaceMatch(row + 1, column + 1, score, float(verifier.record.calibration.probability(score)))
        for row, column in best_matches(certain, high)
        for score in (float(scores[row, column]),)
    )
    outcome: ComparisonOutcome
    if not all(faces):
        outcome = "no_face"
    elif matches:
        outcome = "same"
    elif np.any(certain >= low):
        outcome = "uncertain"
    else:
        outcome = "poor_quality" if poor.any() else "different"
    return Comparison(
        outcome=outcome,
        left=tuple(map(VerdictFace.of, faces[0])),
        right=tuple(map(VerdictFace.of, faces[1])),
        scores=scores.astype(np.float64),
        threshold=threshold.value,
        matches=matches,
        model=verifier.record.name,
        threshold_fitted_on=threshold.fitted_on,
        notes=tuple(_notes(outcome, faces)),
        trained_on=verifier.record.provenance.trained_on,
    )


def best_matches(scores: FloatArray | Float32Array, threshold: float) -> list[tuple[int, int]]:
    """The pairs of a row and a column with scores at or above the threshold, the best first; none of them twice.

    Args:
        scores: [M, N].
        threshold: the lowest score of a match.

    >>> best_matches(np.array([[0.9, 0.8], [0.7, 0.1]]), 0.5)
    [(0, 0)]
    >>> best_matches(np.array([[0.6, 0.8], [0.7, 0.5]]), 0.5)
    [(0, 1), (1, 0)]
    """
    rows, columns = np.nonzero(scores >= threshold)
    order = np.argsort(-scores[rows, columns], kind="stable")
    matches: list[tuple[int, int]] = []
    free_rows, free_columns = set(rows.tolist()), set(columns.tolist())
    for row, column in zip(rows[order].tolist(), columns[order].tolist(), strict=True):
        if row in free_rows and column in free_columns:
            matches.append((row, column))
            free_rows.remove(row)
            free_columns.remove(column)
    return matches


def _notes(
    outcome: ComparisonOutcome, faces: tuple[Sequence[AlignedFace], Sequence[AlignedFace]]
) -> Iterator[str]:
    for place, found in zip(("first", "second"), faces, strict=True):
        if not found:
            yield f"No face was found in the {place} photo."
        poor = [number for number, face in enumerate(found, start=1) if is_poor(face.quality)]
        if poor and outcome == "poor_quality":
            which = "face" if len(poor) == 1 else "faces"
            yield f"Too poor to be told, in the {place} photo: {which} {', '.join(map(str, poor))}."


def _has_poor_face(left: Sequence[AlignedFace], right: Sequence[AlignedFace]) -> BoolArray:
    """[M, N] whether one of the two faces is of poor quality."""
    first, second = ([is_poor(face.quality) for face in faces] for faces in (left, right))
    return np.asarray(np.array(first, bool)[:, None] | np.array(second, bool)[None], np.bool_)
