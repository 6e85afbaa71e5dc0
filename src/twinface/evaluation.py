"""Scores a model by a protocol and says how far the figures can be trusted.

Two rules are enforced here rather than asked for. Nobody is scored whom the model, its threshold or its
calibration has seen, unless the caller insists, and then every output says so. And each picture is embedded once.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace
from typing import Any, Protocol

import numpy as np

from twinface.cache import prepare_faces
from twinface.calibration import fit_calibration, fit_threshold, probability
from twinface.datasets import Dataset
from twinface.datasets.splits import draw_pairs, take_people
from twinface.errors import DataError, LeakError
from twinface.intervals import (
    accuracy_interval,
    auc_interval,
    eer_interval,
    fold_interval,
    mean_and_standard_error,
    tar_interval,
    wilson,
)
from twinface.metrics import (
    accuracy,
    area_under_curve,
    binary_cross_entropy,
    confusion,
    draw_one_shot_trials,
    equal_error_rate,
    expected_calibration_error,
    one_shot_accuracy,
    supported_fars,
    tar_at_far,
)
from twinface.model_record import ModelRecord
from twinface.scoring import Progress, embed_faces, score_pairs
from twinface.types import (
    ByteArray,
    Float32Array,
    FloatArray,
    Interval,
    PairSet,
    ScoredPairs,
    Threshold,
)

ONE_SHOT_WAYS, ONE_SHOT_TRIALS = 20, 1000
EVERYTHING = "everything"  # what a model is shown where nothing is painted over


class Model(Protocol):
    """What is evaluated: an embedding network and its record; every `ModelFile` is one."""

    @property
    def record(self) -> ModelRecord:
        """How it is used and whom it has seen."""
        ...

    def __call__(self, faces: ByteArray) -> Float32Array:
        """`[B, H, W, C]` uint8 → `[B, D]` float32."""
        ...


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


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What a model did on labelled pairs.

    Attributes:
        protocol: "view1", "view2", "unseen" or "pairs", with "-face" or "-background" after it where the model was
            shown that part of the pictures alone.
        pairs: the pairs.
        scored: their scores.
        decided: the scores less the threshold that applied to each, so that 0 divides "same" from "different".
        probabilities: `[M]` of "same".
        figures: what `--json` prints.
    """

    protocol: str
    pairs: PairSet
    scored: ScoredPairs
    decided: ScoredPairs
    probabilities: FloatArray
    figures: dict[str, Any]


def evaluate(
    model: Model,
    pairs: PairSet,
    protocol: str,
    *,
    claims: str = "",
    allow_seen: bool = False,
    progress: Progress | None = None,
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
        "one_shot": _one_shot(model, found.embeddings, pairs),
        "seen_people": seen,
        "may_be_claimed": _claim(model.record, claims, seen),
        "data_sha256": found.content,
        "images_per_second": round(len(found.embeddings) / max(found.seconds, 1e-9), 1),
        "seconds": round(time.perf_counter() - began, 3),
    }
    name = model.record.name
    return judged(protocol, name, pairs, found.scored, decided, probabilities, figures)


def score(model: Model, pairs: PairSet, progress: Progress | None = None) -> Scoring:
    """Embeds each picture once and scores the pairs; whom the model has seen is not asked here.

    Raises:
        DataError, ImageError: the pictures are missing or damaged.
    """
    prepared = prepare_faces(pairs.faces, model.record.preparation)
    began = time.perf_counter()
    embeddings = embed_faces(model, prepared.images, progress=progress)
    seconds = time.perf_counter() - began
    return Scoring(embeddings, score_pairs(embeddings, pairs, model.record.score), prepared.content, seconds)


def judged(
    protocol: str,
    name: str,
    pairs: PairSet,
    scored: ScoredPairs,
    decided: ScoredPairs,
    probabilities: FloatArray,
    figures: dict[str, Any],
    ranked: ScoredPairs | None = None,
) -> Evaluation:
    """Puts together what every protocol measures.

    Args:
        protocol, pairs, scored, decided, probabilities: see `Evaluation`.
        name: of what was judged.
        figures: that belong to this protocol.
        ranked: the scores that ROC, AUC and EER are of; None takes `scored`. Scores of several models can only be
            ranked together once each model's threshold is taken off.
    """
    every = {
        "protocol": protocol,
        "data": pairs.name,
        "model": name,
        "pairs": len(pairs),
        "genuine": int(pairs.is_match.sum()),
        "people": len(pairs.faces.names),
        "shown": EVERYTHING,
        **_decision_figures(decided, probabilities),
        **_ranking_figures(ranked or scored),
        **figures,
    }
    methods: dict[str, None] = {}  # a dict, because it keeps its order
    plain = _plain(every, methods) | {"interval_level": 0.95, "interval_methods": list(methods)}
    return Evaluation(protocol, pairs, scored, decided, probabilities, plain)


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
        probabilities = probability(record.calibration, scored.scores)
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
            probabilities[test] = probability(calibration, scored.scores[test])
            values.append(own.value)
        threshold = Threshold(
            float(np.mean(values)), f"for each fold, the other {len(folds) - 1} folds of {name}"
        )
    return ScoredPairs(decided, scored.is_match, scored.people, scored.fold), probabilities, threshold


