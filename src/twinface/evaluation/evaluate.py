"""Scores a model by a protocol and says how far the figures can be trusted.

Two rules are enforced here rather than asked for. Nobody is scored whom the model, its threshold or its
calibration has seen, unless the caller insists, and then every output says so. And each picture is embedded once.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np

from twinface.core.errors import DataError, LeakError
from twinface.core.types import Float32Array, FloatArray, PairSet, ProgressCallback, ScoredPairs
from twinface.datasets import Dataset
from twinface.datasets.splits import draw_pairs, take_people
from twinface.evaluation.calibration import fit_calibration, fit_threshold
from twinface.evaluation.summary import EVERYTHING, Evaluation, judged, one_shot
from twinface.faces.cache import prepare_faces
from twinface.models.decision import Threshold
from twinface.models.embedder import Embedder
from twinface.models.record import ModelRecord
from twinface.models.scoring import embed_faces, score_pairs


@dataclass(frozen=True, eq=False)
class Scoring:
    """What a model makes of labelled pairs.

    Attributes:
        embeddings: `[N, D]`, one for each picture of the pairs' faces.
        scored: the pairs' scores.
        content: SHA-256 of the prepared faces.
        seconds: that embedding took.
    """

    embeddings: Float32Array
    scored: ScoredPairs
    content: str
    seconds: float


def evaluate(
    model: Embedder,
    pairs: PairSet,
    protocol: str,
    *,
    claims: str = "",
    allow_seen: bool = False,
    progress: ProgressCallback | None = None,
) -> Evaluation:
    """Embeds each picture once, scores the pairs and measures.

    With folds (View 2) threshold and calibration of each fold are fitted on the others; without, they are the
    model's own, fitted on validation people. Where the model's preparation has a mask, protocol and data are named
    after the part that it leaves, so that nobody takes the figures for those of whole pictures.

    Args:
        model: to judge.
        pairs: to judge it on.
        protocol: what to call this.
        claims: what a result on these data may be called.
        allow_seen: score people whom the model has seen, and say so in the result.
        progress: told (faces done, faces in all).

    Raises:
        LeakError: some of these people were trained or tuned on, and `allow_seen` is false.
        DataError, ImageError: the pictures are missing or damaged.
    """
    began = time.perf_counter()
    mask = model.record.preparation.mask
    if mask:
        protocol, pairs = f"{protocol}-{mask.shows}", replace(pairs, name=f"{pairs.name}, {mask.shows} alone")
    seen = check_leak(model.record, pairs, allow_seen)
    found = score(model, pairs, progress)
    decided, probabilities, threshold = _decide(model.record, found.scored, pairs.name)
    figures = {
        "shown": str(mask) if mask else EVERYTHING,
        "images": len(pairs.faces),
        "threshold": threshold.value,
        "threshold_fitted_on": threshold.fitted_on,
        "one_shot": one_shot(model.record.score, found.embeddings, pairs),
        "seen_people": seen,
        "may_be_claimed": _claim(model.record, claims, seen),
        "data_sha256": found.content,
        "images_per_second": round(len(found.embeddings) / max(found.seconds, 1e-9), 1),
        "seconds": round(time.perf_counter() - began, 3),
    }
    name = model.record.name
    return judged(protocol, name, pairs, found.scored, decided, probabilities, figures)


def score(model: Embedder, pairs: PairSet, progress: ProgressCallback | None = None) -> Scoring:
    """Embeds each picture once and scores the pairs; whom the model has seen is not asked here.

    Raises:
        DataError, ImageError: the pictures are missing or damaged.
    """
    prepared = prepare_faces(pairs.faces, model.record.preparation)
    began = time.perf_counter()
    embeddings = embed_faces(model, prepared.images, progress=progress)
    seconds = time.perf_counter() - began
    return Scoring(embeddings, score_pairs(embeddings, pairs, model.record.score), prepared.content, seconds)


def check_leak(record: ModelRecord, pairs: PairSet, allow_seen: bool) -> dict[str, int]:
    """Counts the people of these pairs whom the model has seen.

    Raises:
        LeakError: there are some, and `allow_seen` is false.
    """
    trained, tuned = record.provenance.seen(pairs.faces.names)
    known = np.array([name in trained or name in tuned for name in pairs.faces.names])
    touched = int(known[pairs.people].any(axis=1).sum()) if len(known) else 0
    if touched and not allow_seen:
        raise LeakError(
            f"{pairs.name}: the model {record.name} has seen {len(trained)} of these {len(known)} people in training "
            f"and fitted its threshold on {len(tuned)}; {touched} of {len(pairs)} pairs are not a test. Use pairs of "
            "other people, or --allow-seen-people for figures that say so"
            + (
                "; or name a recipe in the model's place, to train ten models without them"
                if pairs.fold is not None
                else ""
            )
        )
    return {"trained_on": len(trained), "tuned_on": len(tuned), "pairs": touched}


def unseen_pairs(dataset: Dataset, record: ModelRecord, per_person: int = 45, seed: int = 0) -> PairSet:
    """Balanced pairs of all people of a data set whom the model has not seen.

    Args:
        dataset: for example the one that the model was trained on, with people set aside.
        record: of the model.
        per_person: at most so many genuine pairs of one person.
        seed: of the drawing.

    Raises:
        DataError: it has seen all of them, or fewer than two are left.
    """
    faces = dataset.faces()
    trained, tuned = record.provenance.seen(faces.names)
    left = [name for name in faces.names if name not in trained | tuned]
    if len(left) < 2:
        raise DataError(
            f"{dataset.title}: {len(left)} people that {record.name} has not seen, need at least 2; "
            "set people aside with data.test_people when training"
        )
    name = f"{len(left)} unseen people of {dataset.title}"
    return draw_pairs(take_people(faces, left, name), seed, max_per_person=per_person)


def _decide(record: ModelRecord, scored: ScoredPairs, name: str) -> tuple[ScoredPairs, FloatArray, Threshold]:
    """Applies the threshold and calibration: the model's, or each fold's from the other folds."""
    if scored.fold is None:
        decided = scored.scores - record.threshold.value
        probabilities = record.calibration.probability(scored.scores)
        threshold = record.threshold
    else:
        decided, probabilities = np.empty(len(scored)), np.empty(len(scored))
        values = []
        folds = np.unique(scored.fold)
        for fold in folds:
            test = scored.fold == fold
            others = scored.scores[~test], scored.is_match[~test]
            own = fit_threshold(*others, "the other folds")
            calibration = fit_calibration(*others, "the other folds", own)
            decided[test] = scored.scores[test] - own.value
            probabilities[test] = calibration.probability(scored.scores[test])
            values.append(own.value)
        threshold = Threshold(
            float(np.mean(values)), f"for each fold, the other {len(folds) - 1} folds of {name}"
        )
    return ScoredPairs(decided, scored.is_match, scored.people, scored.fold), probabilities, threshold


def _claim(record: ModelRecord, claims: str, seen: dict[str, int]) -> str:
    if seen["pairs"]:
        return (
            f"Nothing: {seen['pairs']} pairs show people whom the model was trained or tuned on "
            f"({seen['trained_on']} and {seen['tuned_on']} people)."
        )
    mask = record.preparation.mask
    partial = f"No accuracy of a verifier: it was shown {mask}." if mask else ""
    whom = f"Trained on {record.provenance.trained_on}; tuned on {record.provenance.tuned_on}."
    return " ".join(filter(None, (partial, claims, whom)))
