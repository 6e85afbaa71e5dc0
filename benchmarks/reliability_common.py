"""What the reliability benchmarks share: a run of seconds, its files read back, its bits, and commands in processes."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path

import numpy as np

from twinface.datasets.load import load_dataset
from twinface.evaluation.results import load_results, load_validation
from twinface.models.load import load_model
from twinface.training.checkpoint import load_checkpoint
from twinface.training.run_folder import RunFolder
from twinface.training.state_file import read_tensors

COMMAND = [sys.executable, "-m", "twinface"]

# A network and a schedule so small that a run takes seconds. Dropout, averaging, augmentation, the optimiser's moments
# and the projection are all in it, and each has to come back after an interruption.
SETTINGS = [
    "imaging.height=24",
    "imaging.width=24",
    'network.backbone={name="residual", channels=[4, 8], embedding=16, dropout=0.2}',
    "sampling.look_alikes=2",
    "trainer.averaging=0.9",
    "trainer.keep_state=true",
    "trainer.threads=1",
]


def changes(*more: str) -> list[str]:
    """`--set` options for such a run, and further ones."""
    return [word for change in [*SETTINGS, *more] for word in ("--set", change)]


def training(out: Path | str, *more: str, seed: int = 0) -> list[str]:
    """The arguments of a command that trains such a run on ORL."""
    begin = ["train", "--data", "orl", "--recipe", "demo", "--seed", str(seed), "--out", str(out)]
    return [*begin, *changes(*more)]


@dataclass(frozen=True)
class Ended:
    """How a process ended.

    Attributes:
        code: its exit code; negative for a signal that it did not handle.
        out, err: what it printed.
        seconds: that it took.
    """

    code: int
    out: str
    err: str
    seconds: float

    @property
    def has_traceback(self) -> bool:
        """Whether it printed a traceback."""
        return "Traceback" in self.err

    @property
    def is_refusal(self) -> bool:
        """Whether it ended with 2 and one line that says why."""
        lines = [line for line in self.err.splitlines() if line.startswith("twinface: ")]
        return self.code == 2 and len(lines) == 1 and not self.has_traceback


def start(arguments: Sequence[str], **more: object) -> subprocess.Popen[str]:
    """Starts a command. It takes Ctrl-C, even if this process was started in the background and ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return subprocess.Popen(
            [*COMMAND, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **more,  # type: ignore[call-overload]
        )
    finally:
        signal.signal(signal.SIGINT, before)


def end(process: subprocess.Popen[str], timeout: float = 900) -> Ended:
    """Waits for a process to end."""
    began = time.monotonic()
    out, err = process.communicate(timeout=timeout)
    return Ended(process.returncode, out, err, time.monotonic() - began)


def run(arguments: Sequence[str], **more: object) -> Ended:
    """Runs a command to its end."""
    return end(start(arguments, **more))


class Forked:
    """Runs commands in processes that are forked from one that has imported torch: they begin at once.

    Args:
        place: a folder for what they print.
    """

    def __init__(self, place: Path) -> None:
        self.place, self._count = place, 0
        self.context = multiprocessing.get_context("forkserver")
        modules = ["twinface.cli", "twinface.reports", "torch._inductor", "onnxscript", "reliability_common"]
        self.context.set_forkserver_preload(modules)

    def start(
        self, arguments: Sequence[str], cache: Path, prepare: Callable[[], None] | None = None
    ) -> tuple[BaseProcess, Path]:
        """Starts a command; returns its process and the file that gets what it prints, results and messages alike.

        Args:
            arguments: of the command.
            cache: for its prepared faces.
            prepare: is called in the process before the command.
        """
        self._count += 1
        said = self.place / f"said-{self._count}.txt"
        process = self.context.Process(
            target=_command, args=(list(arguments), str(said), str(cache), prepare)
        )
        process.start()
        return process, said

    def run(self, arguments: Sequence[str], cache: Path) -> Ended:
        """Runs a command to its end."""
        began = time.monotonic()
        process, said = self.start(arguments, cache)
        process.join()
        assert process.exitcode is not None
        return Ended(process.exitcode, "", said.read_text(), time.monotonic() - began)


def _command(arguments: list[str], said: str, cache: str, prepare: Callable[[], None] | None) -> None:
    output = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.environ["TWINFACE_CACHE"] = cache  # forked processes have the environment of the first one
    from twinface.__main__ import main

    if prepare:
        prepare()
    sys.argv = ["twinface", *arguments]
    main()


def bits(folder: RunFolder) -> dict[str, str]:
    """Hashes of all that must not depend on interruptions: weights, optimiser, average, metrics, model, scores."""
    tensors, about = read_tensors(folder.state.path)
    best, best_about = read_tensors(folder.best)
    network, record = load_checkpoint(folder.path)
    pairs, scored = load_validation(folder.path)
    metrics = [{**each.to_dict(), "seconds": 0} for each in folder.metrics()]
    figures = [{**about, "seconds": 0}, best_about, metrics, record.threshold.value, vars(record.calibration)]
    arrays = {
        **{f"state {name}": value.numpy() for name, value in tensors.items()},
        **{f"best {name}": value.numpy() for name, value in best.items()},
        **{f"model {name}": value.detach().numpy() for name, value in network.state_dict().items()},
        "scores": scored.scores,
        "pairs": np.stack([pairs.left, pairs.right]),
        "export": load_model(folder.path)(_faces(record.preparation.height, record.preparation.width)),
    }
    found = {
        name: hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()
        for name, value in arrays.items()
    }
    return {**found, "figures": json.dumps(figures, sort_keys=True)}


def _faces(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (4, height, width, 1), np.uint8)


def damage(path: Path) -> list[str]:
    """What is damaged in a run folder at whatever stage: problems in reading its files, and half a run."""
    folder, problems = RunFolder(path), []
    if folder.manifest.exists() != folder.settings_file.exists():
        only = folder.manifest.name if folder.manifest.exists() else folder.settings_file.name
        problems.append(f"{only} alone")
    readers = {
        folder.manifest: folder.info,
        folder.settings_file: folder.settings,
        folder.metrics_file: folder.metrics,
        folder.state.path: lambda: read_tensors(folder.state.path),
        folder.state.previous: lambda: read_tensors(folder.state.previous),
        folder.best: lambda: read_tensors(folder.best),
        folder.model / "twin.safetensors": lambda: load_checkpoint(path),
        folder.model / "model.onnx": lambda: load_model(folder.model / "model.onnx"),
        path / "validation.npz": lambda: load_validation(path),
        path / "results": lambda: load_results(path),
    }
    for file, read in readers.items():
        if file.exists():
            try:
                read()
            except Exception as error:
                problems.append(f"{file.name}: {type(error).__name__}: {error}")
    return problems


def copy_pictures(folder: Path, count: int) -> Path:
    """Copies so many pictures of ORL into a new folder, and returns it."""
    faces = load_dataset("orl").faces()
    for path in faces.paths[:count]:
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((faces.root / path).read_bytes())
    return folder


def report(title: str, figures: dict[str, object]) -> None:
    """Prints figures as a small table in Markdown."""
    print(f"\n{title}\n")
    print("| what | found |\n|---|---|")
    for name, value in figures.items():
        print(f"| {name} | {value} |")
    sys.stdout.flush()
