"""LFW's View 2: ten models, each trained, tuned and calibrated without the people of the fold that it is tested on."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from twinface.core.errors import ModelError, SettingsError
from twinface.core.progress import progress_bar
from twinface.core.settings import Settings
from twinface.core.types import FloatArray, PairSet, ProgressCallback, ScoredPairs
from twinface.datasets.data_source import DataSource
from twinface.datasets.lfw.pair_list import FOLDS
from twinface.datasets.load import load_source
from twinface.datasets.subsets import pair_subset
from twinface.evaluation.evaluate import Evaluation, score
from twinface.evaluation.leaks import check_leak
from twinface.evaluation.measure import interval_methods, measure
from twinface.evaluation.results import save_result
from twinface.evaluation.summary import SeenPeople, Summary
from twinface.models.embedder import Embedder
from twinface.models.load import load_model
from twinface.training.open_run import open_run, start_run
from twinface.training.run_folder import RunFolder
from twinface.training.train import train_run

log = logging.getLogger("twinface")


def view2(source: DataSource, settings: Settings, seed: int, place: Path) -> Evaluation:
    """Trains the ten models that are not trained yet, scores each on its own fold, and saves the result.

    It can be stopped at any time, and continues when it is called again.

    Args:
        source: LFW.
        settings: of every run.
        seed: of every run.
        place: the folder of all ten.

    Raises:
        SettingsError, DataError, ModelError, LeakError: see `fold_runs` and `evaluate_folds`.
        Interrupted: a signal came; the state is saved.
    """
    dataset = load_source(source)
    runs = fold_runs(replace(source, layout=dataset.source.layout), settings, seed, place)
    for number, folder in enumerate(runs, 1):
        if not folder.is_finished:
            log.info("fold %d of %d: %s", number, len(runs), folder.path)
            train_run(open_run(folder))
    models = [load_model(folder.path) for folder in runs]
    with progress_bar("embedding") as progress:
        result = evaluate_folds(models, dataset.protocol("view2"), dataset.claims, progress)
    save_result(place, result)
    return result


def fold_runs(source: DataSource, settings: Settings, seed: int, place: Path) -> list[RunFolder]:
    """The ten runs of View 2, in `place`/fold-01 to fold-10. Runs that are not there yet are started.

    Args:
        source: LFW.
        settings: of every run.
        seed: of every run.
        place: the folder of all ten.

    Raises:
        SettingsError: a run there has other settings, another seed or other pictures; or see `start_run`.
        DataError: see `start_run`.
    """
    runs = []
    for fold in range(FOLDS):
        run = RunFolder(place / f"fold-{fold + 1:02d}")
        wanted = replace(source, without_fold=fold)
        if not run.manifest.exists():
            start_run(wanted, settings, seed, run)
        info = run.info()
        if run.settings().to_dict() != settings.to_dict() or info.seed != seed:
            raise SettingsError(
                f"{run.path}: was begun with other settings or another seed; choose another --out"
            )
        if info.source.without_fold != fold or not info.source.has_pictures_of(wanted):
            raise SettingsError(
                f"{run.path}: was begun on other pictures or another fold; choose another --out"
            )
        runs.append(run)
    return runs


@dataclass(frozen=True, eq=False)
class FoldScores:
    """The scores of M pairs, each by the model of its fold.

    Attributes:
        scores, margins, probabilities: `[M]`; a margin is the score less that model's threshold.
        thresholds: of each fold's model.
        embedded: pictures embedded.
        seconds: that embedding took.
    """

    scores: FloatArray
    margins: FloatArray
    probabilities: FloatArray
    thresholds: tuple[float, ...]
    embedded: int
    seconds: float


def evaluate_folds(
    models: Sequence[Embedder], pairs: PairSet, claims: str = "", progress: ProgressCallback | None = None
) -> Evaluation:
    """Scores each fold by the model that was trained without its people, at that model's own threshold.

    Args:
        models: one for each fold, in order.
        pairs: View 2.
        claims: what a result on these data may be called.
        progress: called with (pictures done, in total) by each model in turn.

    Returns:
        Accuracy is the mean over the folds with its standard error. ROC, AUC and EER rank the margins of all pairs,
        since the scores of different models have no common scale.

    Raises:
        LeakError: a model has seen people of its fold.
        ModelError: the number of models is not the number of folds.
    """
    began = time.perf_counter()
    found = _score_folds(models, pairs, progress)
    margins = ScoredPairs(found.margins, pairs.is_match, pairs.people, pairs.fold)
    measured = measure(margins, found.probabilities, ranked=margins, thresholds=found.thresholds)
    summary = Summary(
        **vars(measured),
        protocol="view2",
        data=pairs.name,
        model=f"ten models: {models[0].record.settings['recipe']}",
        pairs=len(pairs),
        genuine=int(pairs.is_match.sum()),
        people=len(pairs.faces.names),
        images=len(pairs.faces),
        threshold=float(np.mean(found.thresholds)),
        threshold_fitted_on="for each fold, people of the other nine that its model was not trained on",
        one_shot=None,
        seen_people=SeenPeople(),
        may_be_claimed=f"{claims} Ten models, each trained on people of the other nine folds alone; the first: "
        f"{models[0].record.provenance.trained_on}.".strip(),
        images_per_second=round(found.embedded / max(found.seconds, 1e-9), 1),
        seconds=round(time.perf_counter() - began, 3),
        interval_methods=interval_methods(measured, None),
    )
    return Evaluation(summary, pairs, replace(margins, scores=found.scores), margins, found.probabilities)


def _score_folds(models: Sequence[Embedder], pairs: PairSet, progress: ProgressCallback | None) -> FoldScores:
    assert pairs.fold is not None
    folds = np.unique(pairs.fold)
    if len(models) != len(folds):
        raise ModelError(f"{pairs.name}: found {len(models)} models for {len(folds)} folds")
    scores, margins, probabilities = (np.empty(len(pairs)) for _ in range(3))
    embedded, seconds = 0, 0.0
    for fold, model in zip(folds, models, strict=True):
        chosen = pairs.fold == fold
        test = pair_subset(pairs, chosen, f"{pairs.name}, fold {fold + 1}")
        check_leak(model.record, test)
        found = score(model, test, progress)
        seconds += found.seconds
        embedded += len(found.embeddings)
        scores[chosen] = found.scored.scores
        margins[chosen] = scores[chosen] - model.record.threshold.value
        probabilities[chosen] = model.record.calibration.probability(scores[chosen])
    thresholds = tuple(model.record.threshold.value for model in models)
    return FoldScores(scores, margins, probabilities, thresholds, embedded, seconds)
