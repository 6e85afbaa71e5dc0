"""A run that is killed with SIGKILL again and again ends in the same bits as an uninterrupted run."""

import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from test_trainer import LONGER, bits
from twinface.core.interruption import StopRequest
from twinface.datasets.data_source import DataSource
from twinface.training.callbacks import Callbacks
from twinface.training.open_run import open_run, start_run
from twinface.training.recipe import load_recipe
from twinface.training.run import continue_run
from twinface.training.run_folder import RunFolder


def continue_to_the_end(path: str) -> None:
    continue_run(open_run(RunFolder(path)), StopRequest(), Callbacks())


def kill_and_go_on(folder: RunFolder, kills: int, seed: int) -> int:
    """Trains the run in a process that is killed at a random moment, `kills` times; then lets it end.

    Some kills come soon after the start (while data are read, or the first state is written), the others soon after a
    new state, so that the run makes progress.
    """
    chance = random.Random(seed)
    server = multiprocessing.get_context("forkserver")
    server.set_forkserver_preload(["twinface.training.run"])
    done = 0
    while True:
        process = server.Process(target=continue_to_the_end, args=(str(folder.path),))
        before = folder.state.path.stat().st_mtime_ns if folder.state.path.exists() else 0
        process.start()
        if done < kills:
            if chance.random() < 0.7:
                while process.is_alive() and (
                    not folder.state.path.exists() or folder.state.path.stat().st_mtime_ns == before
                ):
                    time.sleep(0.001)
            time.sleep(chance.random() * 0.25)
            if process.is_alive():
                os.kill(process.pid, signal.SIGKILL)
                done += 1
        process.join(timeout=120)
        if process.exitcode == 0 and done >= kills:
            return done
        assert process.exitcode in (0, -signal.SIGKILL), process.exitcode
        if process.exitcode == 0 and done < kills:
            raise AssertionError(f"the run ended after {done} kills; make it longer")


def settings_for(epochs: int):
    return load_recipe("demo", [*LONGER, f"trainer.epochs={epochs}", "trainer.save_every=0"])


def check_kills_change_nothing(path: Path, kills: int, epochs: int) -> None:
    whole, killed = RunFolder(path / "whole"), RunFolder(path / "killed")
    for folder in (whole, killed):
        start_run(DataSource("orl"), settings_for(epochs), 7, folder)
    continue_run(open_run(whole), StopRequest(), Callbacks())
    assert kill_and_go_on(killed, kills, seed=kills) == kills
    assert bits(killed) == bits(whole)
    assert (killed.model / "twin.safetensors").exists()


def test_twelve_kills(tmp_path: Path) -> None:
    check_kills_change_nothing(tmp_path, kills=12, epochs=40)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_hundred_kills(tmp_path: Path) -> None:
    check_kills_change_nothing(tmp_path, kills=100, epochs=300)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_and_leaves(tmp_path: Path, number: signal.Signals) -> None:
    run = tmp_path / "run"
    changes = [word for change in [*LONGER, "trainer.epochs=500"] for word in ("--set", change)]
    start = [
        sys.executable,
        "-m",
        "twinface",
        "train",
        "--data",
        "orl",
        "--recipe",
        "demo",
        "--out",
        str(run),
    ]
    process = subprocess.Popen([*start, *changes], stderr=subprocess.PIPE, text=True)
    while not (run / "state.safetensors").exists():
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.05)
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert f"continue with: twinface train --resume {run}" in said
    assert "Traceback" not in said
    folder = RunFolder(run)
    assert folder.info().status == "stopped"
    _, about = folder.state.read()
    assert about["steps"] > 0
    # The run is continued, and ends at the epoch that its settings now give.
    text = folder.settings_file.read_text().replace("epochs = 500", f"epochs = {about['epoch'] + 2}")
    folder.settings_file.write_text(text)
    continue_to_the_end(str(run))
    assert folder.info().status == "finished"


def test_a_step_that_takes_too_long_is_not_waited_for(tmp_path: Path) -> None:
    program = (
        "import os, signal, time\n"
        "from twinface.core.interruption import stop_on_signals\n"
        "with stop_on_signals(deadline=0.2):\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
        "    time.sleep(60)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=50, check=False
    )
    assert result.returncode == 128 + signal.SIGTERM
    assert "the state saved last remains" in result.stderr
