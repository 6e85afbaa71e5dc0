"""LFW's View 2: ten models, each trained, tuned and calibrated without the people of the fold that it is tested on."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from twinface.core.errors import ModelError, SettingsError
from twinface.core.settings import Settings
from twinface.core.types import PairSet, ProgressCallback, ScoredPairs
from twinface.datasets.lfw_lists import FOLDS
from twinface.datasets.splits import pair_subset
from twinface.datasets.training_split import DataSource
from twinface.evaluation.evaluate import check_leak, score
from twinface.evaluation.summary import Evaluation, judged
from twinface.models.embedder import Embedder
from twinface.training.run import start_run
from twinface.training.run_folder import RunFolder


def fold_runs(source: DataSource, settings: Settings, seed: int, place: Path) -> list[RunFolder]:
    """The ten runs of View 2 in `place`/fold-01 to fold-10; those that are not there yet are begun.

    Args:
        source: LFW.
        settings: of every run.
        seed: of every run.
        place: the folder of all ten.

    Raises:
        SettingsError: a run there has other settings or another seed; or see `start_run`.
        DataError: see `start_run`.
    """
    runs = []
    for fold in range(FOLDS):
        run = RunFolder(place / f"fold-{fold + 1:02d}")
        wanted = replace(source, without_fold=fold)
        if not run.manifest.exists():
            start_run(wanted, settings, seed, run)
        about = run.about()
        if run.settings() != settings or about["seed"] != seed or about["source"]["without_fold"] != fold:
            raise SettingsError(
                f"{run.path}: was begun with other settings, another seed or another fold; choose another --out"
            )
        runs.append(run)
    return runs


def evaluate_folds(
    models: Sequence[Embedder], pairs: PairSet, claims: str = "", progress: ProgressCallback | None = None
) -> Evaluation:
    """Scores each fold by the model that was trained without its people, at that model's own threshold.

    Args:
        models: one for each fold, in order.
        pairs: View 2.
        claims: what a result on these data may be called.
        progress: told (pictures done, in all) by each model in turn.

    Returns:
        Accuracy is the mean over the folds with its standard error; ROC, AUC and EER are of all scores after each
        model's threshold was taken off, since different models' scores have no common scale.

    Raises:
        LeakError: a model has seen people of its fold.
        ModelError: there are not as many models as folds.
    """
    assert pairs.fold is not None
    folds = np.unique(pairs.fold)
    if len(models) != len(folds):
        raise ModelError(f"{pairs.name}: found {len(models)} models for {len(folds)} folds")
    began = time.perf_counter()
    scores, decided, probabilities = (np.empty(len(pairs)) for _ in range(3))
    thresholds: list[float] = []
    embedded, embedding_seconds = 0, 0.0
    for fold, model in zip(folds, models, strict=True):
        chosen = pairs.fold == fold
        test = pair_subset(pairs, chosen, f"{pairs.name}, fold {fold + 1}")
        check_leak(model.record, test, allow_seen=False)
        found = score(model, test, progress)
        embedding_seconds += found.seconds
        embedded += len(found.embeddings)
        scores[chosen] = found.scored.scores
        decided[chosen] = scores[chosen] - model.record.threshold.value
        probabilities[chosen] = model.record.calibration.probability(scores[chosen])
        thresholds.append(model.record.threshold.value)
    after = ScoredPairs(decided, pairs.is_match, pairs.people, pairs.fold)
    figures: dict[str, Any] = {
        "images": len(pairs.faces),
        "threshold": float(np.mean(thresholds)),
        "threshold_fitted_on": "for each fold, people of the other nine whom its model was not trained on",
        "thresholds": thresholds,
        "one_shot": None,
        "seen_people": {"trained_on": 0, "tuned_on": 0, "pairs": 0},
        "may_be_claimed": f"{claims} Ten models, each trained on people of the other nine folds alone; the first: "
        f"{models[0].record.provenance.trained_on}.".strip(),
        "images_per_second": round(embedded / max(embedding_seconds, 1e-9), 1),
        "seconds": round(time.perf_counter() - began, 3),
    }
    raw = ScoredPairs(scores, pairs.is_match, pairs.people, pairs.fold)
    name = f"ten models: {models[0].record.settings['recipe']}"
    return judged("view2", name, pairs, raw, after, probabilities, figures, ranked=after)
