"""What every protocol measures on scored pairs, as plain values with intervals."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

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
from twinface.models.scoring import Score

ONE_SHOT_WAYS, ONE_SHOT_TRIALS = 20, 1000
EVERYTHING = "everything"  # what a model is shown where nothing is painted over


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


def one_shot(score: Score, embeddings: Float32Array, pairs: PairSet) -> dict[str, Any] | None:
    """N-way one-shot trials among the pictures of these pairs, N as large as 20 where there are people enough.

    Args:
        score: see `ModelRecord.score`.
        embeddings: `[N, D]`, one for each picture of the pairs' faces.
        pairs: say who is who.

    Returns:
        Ways, trials, accuracy and its interval; None of one person, and where nobody has two pictures.
    """
    people = pairs.faces.people
    ways = min(ONE_SHOT_WAYS, len(pairs.faces.names))
    if ways < 2 or np.bincount(people).max() < 2:
        return None
    probe, candidates, answer = draw_one_shot_trials(people, ways, ONE_SHOT_TRIALS, seed=0)
    scores = score(np.repeat(embeddings[probe], ways, axis=0), embeddings[candidates.ravel()])
    share = one_shot_accuracy(scores.reshape(candidates.shape), answer)
    # Trials with one probe person share pictures; counted as one trial a person the interval is not too narrow.
    probes = len(np.unique(people[probe]))
    interval = wilson(share * probes, probes)
    return {"ways": ways, "trials": len(answer), "accuracy": share, "interval": interval}


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


def _plain(value: Any, methods: dict[str, None]) -> Any:
    """Figures as JSON has them: an interval becomes `[low, high]`, and how it was made is added to `methods`."""
    if isinstance(value, Interval):
        methods[value.method] = None
        return [value.low, value.high]
    if isinstance(value, dict):
        return {name: _plain(part, methods) for name, part in value.items()}
    return [_plain(part, methods) for part in value] if isinstance(value, list) else value
