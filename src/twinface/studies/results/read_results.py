"""Reads and compares everything that a study has measured."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from twinface.core.errors import ModelError
from twinface.evaluation.intervals import mean_accuracy_interval
from twinface.evaluation.intervals.people_bootstrap import people_bootstrap
from twinface.evaluation.intervals.ranking import weighted_auc
from twinface.evaluation.metrics import area_under_curve
from twinface.evaluation.results import load_results, load_validation
from twinface.studies.controls import baseline_scores, visible_part_scores
from twinface.studies.results.effects import main_effects
from twinface.studies.results.importance import importances, interactions
from twinface.studies.results.leaderboard import Place, ScoredModel, leaderboard
from twinface.studies.results.records import (
    FinalTestResult,
    LeaderboardLine,
    SearchEffects,
    StudyResults,
    UnfinishedTrial,
)
from twinface.studies.study_file.point import describe
from twinface.studies.study_file.search import Search
from twinface.studies.study_folder import StudyFolder
from twinface.studies.trials.objective import final_value
from twinface.studies.trials.trial import Trial
from twinface.training.epoch_metrics import best_epoch

MOST_RESAMPLED = 8  # trials whose pairs are resampled for one level of a factor
REPLICATES = 300


def study_results(folder: StudyFolder) -> StudyResults:
    """Reads and compares everything that a study has measured so far.

    Raises:
        ModelError: a run's files are damaged.
        DataError: trials were scored on different pairs.
    """
    study, trials = folder.study, folder.trials()
    finished = [trial for trial in trials if trial.state == "finished"]
    models = [scored_model(folder, trial) for trial in finished]
    baselines = [ScoredModel(name, [scored]) for name, scored in baseline_scores(folder.path)]
    places = leaderboard([*models, *baselines])
    by_name = {trial.name: trial for trial in finished}
    return StudyResults(
        title=study.title,
        objective=study.objective,
        seeds=tuple(study.seeds),
        leaderboard=tuple(_line(folder, place, places[0], by_name.get(place.name)) for place in places),
        unfinished=tuple(_unfinished(trial) for trial in trials if trial.state in ("pruned", "failed")),
        effects={search.name: _effects(folder, search, finished) for search in study.searches},
        test=tuple(_test_results(folder)),
    )


def scored_model(folder: StudyFolder, trial: Trial) -> ScoredModel:
    """A finished trial with its runs' scores of the validation pairs.

    Raises:
        ModelError: a run's scores are missing or damaged.
    """
    return ScoredModel(trial.name, [load_validation(run.path)[1] for run in folder.runs(trial)])


def _line(folder: StudyFolder, place: Place, first: Place, trial: Trial | None) -> LeaderboardLine:
    level_with_first = place.name == first.name or first.name not in place.apart
    if trial is None:
        return LeaderboardLine(place, level_with_first)
    outcome = trial.outcome()
    if outcome is None:
        raise ModelError(
            f"{trial.folder}: outcome.json is missing; restore it, or run the study in a new folder"
        )
    run = folder.runs(trial)[0]
    parts = [visible_part_scores(run, part) for part in ("face", "background")]
    face_auc, background_auc = (
        None if scored is None else area_under_curve(scored.scores, scored.is_match) for scored in parts
    )
    return LeaderboardLine(
        place,
        level_with_first,
        describe(trial.point),
        trial.point,
        outcome.value,
        face_auc,
        background_auc,
        _training_accuracy(folder, trial),
    )


def _training_accuracy(folder: StudyFolder, trial: Trial) -> float | None:
    """The mean over seeds of the accuracy on training people, after the epoch whose weights were kept."""
    found = []
    for run in folder.runs(trial):
        best = best_epoch(run.metrics())
        if best and best.validation and best.validation.training_accuracy is not None:
            found.append(best.validation.training_accuracy)
    return float(np.mean(found)) if found else None


def _unfinished(trial: Trial) -> UnfinishedTrial:
    outcome = trial.outcome()
    value, reason = (outcome.value, outcome.reason) if outcome else (None, "outcome.json is missing")
    return UnfinishedTrial(trial.name, describe(trial.point), trial.state, value, reason)


def _effects(folder: StudyFolder, search: Search, finished: Sequence[Trial]) -> SearchEffects:
    trials = [trial for trial in finished if trial.search == search.name]
    if len(trials) < 2:
        return SearchEffects()
    points = [trial.point for trial in trials]
    values = [[final_value(run, folder.study.objective) for run in folder.runs(trial)] for trial in trials]
    return SearchEffects(
        main_effects(search, points, values, partial(_people_margin, folder, trials)),
        interactions(search, points, values),
        importances(search, points, values),
    )


def _people_margin(folder: StudyFolder, trials: Sequence[Trial], rows: Sequence[int]) -> float | None:
    """Half the width of the interval of the objective's mean over some trials, people resampled.

    None for objectives that are no mean over pairs, and for fewer than three people. Of many trials the first
    `MOST_RESAMPLED` stand for all.
    """
    runs = [run for row in rows[:MOST_RESAMPLED] for run in scored_model(folder, trials[row]).runs[:1]]
    if len(np.unique(runs[0].people)) < 3:
        return None
    if folder.study.objective == "accuracy":
        right = np.mean([ScoredModel("", [run]).right()[0] for run in runs], axis=0)
        interval = mean_accuracy_interval(right, runs[0], replicates=REPLICATES)
    elif folder.study.objective == "auc":
        areas = [weighted_auc(run) for run in runs]
        interval = people_bootstrap(
            lambda weights: np.mean([area(weights) for area in areas], axis=0), runs[0], REPLICATES
        )
    else:
        return None
    return (interval.high - interval.low) / 2


def _test_results(folder: StudyFolder) -> list[FinalTestResult]:
    test = folder.study.test
    if test is None:
        return []
    return [
        FinalTestResult(trial.name, seed, result.summary)
        for trial in folder.tested()
        for seed, run in zip(folder.study.seeds, folder.runs(trial), strict=True)
        for result in load_results(run.path)
        if result.name == test.protocol
    ]
