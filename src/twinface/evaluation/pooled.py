"""One evaluation of pairs that several models judged, each at its own threshold: the parts of a cross-validation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from twinface.core.types import BoolArray, FaceSet, FloatArray, IntArray, PairSet, ScoredPairs
from twinface.evaluation.evaluate import Evaluation, in_pairs
from twinface.evaluation.measure import interval_methods, measure
from twinface.evaluation.summary import SeenPeople, Summary


@dataclass(frozen=True, eq=False)
class JudgedPairs:
    """The pairs that one model judged.

    Attributes:
        left, right: [M], rows of the pictures of all models.
        is_match: [M].
        scores, probabilities: [M] by this model.
        threshold: of this model.
        people: names of those on the pictures; the model has seen none of them.
    """

    left: IntArray
    right: IntArray
    is_match: BoolArray
    scores: FloatArray
    threshold: float
    probabilities: FloatArray
    people: tuple[str, ...]


@dataclass(frozen=True)
class PoolNames:
    """What a pooled evaluation is called; see `Summary` for each."""

    protocol: str
    data: str
    model: str
    claims: str
    data_sha256: str


def pooled_evaluation(
    faces: FaceSet, judged: Sequence[JudgedPairs], names: PoolNames, seconds: float
) -> Evaluation:
    """The figures of all pairs together. People are resampled for the intervals, and they are in one part each.

    ROC, AUC and EER rank the margins, because the scores of different models have no common scale.

    Args:
        faces: the pictures of all models.
        judged: what each model judged.
        names: of the result.
        seconds: that it took.
    """
    joined = {
        name: np.concatenate([getattr(each, name) for each in judged])
        for name in ("left", "right", "is_match", "scores", "probabilities")
    }
    pairs = PairSet(names.data, faces, joined["left"], joined["right"], joined["is_match"])
    lengths = [len(each.left) for each in judged]
    thresholds = np.array([each.threshold for each in judged])
    margins = ScoredPairs(joined["scores"] - np.repeat(thresholds, lengths), pairs.is_match, pairs.people)
    measured = measure(margins, joined["probabilities"], ranked=margins)
    people, images = in_pairs(pairs)
    summary = Summary(
        **vars(measured),
        protocol=names.protocol,
        data=names.data,
        model=names.model,
        pairs=len(pairs),
        genuine=int(pairs.is_match.sum()),
        people=people,
        images=images,
        threshold=float(thresholds.mean()),
        threshold_fitted_on="for each part, the people of the other parts",
        one_shot=None,
        seen_people=SeenPeople(),
        may_be_claimed=f"{names.claims} {len(judged)} models, each fitted to the people of the other parts.".strip(),
        images_per_second=round(len(faces) / max(seconds, 1e-9), 1),
        seconds=round(seconds, 3),
        data_sha256=names.data_sha256,
        interval_methods=interval_methods(measured, None),
    )
    return Evaluation(
        summary, pairs, replace(margins, scores=joined["scores"]), margins, joined["probabilities"]
    )
