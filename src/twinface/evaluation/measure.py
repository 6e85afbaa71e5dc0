"""Scored pairs → figures with intervals, the same for every protocol."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from twinface.core.types import Float32Array, FloatArray, Interval, PairSet, ScoredPairs
from twinface.evaluation.intervals import (
    accuracy_interval,
    auc_interval,
    eer_interval,
    fold_interval,
    mean_and_standard_error,
    tar_interval,
    wilson,
)
from twinface.evaluation.metrics import (
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
from twinface.evaluation.summary import Estimate, Folds, Measurements, OneShot, TarAtFar
from twinface.models.scoring import Score

ONE_SHOT_WAYS, ONE_SHOT_TRIALS = 20, 1000


def measure(
    margins: ScoredPairs,
    probabilities: FloatArray,
    ranked: ScoredPairs,
    thresholds: tuple[float, ...] | None = None,
) -> Measurements:
    """Measures decisions and ranking.

    Args:
        margins: M pairs, each score less the threshold that applied to it: 0 and above means "same".
        probabilities: `[M]` of "same".
        ranked: the scores that ROC, AUC and EER are taken from. They equal the plain scores of one model; the scores
            of several models can only be ranked together once each model's threshold is subtracted.
        thresholds: of each fold's own model, see `Folds`.
    """
    accuracy_estimate, folds = _accuracy(margins, thresholds)
    auc, eer, tars = _ranking(ranked)
    return Measurements(
        accuracy=accuracy_estimate,
        confusion=confusion(margins.scores, margins.is_match, 0.0),
        loss=binary_cross_entropy(probabilities, margins.is_match),
        calibration_error=expected_calibration_error(probabilities, margins.is_match),
        auc=auc,
        eer=eer,
        tar_at_far=tars,
        folds=folds,
    )


def one_shot(score: Score, embeddings: Float32Array, pairs: PairSet) -> OneShot | None:
    """N-way one-shot trials among the pictures of these pairs; N is 20, or the number of people if that is smaller.

    Args:
        score: see `ModelRecord.score`.
        embeddings: `[N, D]`, one for each picture of `pairs.faces`.
        pairs: say who is on which picture.

    Returns:
        None where there is one person only, or nobody has two pictures.
    """
    people = pairs.faces.people
    ways = min(ONE_SHOT_WAYS, len(pairs.faces.names))
    if ways < 2 or np.bincount(people).max() < 2:
        return None
    probe, candidates, answer = draw_one_shot_trials(people, ways, ONE_SHOT_TRIALS, seed=0)
    scores = score(np.repeat(embeddings[probe], ways, axis=0), embeddings[candidates.ravel()])
    share = one_shot_accuracy(scores.reshape(candidates.shape), answer)
    # Trials of one probe person share pictures. Counted as one trial a person, the interval is not too narrow.
    probes = len(np.unique(people[probe]))
    return OneShot(ways, len(answer), Estimate(share, wilson(share * probes, probes)))


def interval_methods(measured: Measurements, trials: OneShot | None) -> tuple[str, ...]:
    """How the intervals were made, each method once, in the order of the figures."""

    def intervals() -> Iterator[Interval | None]:
        yield measured.accuracy.interval
        for estimate in (measured.auc, measured.eer):
            yield estimate.interval if estimate else None
        for point in measured.tar_at_far:
            yield point.tar.interval
        yield trials.accuracy.interval if trials else None

    return tuple(dict.fromkeys(interval.method for interval in intervals() if interval))


def _accuracy(margins: ScoredPairs, thresholds: tuple[float, ...] | None) -> tuple[Estimate, Folds | None]:
    """Of all pairs, with people resampled; or the mean over the folds, by Student's t."""
    if margins.fold is None:
        value = accuracy(margins.scores, margins.is_match, 0.0)
        if _can_resample(margins):
            return Estimate(value, accuracy_interval(margins, 0.0)), None
        right = int(((margins.scores >= 0) == margins.is_match).sum())
        return Estimate(value, wilson(right, len(margins))), None
    each = tuple(
        accuracy(margins.scores[margins.fold == fold], margins.is_match[margins.fold == fold], 0.0)
        for fold in np.unique(margins.fold)
    )
    mean, standard_error = mean_and_standard_error(each)
    interval = fold_interval(each)
    if standard_error == 0:  # of folds that are all equal, the pairs say more than the folds
        interval = wilson(round(mean * len(margins)), len(margins))
    interval = replace(interval, low=max(0.0, interval.low), high=min(1.0, interval.high))
    return Estimate(mean, interval), Folds(each, standard_error, thresholds)


def _ranking(scored: ScoredPairs) -> tuple[Estimate | None, Estimate | None, tuple[TarAtFar, ...]]:
    """AUC, EER and TAR at FAR, which need no threshold; nothing where all pairs are of one kind."""
    if scored.is_match.all() or not scored.is_match.any():
        return None, None, ()
    resample = _can_resample(scored)
    scores, is_match = scored.scores, scored.is_match
    return (
        Estimate(area_under_curve(scores, is_match), auc_interval(scored) if resample else None),
        Estimate(equal_error_rate(scores, is_match), eer_interval(scored) if resample else None),
        tuple(
            TarAtFar(
                far,
                Estimate(tar_at_far(scores, is_match, far), tar_interval(scored, far) if resample else None),
                few_false_accepts,
            )
            for far, few_false_accepts in supported_fars(int((~is_match).sum()))
        ),
    )


def _can_resample(pairs: ScoredPairs) -> bool:
    both_kinds = pairs.is_match.any() and not pairs.is_match.all()
    return bool(both_kinds and len(np.unique(pairs.people)) >= 3)