def _decision_figures(decided: ScoredPairs, probabilities: FloatArray) -> dict[str, Any]:
    """Figures that depend on the threshold and the calibration."""
    table = confusion(decided.scores, decided.is_match, 0.0)
    figures: dict[str, Any] = {
        "accuracy": accuracy(decided.scores, decided.is_match, 0.0),
        "confusion": asdict(table),
        "loss": binary_cross_entropy(probabilities, decided.is_match),
        "calibration_error": expected_calibration_error(probabilities, decided.is_match),
    }
    if decided.fold is None:
        figures["accuracy_interval"] = _accuracy_interval(decided)
    else:
        folds = [
            accuracy(decided.scores[decided.fold == fold], decided.is_match[decided.fold == fold], 0.0)
            for fold in np.unique(decided.fold)
        ]
        mean, standard_error = mean_and_standard_error(folds)
        figures |= {
            "accuracy": mean,
            "standard_error": standard_error,
            "accuracy_interval": fold_interval(folds),
            "folds": folds,
        }
    return figures


def _accuracy_interval(decided: ScoredPairs) -> Interval:
    """Resamples people where there are enough and both kinds of pairs; Wilson's interval otherwise."""
    if _resamples(decided):
        return accuracy_interval(decided, 0.0)
    right = int(((decided.scores >= 0) == decided.is_match).sum())
    return wilson(right, len(decided))


def _ranking_figures(scored: ScoredPairs) -> dict[str, Any]:
    """Figures that need no threshold; None where the pairs are all of one kind."""
    if scored.is_match.all() or not scored.is_match.any():
        return {"auc": None, "auc_interval": None, "eer": None, "eer_interval": None, "tar_at_far": []}
    resamples = _resamples(scored)
    impostors = int((~scored.is_match).sum())
    return {
        "auc": area_under_curve(scored.scores, scored.is_match),
        "auc_interval": auc_interval(scored) if resamples else None,
        "eer": equal_error_rate(scored.scores, scored.is_match),
        "eer_interval": eer_interval(scored) if resamples else None,
        "tar_at_far": [
            {
                "far": far,
                "tar": tar_at_far(scored.scores, scored.is_match, far),
                "interval": tar_interval(scored, far) if resamples else None,
                "few_false_accepts": hedged,
            }
            for far, hedged in supported_fars(impostors)
        ],
    }


def _resamples(pairs: ScoredPairs) -> bool:
    both_kinds = pairs.is_match.any() and not pairs.is_match.all()
    return bool(both_kinds and len(np.unique(pairs.people)) >= 3)


def _one_shot(model: Model, embeddings: Float32Array, pairs: PairSet) -> dict[str, Any] | None:
    """N-way one-shot trials among the pictures of these pairs, N as large as 20 where there are people enough."""
    people = pairs.faces.people
    ways = min(ONE_SHOT_WAYS, len(pairs.faces.names))
    if ways < 2 or np.bincount(people).max() < 2:
        return None
    probe, candidates, answer = draw_one_shot_trials(people, ways, ONE_SHOT_TRIALS, seed=0)
    scores = model.record.score(
        np.repeat(embeddings[probe], ways, axis=0), embeddings[candidates.ravel()]
    ).reshape(candidates.shape)
    share = one_shot_accuracy(scores, answer)
    # Trials with one probe person share pictures; counted as one trial a person the interval is not too narrow.
    probes = len(np.unique(people[probe]))
    interval = wilson(share * probes, probes)
    return {"ways": ways, "trials": len(answer), "accuracy": share, "interval": interval}


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


def _plain(value: Any, methods: dict[str, None]) -> Any:
    """Figures as JSON has them: an interval becomes `[low, high]`, and how it was made is added to `methods`."""
    if isinstance(value, Interval):
        methods[value.method] = None
        return [value.low, value.high]
    if isinstance(value, dict):
        return {name: _plain(part, methods) for name, part in value.items()}
    return [_plain(part, methods) for part in value] if isinstance(value, list) else value
