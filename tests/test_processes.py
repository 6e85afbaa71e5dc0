"""Training in several processes: the losses and gradients of one process, and the same bits however often it is cut."""

import multiprocessing
import os
import random
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from conftest import TINY
from resumed_runs import LONGER, StopAfter, bits
from twinface.core.errors import ProcessError
from twinface.core.interruption import Interrupted
from twinface.core.registry import build
from twinface.datasets.data_source import DataSource
from twinface.datasets.load import load_source
from twinface.datasets.training_split import split_dataset
from twinface.faces.cache import prepare_faces
from twinface.faces.preparation import build_preparation
from twinface.training.build import build_training_state
from twinface.training.callbacks import Callbacks
from twinface.training.machine import Machine
from twinface.training.open_run import open_run, start_run
from twinface.training.plan import TrainingPlan, TrainingPosition
from twinface.training.processes import Processes
from twinface.training.recipe import load_recipe
from twinface.training.run import train_epochs
from twinface.training.run_folder import FollowedRun, RunFolder
from twinface.training.runtime import make_deterministic
from twinface.training.sampling import SAMPLERS
from twinface.training.schedules import SCHEDULES
from twinface.training.shared_layers import share_layers
from twinface.training.step import training_step
from twinface.training.torchrun import joined
from twinface.training.validation import Validator

PLAIN = ["optimizer=sgd", "optimizer.learning_rate=0.01", "trainer.precision=float32", "trainer.threads=1"]
BY_PERSON = [*TINY, *PLAIN, "sampling.batch_size=33"]
KINDS = {
    "cosface": ("demo", BY_PERSON),
    "arcface": ("demo", [*BY_PERSON, "loss={name='arcface', scale=8.0}", "trainer.gradient_clip=0.5"]),
    "triplet": (
        "demo",
        [*TINY[:3], *PLAIN, "loss=triplet", "sampling={name='people-images', people=5, images=3}"],
    ),
    "committee": (
        "demo",
        [
            *(change for change in BY_PERSON if "backbone" not in change),
            "network.backbone.members=[{name='residual', channels=[4, 8], embedding=16},"
            " {name='gradients', cells=[8], embedding=8}, {name='gradients', cells=[6], embedding=0}]",
        ],
    ),
    # 33 pairs in batches of 16: the last one is a single pair, too small for three processes to have a picture each.
    "pairs": (
        "koch",
        [
            *PLAIN,
            "imaging.height=66",
            "imaging.width=66",
            "network.backbone={name='koch', dense=16, filters=[2, 2, 2, 2], dropout=0.2, batch_norm='before-relu'}",
            "network.distance=cosine",  # the paper's |a - b| has a kink where two embeddings are equal
            "network.initialisation=he",
            "data={supervision='people', validation_people=6}",
            "sampling={name='drawn-pairs', pairs=33, batch_size=16}",
            "validation.metric=accuracy",
        ],
    ),
}
CASES = [*((2, kind) for kind in KINDS), (3, "pairs"), (3, "committee")]
STEPS = 6


def steps_and_figures(kind: str, processes: Processes) -> dict[str, np.ndarray]:
    """Losses and gradients of the first steps of a training, and what is then measured on validation people."""
    recipe, changes = KINDS[kind]
    settings = load_recipe(recipe, changes)
    make_deterministic()
    torch.set_num_threads(1)
    machine = Machine("cpu", 1, "float32", processes.count)
    dataset = load_source(DataSource("orl"))
    split = split_dataset(dataset, settings)
    preparation = build_preparation(settings.imaging, dataset.region)
    faces, held = (prepare_faces(part.faces, preparation) for part in (split.source, split.validation))
    sampler = build("sampling", SAMPLERS, settings.sampling, split.source)
    state = build_training_state(settings, sampler.people, machine, 3)
    share_layers(state.network, processes)
    shared, alone = (
        Validator(held.images, split.validation, settings.validation, machine, 3, False, these)
        for these in (processes, Processes())
    )
    schedule = build("schedule", SCHEDULES, settings.schedule, settings.trainer.epochs)
    plan = TrainingPlan(
        faces.images,
        sampler,
        settings.augment,
        schedule,
        shared,
        settings.trainer,
        settings.validation,
        machine,
        3,
        processes,
    )
    found: dict[str, np.ndarray] = {}
    progress = TrainingPosition()
    for number in range(STEPS):
        batches = sampler(3, progress.epoch)
        loss = training_step(state, plan, batches[progress.step], progress, len(batches))
        found[f"{number}/loss"] = np.array(loss)
        for name, parameter in [*state.network.named_parameters(), *state.loss.named_parameters()]:
            if parameter.grad is not None:
                found[f"{number}/gradient/{name}"] = parameter.grad.numpy().copy()
        last = progress.step + 1 == len(batches)
        progress = TrainingPosition(progress.epoch + last, 0 if last else progress.step + 1, number + 1)
    for name, value in state.network.state_dict().items():
        found[f"state/{name}"] = value.numpy()
    for name, validate in (("shared", shared), ("alone", alone)):
        found[f"figures/{name}"] = np.array(list(validate(state.network.eval()).to_dict().values()))
    return found


