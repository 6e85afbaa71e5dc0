"""`train --profile`: it says where the time went, adds up, and leaves the trained bits as they were."""

import gzip
import json
from pathlib import Path

import pytest

from conftest import TINY
from shell import changes, twinface
from test_trainer import StopAfter, bits
from twinface.core.interruption import Interrupted, StopRequest
from twinface.datasets.data_source import DataSource
from twinface.training.callbacks import Callbacks
from twinface.training.open_run import start_run
from twinface.training.profiling import OF_A_STEP, OF_AN_EPOCH, TIMED, TRACED, WARM_UP, Profile
from twinface.training.recipe import load_recipe
from twinface.training.run import continue_run
from twinface.training.run_folder import RunFolder

# 420 pictures, so 52 steps an epoch.
SETTINGS = [*TINY, "trainer.threads=1", "trainer.epochs=2", "sampling.batch_size=8", "trainer.averaging=0.9"]


def begun(path: Path, *more: str) -> RunFolder:
    folder = RunFolder(path)
    start_run(DataSource("orl"), load_recipe("demo", [*SETTINGS, *more]), 0, folder)
    return folder


def profiled(folder: RunFolder) -> Path | None:
    profile = Profile()
    continue_run(open_run(folder), StopRequest(), profile.watching(Callbacks()))
    return profile.write(folder.path, folder.about()["machine"])


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    folder = begun(tmp_path_factory.mktemp("runs") / "profiled")
    assert profiled(folder) == folder.path / "profile.txt"
    return folder


def test_the_trained_bits_stay_as_they_were(run: RunFolder, tmp_path: Path) -> None:
    plain = begun(tmp_path / "plain")
    continue_run(open_run(plain), StopRequest(), Callbacks())
    assert bits(run) == bits(plain)


def test_the_parts_are_all_there_and_add_up(run: RunFolder) -> None:
    figures = json.loads((run.path / "profile.json").read_text())
    assert figures["steps"] == {"warm_up": WARM_UP, "timed": TIMED, "in_epoch": 52}
    assert figures["pictures"] == TIMED * 8
    parts = {row["part"]: row for row in figures["parts"]}
    assert set(parts) == {*OF_A_STEP, "rest of the steps", *OF_AN_EPOCH}
    assert all(row["seconds"] > 0 for row in parts.values())
    assert sum(row["share"] for row in parts.values()) == pytest.approx(1, abs=0.001)
    # The same figure by another way: pictures of an epoch over the seconds of its steps.
    seconds = sum(parts[name]["seconds"] for name in (*OF_A_STEP, "rest of the steps"))
    assert figures["images_per_second"] == pytest.approx(52 * 8 / seconds, rel=0.01)
    assert figures["machine"] == run.about()["machine"]
    assert figures["preparing_pictures_seconds"] > 0


def test_the_operators_are_those_of_the_network(run: RunFolder) -> None:
    operators = {
        row["operator"]: row for row in json.loads((run.path / "profile.json").read_text())["operators"]
    }
    # Stem, two blocks of two convolutions; the shortcut is a product.
    assert operators["aten::convolution_backward"]["calls"] == TRACED * 5
    assert 0 < sum(row["share"] for row in operators.values()) <= 1.001
    assert not {*OF_A_STEP, *OF_AN_EPOCH, "step"} & set(operators)


def test_the_table_says_the_same(run: RunFolder) -> None:
    table = (run.path / "profile.txt").read_text()
    figures = json.loads((run.path / "profile.json").read_text())
    assert table.startswith(f"{figures['images_per_second']} pictures/s")
    for row in figures["parts"]:
        assert f"{row['seconds']:.4f}" in table
    for row in figures["operators"]:
        assert row["operator"][:46] in table


def test_the_trace_has_the_parts_of_each_watched_step(run: RunFolder) -> None:
    with gzip.open(run.path / "profile-trace.json.gz") as file:
        events = json.load(file)["traceEvents"]
    names = [event.get("name") for event in events if event.get("cat") == "user_annotation"]
    for part in OF_A_STEP:
        assert names.count(part) == TRACED


def test_a_run_that_is_stopped_or_short_is_profiled_as_far_as_it_came(tmp_path: Path) -> None:
    folder = begun(tmp_path / "run")
    for steps, timed, traced in (
        (WARM_UP, 0, False),
        (WARM_UP + 2, 2, False),
        (WARM_UP + TIMED + 3, TIMED, True),
    ):
        stop, profile = StopAfter(), Profile()
        with pytest.raises(Interrupted):
            continue_run(open_run(folder), stop, profile.watching(stop.watcher(steps)))
        table = profile.write(folder.path, folder.about()["machine"])
        assert (table is not None) == (timed > 0)
        if timed:
            figures = json.loads((folder.path / "profile.json").read_text())
            assert figures["steps"]["timed"] == timed
            assert bool(figures["operators"]) == traced
    continue_run(open_run(folder), StopRequest(), Callbacks())
    whole = begun(tmp_path / "whole")
    continue_run(open_run(whole), StopRequest(), Callbacks())
    assert bits(folder) == bits(whole)


def test_the_command(tmp_path: Path) -> None:
    arguments = ("train", "--data", "orl", "--recipe", "demo", "--out", tmp_path / "x", "--profile")
    result = twinface(*arguments, *changes("sampling.batch_size=8", "trainer.epochs=1"))
    assert result.returncode == 0, result.stderr
    assert f"profile: {tmp_path / 'x' / 'profile.txt'}" in result.stderr
    assert "USDT" not in result.stderr
    assert (tmp_path / "x" / "profile-trace.json.gz").stat().st_size > 1000
