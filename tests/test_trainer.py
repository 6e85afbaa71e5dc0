"""Whole runs: they learn, resume to the same bits from wherever they stopped, and end when they should.

The arithmetic of a step is in test_training_step.py, and the loop around it in test_training_loop.py.
"""

import dataclasses
import json
import math
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch

from conftest import TINY, train_tiny
from resumed_runs import LONGER, StopAfter, bits
from twinface.core.errors import DivergedError
from twinface.core.interruption import Interrupted, StopRequest
from twinface.datasets.data_source import DataSource
from twinface.training.callbacks import Callbacks, Step
from twinface.training.open_run import RunOptions, open_run, start_run
from twinface.training.plan import TrainingPosition
from twinface.training.recipe import load_recipe
from twinface.training.run import continue_run, train_epochs
from twinface.training.run_folder import RunFolder
from twinface.training.runtime import denormals_as_zero, make_deterministic
from twinface.training.state_file import read_tensors

RECIPES = {
    "identity": ("demo", LONGER),
    "pairs": (
        "koch",
        [
            *[change for change in LONGER if "backbone" not in change and "look_alikes" not in change],
            "imaging.height=66",
            "imaging.width=66",
            "network.backbone.dense=16",
            "network.backbone.filters=[2, 2, 2, 2]",
            "network.backbone.dropout=0.2",
            "network.backbone.batch_norm=before-relu",
            "validation.metric=accuracy",
            "data.validation_people=6",
            "data.supervision=people",
            "sampling=drawn-pairs",
            "sampling.pairs=160",
            "sampling.batch_size=16",
        ],
    ),
}


@pytest.mark.parametrize("kind", sorted(RECIPES))
def test_stopped_anywhere_it_ends_in_the_same_bits(tmp_path, kind: str) -> None:
    recipe, changes = RECIPES[kind]
    whole, parts = RunFolder(tmp_path / "whole"), RunFolder(tmp_path / "parts")
    for folder in (whole, parts):
        start_run(DataSource("orl"), load_recipe(recipe, changes), 3, folder)
    train_epochs(open_run(whole))
    stops = 0
    random = np.random.default_rng(0)
    while True:
        stop = StopAfter()
        try:
            train_epochs(open_run(parts), stop, stop.watcher(int(random.integers(1, 4))))
        except Interrupted:
            stops += 1
            assert parts.info().status == "stopped"
            continue
        break
    assert stops >= 3
    assert bits(parts) == bits(whole)


