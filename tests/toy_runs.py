"""Made-up runs and evaluations, for tests of pages."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from pages import Page
from twinface.core.settings import Settings
from twinface.core.types import PairSet, ScoredPairs
from twinface.datasets.data_source import DataSource
from twinface.evaluation.evaluate import Evaluation
from twinface.evaluation.metrics import confusion
from twinface.evaluation.results import save_result
from twinface.evaluation.summary import Summary
from twinface.reports import write_report
from twinface.training.epoch_metrics import EpochMetrics, ValidationMetrics
from twinface.training.run_folder import RunFolder
from twinface.training.run_info import DataInfo, MachineInfo, RunCosts, RunInfo


def judged(
    pairs: PairSet, protocol: str = "view1", name: str = "toy pairs", spread: float = 0.7
) -> Evaluation:
    """An evaluation with drawn scores and figures that are all different, so that each can be looked for."""
    scores = np.random.default_rng(1).normal(np.where(pairs.is_match, 0.5, -0.5), spread)
    scored = ScoredPairs(scores, pairs.is_match, pairs.people, pairs.fold)
    both = pairs.is_match.any() and not pairs.is_match.all()

    def between(low: float, high: float) -> list[float]:
        return [low, high]

    table = confusion(scores, pairs.is_match, 0.0)
    figures = {
        "protocol": protocol, "data": name, "model": "toy-model", "pairs": len(pairs),
        "genuine": int(pairs.is_match.sum()), "images": len(pairs.faces), "people": len(pairs.faces.names),
        "accuracy": 0.8767, "accuracy_interval": between(0.8123, 0.9234), "confusion": vars(table),
        "loss": 0.3456, "calibration_error": 0.0567,
        "auc": 0.9012 if both else None, "auc_interval": between(0.8901, 0.9345) if both else None,
        "eer": 0.1357 if both else None, "eer_interval": None,
        "tar_at_far": [
            {"far": 0.1, "tar": 0.7913, "interval": between(0.7001, 0.8002), "few_false_accepts": False},
            {"far": 0.01, "tar": 0.4826, "interval": None, "few_false_accepts": True},
        ] if both else [],
        "threshold": 0.4321, "threshold_fitted_on": "11 validation people",
        "one_shot": {"ways": 4, "trials": 1000, "accuracy": 0.6543, "interval": between(0.6242, 0.6831)},
        "seen_people": {"trained_on": 0, "tuned_on": 0, "pairs": 0},
        "may_be_claimed": "Toys only. Trained on toys.", "data_sha256": "ab" * 32,
        "images_per_second": 1234.0, "seconds": 5.6,
        "interval_level": 0.95, "interval_methods": ["people bootstrap, 1000 replicates"],
    }  # fmt: skip
    if pairs.fold is not None:
        folds = (0.81 + 0.0111 * np.arange(len(np.unique(pairs.fold)))).tolist()
        figures |= {"standard_error": 0.0098, "folds": folds}
    return Evaluation(Summary.from_dict(figures), pairs, scored, scored, 1 / (1 + np.exp(-3 * scores)))


def new_run(path: Path, settings: Settings | None = None) -> RunFolder:
    folder = RunFolder(path)
    info = RunInfo(
        name=folder.name,
        started="2026-01-01T00:00:00+00:00",
        seed=3,
        source=DataSource("folder"),
        salt="salt",
    )
    folder.create(settings or Settings(recipe="toy"), info)
    return folder


def add_epochs(folder: RunFolder, count: int, validated_every: int = 1) -> None:
    for number in range(count):
        metrics = EpochMetrics(
            epoch=number + 1, loss=3 / (number + 1), learning_rate=0.01, seconds=2.5 * (number + 1)
        )
        if (number + 1) % validated_every == 0:
            accuracy = 0.6 + 0.03 * min(number, 4)
            measured = ValidationMetrics(accuracy, accuracy + 0.05, 0.5, 0.4)
            metrics = replace(metrics, validation=measured, value=accuracy, best=number <= 4)
        folder.record(number, metrics)


def finish(folder: RunFolder) -> None:
    folder.note(
        status="finished",
        finished="2026-01-01T00:01:00+00:00",
        costs=RunCosts(61.0, 1.5, 840.0, 474_810, 12, 1_234_567),
        command="twinface train --data folder --recipe toy",
        machine=MachineInfo("cpu", "Toy & Sons", 2, 1, "float32", "3.11", "Linux", {"torch": "2.13.0"}),
        data=DataInfo(
            "toy faces",
            "Toys only.",
            "22 people",
            "6 people",
            {"training": 220, "validation": 60},
            {"training": "cd" * 32, "validation": "ef" * 32},
        ),
    )


def run_with(path: Path, *evaluations: Evaluation, epochs: int = 0) -> RunFolder:
    """A finished run with these results; the charts of its epochs are drawn only if it has some."""
    folder = new_run(path)
    add_epochs(folder, epochs)
    finish(folder)
    for number, evaluation in enumerate(evaluations):
        save_result(path, evaluation, f"{evaluation.summary.protocol}-{number}")
    return folder


def page_of(folder: RunFolder) -> Page:
    page = Page(write_report(folder))
    page.check()
    return page
