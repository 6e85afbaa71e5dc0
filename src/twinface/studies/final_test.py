"""Scores the models that the study file names on test people, after all searches have ended."""

from __future__ import annotations

from collections.abc import Callable

from twinface.datasets.data_source import DataSource
from twinface.datasets.load import load_source
from twinface.evaluation.evaluate import evaluate
from twinface.evaluation.leaks import unseen_pairs
from twinface.evaluation.results import save_result
from twinface.models.load import load_model
from twinface.studies.study_folder import StudyFolder


def run_final_test(folder: StudyFolder, source: DataSource, on_measure: Callable[[str], None]) -> None:
    """Scores each run of the named trials once; results that exist are kept.

    Args:
        folder: a study in which all trials have ended.
        source: its data.
        on_measure: called with what is measured next, as text.

    Raises:
        LeakError: a model was trained on people of the test.
        DataError, ImageError: the pictures are missing or damaged.
    """
    test = folder.study.test
    if test is None:
        return
    dataset = load_source(source)
    for trial in folder.tested():
        for seed, run in zip(folder.study.seeds, folder.runs(trial), strict=True):
            if (run.path / "results" / f"{test.protocol}.json").exists():
                continue
            on_measure(f"test people, {trial.name} seed {seed}")
            model = load_model(run.path)
            pairs = (
                unseen_pairs(dataset, model.record)
                if test.protocol == "unseen"
                else dataset.protocol(test.protocol)
            )
            save_result(run.path, evaluate(model, pairs, test.protocol, claims=dataset.claims))
