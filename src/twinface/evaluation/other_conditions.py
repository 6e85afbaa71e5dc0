"""A threshold that holds for photos of other conditions than those that it was fitted on.

A model's impostor scores are higher on a collection of photos that share a light, a size or a blur, and a threshold
from elsewhere then accepts many times as many strangers as it should. Collections are simulated here, each with a
condition of its own (`faces.conditions`). For each of them the threshold is moved by the change of the mean and the
deviation of the impostor scores. Nine of ten collections need at most `upper` (condition-matched score normalisation,
as in Auckenthaler et al. 2000, where the condition is not known and so the worst one but a few is assumed).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from twinface.core.types import BoolArray, ByteArray, Float32Array, FloatArray, IntArray, ProgressCallback
from twinface.evaluation.fit_on_people import AllPairs, score_all_pairs
from twinface.faces.align import align
from twinface.faces.conditions import (
    PHOTO_EYES,
    apply_condition,
    draw_condition,
    eye_distance_of,
    prepared_frame,
)
from twinface.faces.frame import ARCFACE_FRAME, Frame
from twinface.faces.quality import looks_poor
from twinface.models.embedder import Embedder
from twinface.models.error_table import ErrorTable
from twinface.models.scoring import embed_faces

SHARE = 0.9  # of the simulated collections in which the wanted rate holds
COLLECTIONS, _PHOTOS = 60, 40  # of each collection
_FEWEST = 10  # photos that are not poor, or the collection is left out
_PEOPLE = 10  # of which two photos of a collection are taken where that is possible, so that there are genuine pairs


@dataclass(frozen=True, eq=False)
class ConditionScores:
    """Scores of all pairs within each simulated collection of photos.

    Attributes:
        pairs: of each collection, without the photos that are too poor to be told anyway.
    """

    pairs: tuple[AllPairs, ...]

    def upper(self, threshold: float, usual: AllPairs) -> float:
        """The threshold that keeps its false match rate in nine of ten collections; at least `threshold`.

        Args:
            threshold: on the usual scores.
            usual: the scores of the pictures as they are.
        """
        place = (threshold - usual.impostor.mean()) / max(usual.impostor.std(), 1e-12)
        moved = [each.impostor.mean() + place * each.impostor.std() for each in self.pairs]
        return max(threshold, float(np.quantile(moved, SHARE)))

    def with_uppers(self, table: ErrorTable, usual: AllPairs) -> ErrorTable:
        """The table with the threshold that each of its rates needs under other conditions."""
        uppers = np.maximum.accumulate([self.upper(point.threshold, usual) for point in table.points])
        points = zip(table.points, uppers.tolist(), strict=True)
        return replace(table, points=tuple(replace(point, upper=upper) for point, upper in points))

    def together(self) -> tuple[FloatArray, FloatArray]:
        """All genuine scores `[G]` and all impostor scores `[I]`."""
        return (
            np.concatenate([each.genuine for each in self.pairs]),
            np.concatenate([each.impostor for each in self.pairs]),
        )


def score_conditions(
    model: Embedder,
    faces: ByteArray,
    people: IntArray,
    frame: Frame,
    seed: int = 0,
    collections: int = COLLECTIONS,
    progress: ProgressCallback | None = None,
) -> ConditionScores | None:
    """Simulates collections of photos and scores the pairs of each.

    Args:
        model: embeds and scores.
        faces: [N, H, W, C] uint8, prepared for the model, of people that it was not trained on.
        people: [N], the number of the person on each.
        frame: where the landmarks lie in the pictures before they are prepared.
        seed: of the conditions.
        collections: how many.
        progress: called with (faces done, faces in all).

    Returns:
        The scores, or None if there are too few people for a collection.
    """
    random = np.random.default_rng(seed)
    inside = prepared_frame(model.record.preparation, frame)
    kept: list[ByteArray] = []
    rows: list[IntArray] = []
    for _ in range(collections):
        chosen = _draw_photos(people, random)
        photos, fit = simulate_collection(faces[chosen], inside, random)
        if np.sum(fit) >= _FEWEST and len(np.unique(people[chosen[fit]])) > 1:
            kept.append(photos[fit])
            rows.append(chosen[fit])
    if not kept:
        return None
    embeddings = embed_faces(model, np.concatenate(kept), progress=progress)
    parts = np.split(embeddings, np.cumsum([len(each) for each in rows])[:-1])
    scored = [_pairs(part, people[each], model) for part, each in zip(parts, rows, strict=True)]
    return ConditionScores(tuple(scored))


def simulate_collection(
    faces: ByteArray, frame: Frame, random: np.random.Generator
) -> tuple[ByteArray, BoolArray]:
    """Photos that share one condition, which is drawn.

    Args:
        faces: [N, H, W, C] uint8.
        frame: where the landmarks lie in them.
        random: draws the condition.

    Returns:
        The photos, in the shape of `faces`, and [N] whether each is good enough to be told.
    """
    condition, eyes = draw_condition(random), eye_distance_of(frame)
    photos = np.stack([apply_condition(face, condition, eyes, random) for face in faces])
    fit = [not _is_poor(photo, frame, PHOTO_EYES * condition.reduction) for photo in photos]
    return photos, np.array(fit)


def _is_poor(photo: ByteArray, frame: Frame, eye_distance: float) -> bool:
    colored = np.repeat(photo, 3, axis=2) if photo.shape[2] == 1 else photo
    return looks_poor(align(colored, frame.landmarks, ARCFACE_FRAME), eye_distance)


def _draw_photos(people: IntArray, random: np.random.Generator) -> IntArray:
    """[M] rows, at most 40: pictures of different people, a second one of ten of them, and more only of few people."""
    order = random.permutation(len(people))
    turn = np.zeros(len(people), np.int64)  # whether a row is the first of its person, the second …
    seen: dict[int, int] = {}
    for row in order.tolist():
        turn[row] = seen.get(int(people[row]), 0)
        seen[int(people[row])] = int(turn[row]) + 1
    second = order[turn[order] == 1][:_PEOPLE]
    first = order[turn[order] == 0]
    # Those whose second picture was drawn come first.
    first = first[np.argsort(~np.isin(people[first], people[second]), kind="stable")]
    drawn = np.concatenate([first[: _PHOTOS - len(second)], second])
    return np.concatenate([drawn, np.setdiff1d(order, drawn, assume_unique=True)[: _PHOTOS - len(drawn)]])


def _pairs(embeddings: Float32Array, people: IntArray, model: Embedder) -> AllPairs:
    """All pairs of a collection; it may have no genuine pair."""
    return score_all_pairs(embeddings, people, model.record.score, need_both=False)