def write_steps(folder: str, kinds: list[str]) -> None:
    with joined() as processes:
        for kind in kinds:
            found = steps_and_figures(kind, processes)
            np.savez(Path(folder) / f"{kind}-{processes.count}-{processes.rank}.npz", **found)


def go_on(run: str, stop_after: int = 0) -> None:
    """Trains a run on, as one of several processes; the last of them is the one that is asked to stop."""
    stop = StopAfter()
    with joined() as processes:
        watcher = stop.watcher(stop_after) if processes.rank == processes.count - 1 else Callbacks()
        try:
            folder = RunFolder(run) if processes.first else FollowedRun(run)
            train_epochs(open_run(folder), stop, watcher, processes=processes)
        except Interrupted:
            sys.exit(128 + 15)
        except ProcessError as error:
            (Path(run) / f"said-by-{processes.rank}.txt").write_text(str(error))
            sys.exit(2)


def _as_torchrun_does(rank: int, count: int, port: int, function, arguments: tuple) -> None:
    places = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": count, "LOCAL_WORLD_SIZE": count}
    os.environ.update({name: str(value) for name, value in places.items()})
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    function(*arguments)


def start(count: int, function, *arguments) -> list:
    """Starts a function in real processes that find each other as those of torchrun do."""
    port = free_port()
    server = multiprocessing.get_context("forkserver")
    server.set_forkserver_preload(["twinface.training.run", "torch._inductor", "pytest"])
    started = [
        server.Process(target=_as_torchrun_does, args=(rank, count, port, function, arguments))
        for rank in range(count)
    ]
    for process in started:
        process.start()
    return started


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def ended(started: list) -> list[int]:
    for process in started:
        process.join(timeout=240)
    return [process.exitcode for process in started]


def begun(path: Path, *changes: str) -> RunFolder:
    folder = RunFolder(path)
    start_run(DataSource("orl"), load_recipe("demo", [*LONGER, *changes]), 3, folder)
    return folder


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run of two processes that was left alone."""
    folder = begun(tmp_path_factory.mktemp("runs") / "whole")
    assert ended(start(2, go_on, str(folder.path))) == [0, 0]
    return folder


@pytest.fixture(scope="module")
def steps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two processes, and three, find in the first steps of each kind of training."""
    folder = tmp_path_factory.mktemp("steps")
    for count in sorted({count for count, _ in CASES}):
        kinds = [kind for number, kind in CASES if number == count]
        assert ended(start(count, write_steps, str(folder), kinds)) == [0] * count
    return folder


def apart(found: dict[str, np.ndarray], expected: dict[str, np.ndarray], prefix: str) -> float:
    """Length of the difference between all arrays of a prefix, in units of their length."""
    names = [name for name in expected if name.startswith(prefix)]
    both = np.concatenate([np.stack([found[name].ravel(), expected[name].ravel()]) for name in names], axis=1)
    return float(np.linalg.norm(both[0] - both[1]) / np.linalg.norm(both[1]))


@pytest.mark.parametrize(("count", "kind"), CASES)
def test_losses_and_gradients_are_those_of_one_process(steps: Path, count: int, kind: str) -> None:
    expected = steps_and_figures(kind, Processes())
    found = dict(np.load(steps / f"{kind}-{count}-0.npz"))
    assert found.keys() == expected.keys()
    for number in range(STEPS):
        assert found[f"{number}/loss"] == pytest.approx(expected[f"{number}/loss"], rel=1e-5)
    gradients = [apart(found, expected, f"{number}/gradient/") for number in range(STEPS)]
    # In a step where a ReLU stands within rounding of its kink, that one value decides otherwise.
    assert np.median(gradients) < 5e-5
    assert max(gradients) < 0.02
    assert apart(found, expected, "state/") < 1e-5


@pytest.mark.parametrize(("count", "kind"), CASES)
def test_validation_that_is_shared_gives_the_same_figures(steps: Path, count: int, kind: str) -> None:
    found = np.load(steps / f"{kind}-{count}-0.npz")
    assert found["figures/shared"].tolist() == found["figures/alone"].tolist()