@pytest.mark.parametrize("kind", sorted(RECIPES))
def test_no_memory_is_read_that_was_not_written(tmp_path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With NaN in all memory that torch takes, the bits are those of a run without."""
    recipe, changes = RECIPES[kind]
    plain, filled = RunFolder(tmp_path / "plain"), RunFolder(tmp_path / "filled")
    for folder in (plain, filled):
        start_run(DataSource("orl"), load_recipe(recipe, [*changes, "trainer.epochs=2"]), 3, folder)
    train_epochs(open_run(plain))
    assert not torch.utils.deterministic.fill_uninitialized_memory

    def fill() -> None:
        make_deterministic()
        monkeypatch.setattr(torch.utils.deterministic, "fill_uninitialized_memory", True)

    monkeypatch.setattr("twinface.training.run.make_deterministic", fill)
    train_epochs(open_run(filled))
    assert bits(filled) == bits(plain)


def test_an_older_state_is_gone_on_from_as_well(tmp_path) -> None:
    """Metrics and best weights that are newer than the state are written again, not twice."""
    whole = train_tiny(tmp_path / "whole", model=False)
    again = RunFolder(tmp_path / "again")
    start_run(DataSource("orl"), load_recipe("demo", TINY), 0, again)
    stop = StopAfter()
    with pytest.raises(Interrupted):
        continue_run(open_run(again), stop, stop.watcher(2))
    old = again.state.path.read_bytes()
    train_epochs(open_run(again))
    again.state.path.write_bytes(old)
    train_epochs(open_run(again))
    assert bits(again) == bits(whole)
    assert [record.epoch for record in again.metrics()] == [1, 2, 3]


def test_a_finished_run_is_left_as_it_is(tmp_path, tiny_run: RunFolder) -> None:
    folder = RunFolder(shutil.copytree(tiny_run.path, tmp_path / tiny_run.name))
    continue_run(open_run(folder))
    assert bits(folder) == bits(tiny_run)
    for name in ("twin.safetensors", "model.onnx"):
        assert (folder.model / name).read_bytes() == (tiny_run.model / name).read_bytes()


def test_the_seed_decides_the_weights(tmp_path, tiny_run: RunFolder) -> None:
    same, other = (train_tiny(tmp_path / str(seed), seed=seed, model=False) for seed in (0, 1))
    assert bits(same) == bits(tiny_run)
    assert bits(other) != bits(tiny_run)


def test_it_learns(tiny_run: RunFolder) -> None:
    records = tiny_run.metrics()
    assert records[-1].loss < records[0].loss
    assert records[-1].validation.auc > 0.6
    info = tiny_run.info()
    assert info.status == "finished"
    assert (info.epochs, info.best_epoch) == (3, 1 + int(np.argmax([record.value for record in records])))


def test_a_loss_that_is_not_finite_stops_with_the_last_good_state(tmp_path) -> None:
    folder = RunFolder(tmp_path / "run")
    changes = [*TINY, "network.distance=euclidean", "trainer.save_every=0"]
    start_run(DataSource("orl"), load_recipe("demo", changes), 0, folder)
    good = []

    def poison(step: Step) -> None:
        assert math.isfinite(step.loss)
        good.append(step.position.steps)
        if step.position.steps == 4:
            raise RuntimeError  # as a kill would

    with pytest.raises(RuntimeError):
        continue_run(open_run(folder), StopRequest(), Callbacks(on_step=poison))
    settings = folder.settings_file.read_text().replace("learning_rate = 0.002", "learning_rate = 1e30")
    folder.settings_file.write_text(settings)
    with pytest.raises(DivergedError, match="the loss is nan"):
        continue_run(open_run(folder), StopRequest(), Callbacks())
    assert folder.info().status == "failed"
    assert "the loss is nan" in folder.info().reason
    tensors, _ = read_tensors(folder.state.path)
    assert all(torch.isfinite(tensor).all() for tensor in tensors.values() if tensor.is_floating_point())


def test_progress_survives_json() -> None:
    progress = TrainingPosition(3, 2, 77, 880, 0.1 + 0.2, 1, 0.9, 4, 3, 12.25)
    assert TrainingPosition(**json.loads(json.dumps(dataclasses.asdict(progress)))) == progress


def test_training_on_from_a_model_remembers_the_people_that_it_had_seen(
    tmp_path, tiny_run: RunFolder
) -> None:
    folder = RunFolder(tmp_path / "run")
    start_run(
        DataSource("orl"),
        load_recipe("demo", [*TINY, "data.validation_people=3"]),
        0,
        folder,
        RunOptions(tiny_run.path),
    )
    continue_run(open_run(folder), StopRequest(), Callbacks())
    before = json.loads((tiny_run.model / "twin.json").read_text())["provenance"]
    after = json.loads((folder.model / "twin.json").read_text())["provenance"]
    assert set(before["trained"]) < set(after["trained"])
    assert before["salt"] == after["salt"]
    assert "before that" in after["trained_on"]


@pytest.mark.skipif(not torch.set_flush_denormal(False), reason="this processor always computes with them")
def test_denormal_numbers_are_zero_in_training_and_only_there(tmp_path) -> None:
    def are_zero() -> bool:
        return bool(torch.tensor(1e-40) == 0)

    found: list[bool] = []
    folder = RunFolder(tmp_path / "run")
    start_run(DataSource("orl"), load_recipe(*RECIPES["identity"]), 3, folder)
    train_epochs(open_run(folder), None, Callbacks(on_step=lambda step: found.append(are_zero())))
    assert found
    assert all(found)
    assert not are_zero()
    with denormals_as_zero():
        with denormals_as_zero():
            pass
        assert are_zero()
    # torch's threads do as the one that starts them.
    code = """
import torch
from twinface.training.runtime import denormals_as_zero
torch.set_num_threads(4)
with denormals_as_zero():
    print(int(torch.count_nonzero(torch.full((1 << 22,), 1e-30) * 1e-10)))
"""
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout == b"0\n"
