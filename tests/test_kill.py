"""A run that is killed with SIGKILL again and again ends in the same bits as an uninterrupted run."""

import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from resumed_runs import LONGER, bits
from twinface.core.interruption import Interrupted, StopRequest
from twinface.datasets.data_source import DataSource
from twinface.training import write_model
from twinface.training.open_run import open_run, start_run
from twinface.training.recipe import load_recipe
from twinface.training.run import continue_run, train_epochs
from twinface.training.run_folder import RunFolder

TRAIN = [sys.executable, "-m", "twinface", "train"]


def continue_to_the_end(path: str) -> None:
    continue_run(open_run(RunFolder(path)))


def saved_at(folder: RunFolder) -> int:
    """When the newest state was written, in ns; 0 without a state."""
    try:
        return folder.state.path.stat().st_mtime_ns
    except FileNotFoundError:  # there is none yet, or it is being replaced
        return 0


def kill_and_go_on(folder: RunFolder, kills: int, seed: int) -> int:
    """Trains the run in a process that is killed at a random moment, `kills` times; then lets it end.

    Some kills come soon after the start (while data are read, or the first state is written), the others soon after a
    new state, so that the run makes progress.
    """
    chance = random.Random(seed)
    server = multiprocessing.get_context("forkserver")
    server.set_forkserver_preload(["twinface.training.run", "torch._inductor", "onnxscript"])
    done = 0
    while True:
        process = server.Process(target=continue_to_the_end, args=(str(folder.path),))
        before = saved_at(folder)
        process.start()
        if done < kills:
            if chance.random() < 0.7:
                while process.is_alive() and saved_at(folder) in (0, before):
                    time.sleep(0.001)
            time.sleep(chance.random() * 0.25)
            if process.is_alive():
                os.kill(process.pid, signal.SIGKILL)
                done += 1
        process.join(timeout=120)
        if process.exitcode == 0:
            assert done >= kills, f"the run ended after {done} kills; make it longer"
            return done
        assert process.exitcode == -signal.SIGKILL


def settings_for(epochs: int):
    return load_recipe("demo", [*LONGER, f"trainer.epochs={epochs}", "trainer.save_every=0"])


def check_kills_change_nothing(path: Path, kills: int, epochs: int) -> None:
    whole, killed = RunFolder(path / "whole"), RunFolder(path / "killed")
    for folder in (whole, killed):
        start_run(DataSource("orl"), settings_for(epochs), 7, folder)
    train_epochs(open_run(whole))
    assert kill_and_go_on(killed, kills, seed=kills) == kills
    assert bits(killed) == bits(whole)
    assert (killed.model / "twin.safetensors").exists()


@pytest.mark.slow
def test_three_kills(tmp_path: Path) -> None:
    check_kills_change_nothing(tmp_path, kills=3, epochs=12)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_thirty_kills(tmp_path: Path) -> None:
    check_kills_change_nothing(tmp_path, kills=30, epochs=100)  # benchmarks/reliability_signals.py makes 200


def stop_after_a_save(command: list[str], folder: RunFolder, number: signal.Signals) -> None:
    """Starts the command, sends it the signal after the next save of the state, and checks how it ends."""
    before = saved_at(folder)
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    while saved_at(folder) in (0, before):
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.05)
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert f"continue with: twinface train --resume {folder.path}" in said
    assert "Traceback" not in said
    assert folder.info().status == "stopped"


def started(folder: RunFolder) -> list[str]:
    """The command that begins a long run."""
    changes = [word for change in [*LONGER, "trainer.epochs=500"] for word in ("--set", change)]
    return [*TRAIN, "--data", "orl", "--recipe", "demo", "--out", str(folder.path), *changes]


def end_after(folder: RunFolder, epochs: int) -> None:
    """Changes the settings of a run so that it ends then."""
    text = folder.settings_file.read_text(encoding="utf-8")
    folder.settings_file.write_text(text.replace("epochs = 500", f"epochs = {epochs}"), encoding="utf-8")


@pytest.mark.slow
def test_a_signal_saves_the_state_and_ends_the_process(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    stop_after_a_save(started(folder), folder, signal.SIGTERM)
    _, saved = folder.state.read()
    assert saved["steps"] > 0
    end_after(folder, saved["epoch"] + 2)
    assert train_epochs(open_run(folder)).position.epoch == saved["epoch"] + 2


def test_a_signal_while_the_model_is_written(
    tiny_run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between two parts of the work it is obeyed; within one it is not waited for. The run is stopped, both times."""
    shutil.copytree(tiny_run.path, tmp_path / "run")
    folder, stop = RunFolder(tmp_path / "run"), StopRequest()

    def save_checkpoint(*_: object) -> None:
        assert folder.info().status == "training"
        stop.signal_number = signal.SIGTERM

    def export_model(*_: object) -> None:
        assert stop.doing == "while the model was written"
        stop.before_leaving()
        assert folder.info().status == "stopped"
        raise KeyboardInterrupt  # in place of the end of the process

    monkeypatch.setattr(write_model, "save_checkpoint", save_checkpoint)
    monkeypatch.setattr(write_model, "export_model", export_model)
    with pytest.raises(Interrupted):
        continue_run(open_run(folder), stop)
    assert folder.info().status == "stopped"
    stop.signal_number = None
    monkeypatch.setattr(write_model, "save_checkpoint", lambda *_: None)
    with pytest.raises(KeyboardInterrupt):
        continue_run(open_run(folder), stop)
    assert folder.info().status == "stopped"
    assert stop.before_leaving is None


@pytest.mark.slow
def test_signals_save_the_state_each_time(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    stop_after_a_save(started(folder), folder, signal.SIGINT)
    _, first = folder.state.read()
    stop_after_a_save([*TRAIN, "--resume", str(folder.path)], folder, signal.SIGTERM)
    _, second = folder.state.read()
    assert second["steps"] > first["steps"] > 0
    # The run is continued, and ends at the epoch that its settings now give.
    end_after(folder, second["epoch"] + 2)
    continue_to_the_end(str(folder.path))
    assert folder.info().status == "finished"
    assert folder.info().epochs == second["epoch"] + 2
