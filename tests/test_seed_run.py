"""A run with the seeds' settings from start to end: last weights, a threshold of one half, one process."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from twinface.core.errors import SettingsError
from twinface.datasets.data_source import DataSource
from twinface.evaluation.results import load_validation
from twinface.models.load import load_model
from twinface.training.open_run import OpenRun, start_run
from twinface.training.processes import Processes
from twinface.training.recipe import load_recipe
from twinface.training.run import continue_run, train_epochs
from twinface.training.run_folder import RunFolder
from twinface.training.state_file import read_tensors

# On ORL, which has no official pairs, with a network that is small.
SMALL = [
    "imaging.height=40", "imaging.width=40", "network.backbone.dense=16", "network.backbone.filters=[4, 4, 4, 4]",
    "network.backbone.kernels=[5, 3, 2, 2]", "data.supervision=people", "data.split=people",
    "data.validation_people=10", "sampling={name='drawn-pairs', pairs=64}", "trainer.epochs=3", "validation.pairs=100",
]  # fmt: skip


def start(path: Path) -> OpenRun:
    return start_run(
        DataSource("orl"), load_recipe("seed-b-4", [*SMALL, "trainer.keep_state=true"]), 0, RunFolder(path)
    )


@pytest.mark.slow
def test_last_weights_and_a_threshold_of_one_half(tmp_path: Path) -> None:
    run = start(tmp_path / "run")
    continue_run(run)
    record = load_model(run.folder.path).record
    assert (record.threshold.value, record.calibration.slope, record.calibration.offset) == (0.0, 1.0, 0.0)
    assert record.threshold.fitted_on == "nothing: the network's own probability of one half"
    assert record.preparation.resize == "bicubic"
    _, about = read_tensors(run.folder.best)
    assert (about["epoch"], run.folder.info().best_epoch) == (3, 3)
    _, scored = load_validation(run.folder.path)
    measured = run.folder.info().validation
    assert measured is not None
    assert measured.accuracy == np.mean((scored.scores >= 0) == scored.is_match)


def test_sides_apart_are_for_one_process(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r'trainer\.sides = "apart" is for one process'):
        train_epochs(start(tmp_path / "run"), processes=Processes(count=2))