@pytest.mark.parametrize(("count", "kind"), CASES)
def test_all_processes_have_the_same_bits(steps: Path, count: int, kind: str) -> None:
    first, *others = (dict(np.load(steps / f"{kind}-{count}-{rank}.npz")) for rank in range(count))
    for other in others:
        assert {name: value.tobytes() for name, value in other.items()} == {
            name: value.tobytes() for name, value in first.items()
        }


def test_stopped_anywhere_it_ends_in_the_same_bits(whole: RunFolder, tmp_path: Path) -> None:
    """The request comes to the last process, which passes it on."""
    parts, stops, chance = begun(tmp_path / "parts"), 0, random.Random(0)
    while (codes := ended(start(2, go_on, str(parts.path), chance.randint(1, 9)))) != [0, 0]:
        assert codes == [143, 143]
        assert parts.info().status == "stopped"
        stops += 1
    assert stops >= 2
    assert bits(parts) == bits(whole)
    assert parts.info().machine.processes == 2


@pytest.mark.parametrize("kills", [(1,), pytest.param((1, 0, 1), marks=pytest.mark.slow)], ids=len)
def test_when_one_dies_the_others_leave_and_the_same_bits_come_of_it(
    whole: RunFolder, tmp_path: Path, kills: tuple[int, ...]
) -> None:
    killed, chance = begun(tmp_path / "killed", "trainer.save_every=0"), random.Random(0)
    for dies in kills:
        before = killed.state.path.stat().st_mtime_ns if killed.state.path.exists() else 0
        started = start(2, go_on, str(killed.path))
        while not killed.state.path.exists() or killed.state.path.stat().st_mtime_ns == before:
            assert all(process.is_alive() for process in started)
            time.sleep(0.001)
        time.sleep(chance.random() * 0.1)
        os.kill(started[dies].pid, signal.SIGKILL)
        codes = ended(started)
        assert codes[dies] == -signal.SIGKILL
        assert codes[1 - dies] == 2
        said = (killed.path / f"said-by-{1 - dies}.txt").read_text()
        assert "another process of this training has gone" in said
        assert "continue with --resume" in said
    assert ended(start(2, go_on, str(killed.path))) == [0, 0]
    assert bits(killed) == bits(whole)


def test_another_number_of_processes_is_said_and_comes_close(
    whole: RunFolder, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """One process goes on with what two began; the augmentation, order and dropout are the same for both."""
    folder = begun(tmp_path / "run")
    assert ended(start(2, go_on, str(folder.path), 8)) == [143, 143]
    train_epochs(open_run(folder))
    assert "resumed on another set-up (processes differ)" in caplog.text
    assert len(folder.metrics()) == len(whole.metrics())
    for one, two in zip(folder.metrics(), whole.metrics(), strict=True):
        assert one.loss == pytest.approx(two.loss, rel=0.02)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.long)])
def test_torchrun_stops_and_goes_on(tmp_path: Path, number: signal.Signals) -> None:
    changes = [*LONGER, "trainer.epochs=40", "trainer.save_every=0"]
    whole, run = RunFolder(tmp_path / "whole"), tmp_path / "run"
    start_run(DataSource("orl"), load_recipe("demo", changes), 3, whole)
    assert ended(start(2, go_on, str(whole.path))) == [0, 0]
    begin = ["--data", "orl", "--recipe", "demo", "--seed", "3", "--out", str(run)]
    begin += [word for change in changes for word in ("--set", change)]
    process = torchrun(*begin)
    while not (run / "state.safetensors").exists():
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.05)
    process.send_signal(number)
    _, said = process.communicate(timeout=120)
    assert f"continue with: torchrun --nproc-per-node 2 -m twinface train --resume {run}" in said
    assert RunFolder(run).info().status == "stopped"
    process = torchrun("--resume", str(run))
    printed, said = process.communicate(timeout=240)
    assert process.returncode == 0, said
    assert printed.strip() == str(run)
    assert said.count("epoch 40, training loss") == 1
    assert bits(RunFolder(run)) == bits(whole)
    for name in ("report.html", "model/model.onnx", "model/twin.safetensors"):
        assert (run / name).exists(), name


def torchrun(*arguments: str) -> subprocess.Popen[str]:
    launch = ["-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port", str(free_port())]
    # A process that was started in the background ignores Ctrl-C, and torchrun would inherit that.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return subprocess.Popen(
            [sys.executable, *launch, "-m", "twinface", "train", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
    finally:
        signal.signal(signal.SIGINT, before)
