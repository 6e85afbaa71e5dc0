"""`train --profile`: it says where the time went, and leaves the trained bits as they were."""

import gzip
import json
from dataclasses import asdict
from pathlib import Path

import pytest

from conftest import TINY
from resumed_runs import StopAfter, bits
from shell import changes, twinface
from twinface.core.interruption import Interrupted
from twinface.datasets.data_source import DataSource
from twinface.training.callbacks import Callbacks
from twinface.training.open_run import open_run, start_run
from twinface.training.profiling import STEP_PHASES, TRACED, WARM_UP, Profile
from twinface.training.recipe import load_recipe
from twinface.training.run import train_epochs
from twinface.training.run_folder import RunFolder

# 420 pictures, so 52 steps an epoch.
SETTINGS = [*TINY, "trainer.threads=1", "trainer.epochs=2", "sampling.batch_size=8", "trainer.averaging=0.9"]
STEPS = 2 * 52


def begun(path: Path) -> RunFolder:
    folder = RunFolder(path)
    start_run(DataSource("orl"), load_recipe("demo", SETTINGS), 0, folder)
    return folder


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    folder, profile = begun(tmp_path_factory.mktemp("runs") / "profiled"), Profile()
    train_epochs(open_run(folder), callbacks=profile.watching(Callbacks()))
    assert profile.write(folder.path, folder.info().machine) == folder.path / "profile.txt"
    return folder


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    folder = begun(tmp_path_factory.mktemp("runs") / "plain")
    train_epochs(open_run(folder))
    return folder


def figures(folder: RunFolder) -> dict:
    return json.loads((folder.path / "profile.json").read_text())


def test_the_trained_bits_stay_as_they_were(run: RunFolder, plain: RunFolder) -> None:
    assert bits(run) == bits(plain)


def test_every_phase_is_timed_as_often_as_it_was_entered(run: RunFolder) -> None:
    found = figures(run)
    timed = STEPS - WARM_UP - TRACED
    assert found["steps"] == {"traced": TRACED, "timed": timed}
    phases = {row["phase"]: row for row in found["phases"]}
    calls = {"preparing": 1, "sampling": 2, "validation": 2, "saving": 2} | dict.fromkeys(STEP_PHASES, timed)
    assert {name: row["calls"] for name, row in phases.items()} == calls
    assert all(row["seconds"] > 0 for row in phases.values())
    inside = sum(phases[name]["seconds"] for name in STEP_PHASES if name != "step")
    assert inside <= phases["step"]["seconds"]
    assert found["images_per_second"] == pytest.approx(timed * 8 / phases["step"]["seconds"], rel=0.01)
    assert found["machine"] == asdict(run.info().machine)


def test_the_operators_are_those_of_the_network(run: RunFolder) -> None:
    operators = {row["operator"]: row for row in figures(run)["operators"]}
    # Stem, two blocks of two convolutions; the shortcut is a matrix product.
    assert operators["aten::convolution_backward"]["calls"] == TRACED * 5
    assert not set(STEP_PHASES) & set(operators)


def test_the_table_says_the_same(run: RunFolder) -> None:
    table, found = (run.path / "profile.txt").read_text(), figures(run)
    assert table.startswith(f"{found['images_per_second']} pictures/s")
    for row in [*found["phases"], *found["operators"]]:
        assert f"{row['seconds']:.4f}" in table
        assert row.get("phase", row.get("operator"))[:46] in table


def test_the_trace_has_the_phases_of_each_traced_step(run: RunFolder) -> None:
    with gzip.open(run.path / "profile-trace.json.gz") as file:
        events = json.load(file)["traceEvents"]
    names = [event.get("name") for event in events if event.get("cat") == "user_annotation"]
    for phase in STEP_PHASES:
        assert names.count(phase) == TRACED


@pytest.mark.slow
def test_a_run_that_is_stopped_or_short_is_profiled_as_far_as_it_came(
    plain: RunFolder, tmp_path: Path
) -> None:
    folder = begun(tmp_path / "run")
    for steps, traced, timed in ((WARM_UP, 0, 0), (WARM_UP + 2, 2, 0), (WARM_UP + TRACED + 3, TRACED, 3)):
        stop, profile = StopAfter(), Profile()
        with pytest.raises(Interrupted):
            train_epochs(open_run(folder), stop, profile.watching(stop.watcher(steps)))
        table = profile.write(folder.path, folder.info().machine)
        assert (table is not None) == (traced > 0)
        if traced:
            assert figures(folder)["steps"] == {"traced": traced, "timed": timed}
            assert figures(folder)["operators"]
    train_epochs(open_run(folder))
    assert bits(folder) == bits(plain)


@pytest.mark.slow
def test_the_command(tmp_path: Path) -> None:
    arguments = ("train", "--data", "orl", "--recipe", "demo", "--out", tmp_path / "x", "--profile")
    result = twinface(*arguments, *changes("sampling.batch_size=8", "trainer.epochs=1"))
    assert result.returncode == 0, result.stderr
    assert f"profile: {tmp_path / 'x' / 'profile.txt'}" in result.stderr
    assert "USDT" not in result.stderr
    assert (tmp_path / "x" / "profile-trace.json.gz").stat().st_size > 1000
