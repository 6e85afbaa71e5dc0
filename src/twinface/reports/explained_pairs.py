"""Where the model looked in the pairs that it was most wrong about."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from twinface.core.errors import DivergedError, ImageError, ModelError
from twinface.evaluation.results import StoredEvaluation
from twinface.evaluation.summary import Summary
from twinface.faces.align import align
from twinface.faces.picture import load_picture
from twinface.recognition.explanation import Explanation, explain_faces
from twinface.recognition.photo_faces import AlignedFace
from twinface.recognition.verifier import Verifier
from twinface.reports.extreme_pairs import most_wrong
from twinface.reports.pictures import Picture, PictureGroup, PicturePair, encode_picture, read_picture

_SHOWN = 3  # of each kind: a pair costs as much as embedding some 160 pictures
_BY_OTHER_MODELS = "cross-validated"  # the protocol in which the run's model judges nobody
_LONGEST_SIDE = 190  # pixels; shown larger than other pairs, since it is the colours that matter


@dataclass(frozen=True)
class ExplainedPairs:
    """Pairs with maps over their faces, or why there are none."""

    groups: list[PictureGroup]
    problem: str = ""


def explained_pairs(run: Path, result: StoredEvaluation, run_aligns: bool = False) -> ExplainedPairs:
    """Up to three genuine pairs rejected and three impostor pairs accepted, with a map over each face.

    Args:
        run: folder whose model is asked; without one there are no maps.
        result: an evaluation of the run on whole pictures. Faces are aligned as they were in it.
        run_aligns: whether the run was trained on photos that were aligned first. An evaluation of an earlier version
            then does not tell what the model saw.
    """
    if not is_judged_by_run(result.summary):
        return ExplainedPairs([], "each pair was judged by a model without its people, which is not kept")
    if result.landmarks is None and run_aligns:
        return ExplainedPairs([], "an earlier version made this evaluation; evaluate the run again")
    try:
        verifier = Verifier(run, aligned=True)
    except ModelError:
        # The error names the file's whole path, which is nobody's business who is shown the page.
        return ExplainedPairs([], "this run's model is not in its folder, or is damaged")
    groups = []
    for title, kind, rows in most_wrong(result):
        names = ((result.left[row], result.right[row]) for row in rows[:_SHOWN])
        pairs = tuple(_explained(verifier, result, left, right) for left, right in names)
        groups.append(PictureGroup(title, kind, pairs))
    return ExplainedPairs(groups)


def is_judged_by_run(summary: Summary) -> bool:
    """Whether the run's model judged all pairs of this evaluation, on whole pictures."""
    return not summary.is_partial and summary.protocol != _BY_OTHER_MODELS


def _explained(verifier: Verifier, result: StoredEvaluation, left: str, right: str) -> PicturePair:
    root = result.root
    try:
        explanation = explain_faces(verifier, _face(result, left), _face(result, right))
    except (ImageError, DivergedError, ModelError):
        return PicturePair(read_picture(root, left), read_picture(root, right), ("no map",))
    verdict = explanation.verdict
    lines = (
        f"score {explanation.score:.3f}, threshold {verdict.threshold:.3f}",
        f"fullest colour: score ± {explanation.strongest:.3f}",
    )
    return PicturePair(_with_map(explanation, 0, left), _with_map(explanation, 1, right), lines)


def _face(result: StoredEvaluation, path: str) -> AlignedFace:
    """The face as the evaluation had it: aligned by the same landmarks, or the picture as it is."""
    pixels, landmarks = load_picture(result.root / path, "rgb"), (result.landmarks or {}).get(path)
    return AlignedFace(pixels if landmarks is None else align(pixels, landmarks))


def _with_map(explanation: Explanation, side: int, path: str) -> Picture:
    return encode_picture(explanation.overlay(side), path, _LONGEST_SIDE)
