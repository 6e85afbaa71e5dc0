"""The demo on LFW: a student report's network and the default recipe, judged on the same pairs of people never seen."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twinface.datasets.data_source import DataSource
from twinface.datasets.dataset import Dataset
from twinface.datasets.load import load_source
from twinface.evaluation.evaluate import Evaluation, evaluate
from twinface.evaluation.results import save_result
from twinface.models.load import load_model
from twinface.training.recipe import load_recipe
from twinface.training.run_folder import RunFolder
from twinface.training.train import train

log = logging.getLogger("twinface")

REPORT, OURS = "seed-b-2", "default"
REPORT_EPOCHS = 3  # of its 25, so that the demo takes five minutes


@dataclass(frozen=True, eq=False)
class LfwDemo:
    """What the demo on LFW found.

    Attributes:
        evaluations: recipe → its figures on View 1's test pairs.
        runs: recipe → its run.
        epochs: of the report's network: trained here, and in the report.
    """

    evaluations: Mapping[str, Evaluation]
    runs: Mapping[str, RunFolder]
    epochs: tuple[int, int]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "epochs": {"here": self.epochs[0], "in the report": self.epochs[1]},
            "models": {name: found.summary.to_dict() for name, found in self.evaluations.items()},
            "runs": {name: str(run.path) for name, run in self.runs.items()},
        }


def run_lfw_demo(source: DataSource, out: Path, epochs: int = REPORT_EPOCHS) -> LfwDemo:
    """Trains both models (or finds them trained), and judges them on View 1's test pairs.

    Args:
        source: LFW.
        out: folder of the runs.
        epochs: of the report's network.

    Raises:
        DataError: LFW is not there.
        Interrupted: a signal came; the state is saved, and the next call continues.
    """
    dataset = load_source(source)
    published = load_recipe(REPORT).trainer.epochs
    runs, evaluations = {}, {}
    for recipe, changes in ((REPORT, [f"trainer.epochs={epochs}"]), (OURS, [])):
        log.info("%s", recipe)
        runs[recipe] = train(source, recipe, out=out / recipe, overrides=changes)
        evaluations[recipe] = _judge(runs[recipe], dataset)
    return LfwDemo(evaluations, runs, (epochs, published))


def _judge(run: RunFolder, dataset: Dataset) -> Evaluation:
    """Judges a run on View 1's test pairs; the run keeps the result."""
    result = evaluate(load_model(run.path), dataset.protocol("view1"), "view1", claims=dataset.claims)
    save_result(run.path, result)
    return result
