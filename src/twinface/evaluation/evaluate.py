"""Judges a model on labelled pairs.

Two rules are enforced here. Nobody is scored that the model has seen, unless the caller insists, and then every output
says so (`leaks`). Each picture is embedded once.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np

from twinface.core.types import Float32Array, FloatArray, PairSet, ProgressCallback, ScoredPairs
from twinface.evaluation.calibration import fit_calibration, fit_threshold
from twinface.evaluation.leaks import check_leak
from twinface.evaluation.measure import interval_methods, measure, one_shot
from twinface.evaluation.summary import EVERYTHING, SeenPeople, Summary
from twinface.evaluation.summary_text import summary_html, summary_lines
from twinface.faces.cache import prepare_faces
from twinface.models.decision import Threshold
from twinface.models.embedder import Embedder
from twinface.models.record import ModelRecord
from twinface.models.scoring import embed_faces, score_pairs


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What a model did on labelled pairs. A notebook shows it as a table.

    Attributes:
        summary: all figures.
        pairs: the M pairs.
        scored: their scores.
        margins: each score less the threshold that applied to it: 0 and above means "same".
        probabilities: `[M]` of "same".
    """

    summary: Summary
    pairs: PairSet
    scored: ScoredPairs
    margins: ScoredPairs
    probabilities: FloatArray

    def __str__(self) -> str:
        return "\n".join(summary_lines(self.summary))

    def _repr_html_(self) -> str:
        return summary_html(self.summary)


@dataclass(frozen=True, eq=False)
class Scoring:
    """What a model makes of labelled pairs.

    Attributes:
        embeddings: `[N, D]`, one for each picture of the pairs' faces.
        scored: the pairs' scores.
        content: SHA-256 of the pictures' bytes.
        seconds: that embedding took.
    """

    embeddings: Float32Array
    scored: ScoredPairs
    content: str
    seconds: float


@dataclass(frozen=True, eq=False)
class Decisions:
    """What thresholds and calibration make of scores.

    Attributes:
        margins, probabilities: see `Evaluation`.
        threshold: where "same" begins; with folds, the mean.
    """

    margins: ScoredPairs
    probabilities: FloatArray
    threshold: Threshold


def evaluate(
    model: Embedder,
    pairs: PairSet,
    protocol: str,
    *,
    claims: str = "",
    allow_seen: bool = False,
    people_known: bool = True,
    progress: ProgressCallback | None = None,
) -> Evaluation:
    """Embeds each picture once, scores the pairs and measures.

    With folds (View 2), threshold and calibration of each fold are fitted on the other folds. Without, they are the
    model's own, fitted on validation people. Where the model's preparation has a mask, the names of protocol and data
    say which part of the pictures it saw, so that nobody takes the figures for those of whole pictures.

    Args:
        model: to judge.
        pairs: to judge it on.
        protocol: name of this evaluation.
        claims: what a result on these data may be called.
        allow_seen: score people that the model has seen, and say so in the result.
        people_known: the pairs say who is on their pictures. If not, strangers of one-shot trials could be one person.
        progress: called with (faces done, faces in total).

    Raises:
        LeakError: the model has seen some of these people, and `allow_seen` is false.
        DataError, ImageError: pictures are missing or damaged.
    """
    began = time.perf_counter()
    record, mask = model.record, model.record.preparation.mask
    if mask:
        protocol, pairs = f"{protocol}-{mask.shows}", replace(pairs, name=f"{pairs.name}, {mask.shows} alone")
    seen = check_leak(record, pairs, allow_seen)
    found = score(model, pairs, progress)
    decisions = _decide(record, found.scored, pairs.name)
    measured = measure(decisions.margins, decisions.probabilities, ranked=found.scored)
    trials = one_shot(record.score, found.embeddings, pairs) if people_known else None
    people, images = in_pairs(pairs)
    summary = Summary(
        **vars(measured),
        protocol=protocol,
        data=pairs.name,
        model=record.name,
        shown=str(mask) if mask else EVERYTHING,
        pairs=len(pairs),
        genuine=int(pairs.is_match.sum()),
        people=people,
        images=images,
        threshold=decisions.threshold.value,
        threshold_fitted_on=decisions.threshold.fitted_on,
        one_shot=trials,
        seen_people=seen,
        may_be_claimed=_claim(record, claims, seen),
        images_per_second=round(len(found.embeddings) / max(found.seconds, 1e-9), 1),
        seconds=round(time.perf_counter() - began, 3),
        data_sha256=found.content,
        interval_methods=interval_methods(measured, trials),
    )
    return Evaluation(summary, pairs, found.scored, decisions.margins, decisions.probabilities)


def in_pairs(pairs: PairSet) -> tuple[int, int]:
    """How many people and how many pictures are in the pairs; `pairs.faces` may have others."""
    return len(np.unique(pairs.people)), len(np.unique([pairs.left, pairs.right]))


def score(model: Embedder, pairs: PairSet, progress: ProgressCallback | None = None) -> Scoring:
    """Embeds each picture once and scores the pairs. It does not ask which people the model has seen.

    Raises:
        DataError, ImageError: pictures are missing or damaged.
    """
    prepared = prepare_faces(pairs.faces, model.record.preparation)
    began = time.perf_counter()
    embeddings = embed_faces(model, prepared.images, progress=progress)
    seconds = time.perf_counter() - began
    return Scoring(embeddings, score_pairs(embeddings, pairs, model.record.score), prepared.content, seconds)


def _decide(record: ModelRecord, scored: ScoredPairs, name: str) -> Decisions:
    """Applies the model's threshold and calibration; with folds, those fitted on the other folds."""
    if scored.fold is None:
        margins = scored.scores - record.threshold.value
        probabilities, threshold = record.calibration.probability(scored.scores), record.threshold
    else:
        margins, probabilities = np.empty(len(scored)), np.empty(len(scored))
        values = []
        folds = np.unique(scored.fold)
        for fold in folds:
            test = scored.fold == fold
            others = scored.scores[~test], scored.is_match[~test]
            own = fit_threshold(*others, "the other folds")
            calibration = fit_calibration(*others, "the other folds", own)
            margins[test] = scored.scores[test] - own.value
            probabilities[test] = calibration.probability(scored.scores[test])
            values.append(own.value)
        threshold = Threshold(
            float(np.mean(values)), f"for each fold, the other {len(folds) - 1} folds of {name}"
        )
    return Decisions(replace(scored, scores=margins), probabilities, threshold)


def _claim(record: ModelRecord, claims: str, seen: SeenPeople) -> str:
    if seen.pairs:
        return (
            f"Nothing: {seen.pairs} pairs show people that the model was trained or tuned on "
            f"({seen.trained_on} and {seen.tuned_on} people)."
        )
    mask = record.preparation.mask
    partial = f"No accuracy of a verifier: it was shown {mask}." if mask else ""
    people = f"Trained on {record.provenance.trained_on}; tuned on {record.provenance.tuned_on}."
    return " ".join(filter(None, (partial, claims, people)))
