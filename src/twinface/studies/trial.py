"""One point of a study: its seeds trained one after the other, or given up early."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from filelock import FileLock

from twinface.core.errors import ModelError, TwinfaceError
from twinface.core.interruption import StopRequest
from twinface.core.settings import Settings
from twinface.datasets.training_split import DataSource
from twinface.studies.trial_store import Outcome
from twinface.training.loop import Callbacks
from twinface.training.run import continue_run, start_run
from twinface.training.run_folder import RunFolder

WAIT_FOR_A_DYING_PROCESS = 60.0  # seconds; one that is alone and was told to stop saves and leaves in five
_MEASURED = {"accuracy": "accuracy", "auc": "auc", "one_shot": "one_shot", "loss": "validation_loss"}

Curve = tuple[tuple[int, float], ...]


@dataclass(frozen=True)
class Job:
    """All that training a point needs, wherever that is done.

    Attributes:
        name: of the point.
        folder: where its runs go, one folder a seed.
        source: the data.
        settings: of every run.
        seeds: one run each.
        objective: see `Study`.
        threads: of a run, where the settings do not say.
        rivals: curves of points of earlier batches, to give this one up by; empty never gives up.
        prune_after: epochs before that may happen.
    """

    name: str
    folder: Path
    source: DataSource
    settings: Settings
    seeds: tuple[int, ...]
    objective: str
    threads: int
    rivals: tuple[Curve, ...] = ()
    prune_after: int = 1


class Pruned(Exception):  # noqa: N818 - not an error
    """A run is worse than half of those before it were at this epoch."""

    def __init__(self, value: float) -> None:
        super().__init__(f"given up at {value:.4f}")
        self.value = value


def run_job(job: Job, stop: StopRequest) -> Outcome:
    """Trains what is not trained yet, from wherever it stands.

    Raises:
        Interrupted: a signal came; the state is saved.
        Exception: what is no fault of the settings or the data.
    """
    values = []
    for seed in job.seeds:
        folder = RunFolder(job.folder / f"seed-{seed}")
        try:
            _train(job, folder, seed, stop)
        except Pruned as pruned:
            folder.note(status="pruned")
            return Outcome("pruned", pruned.value)
        except TwinfaceError as error:
            if folder.manifest.exists():
                folder.note(status="failed", reason=str(error))
            return Outcome("failed", None, f"seed {seed}: {error}")
        values.append(final_value(folder, job.objective))
    return Outcome("finished", sum(values) / len(values))


def final_value(folder: RunFolder, objective: str) -> float:
    """What a finished run is worth on validation people; higher is better.

    Raises:
        ModelError: it was not measured.
    """
    measured = folder.about().get("validation", {}).get(_MEASURED[objective])
    if measured is None:
        raise ModelError(f"{folder.path}: {objective} was not measured; are there too few validation people?")
    return _signed(objective, measured)


def curve(folder: RunFolder, objective: str) -> Curve:
    """What a run was worth after each epoch in which it was validated."""
    name = _MEASURED[objective]
    return tuple(
        (record["epoch"], _signed(objective, record[name])) for record in folder.records() if name in record
    )


def _train(job: Job, folder: RunFolder, seed: int, stop: StopRequest) -> None:
    with FileLock(f"{folder.path}.lock", timeout=WAIT_FOR_A_DYING_PROCESS):
        if not folder.manifest.exists():
            # What a process left that was killed while it made the folder.
            shutil.rmtree(folder.path, ignore_errors=True)
            start_run(job.source, _with_threads(job.settings, job.threads), seed, folder)
    if folder.about()["status"] == "finished":
        return
    with folder.locked(wait=WAIT_FOR_A_DYING_PROCESS):
        watcher = Callbacks()
        if job.rivals and seed == job.seeds[0]:
            watcher = Callbacks(on_epoch=_Pruner(job, folder))
        continue_run(folder, stop, watcher)


class _Pruner:
    """Called after each epoch; raises `Pruned` by Optuna's median rule."""

    def __init__(self, job: Job, folder: RunFolder) -> None:
        self.job, self.folder = job, folder
        pruner = optuna.pruners.MedianPruner(n_startup_trials=1, n_warmup_steps=job.prune_after - 1)
        self.search = optuna.create_study(pruner=pruner, direction="maximize")
        for rival in job.rivals:
            self.search.add_trial(
                optuna.trial.create_trial(value=rival[-1][1], intermediate_values=dict(rival))
            )

    def __call__(self, record: dict[str, Any]) -> None:
        own = curve(self.folder, self.job.objective)
        if not own or own[-1][0] != record["epoch"] or record["epoch"] == self.job.settings.trainer.epochs:
            return
        trial = self.search.ask()
        for epoch, value in own:
            trial.report(value, epoch)
        if trial.should_prune():
            raise Pruned(max(value for _, value in own))


def rivals(entries: Sequence[Path], seed: int, objective: str) -> tuple[Curve, ...]:
    """The curves of finished points, from the runs with `seed`.

    Args:
        entries: the points' folders.
        seed: the study's first.
        objective: see `Study`.
    """
    curves = [curve(RunFolder(folder / f"seed-{seed}"), objective) for folder in entries]
    return tuple(each for each in curves if each)


def _with_threads(settings: Settings, threads: int) -> Settings:
    if settings.trainer.threads is not None:
        return settings
    return settings.model_copy(update={"trainer": settings.trainer.model_copy(update={"threads": threads})})


def _signed(objective: str, value: float) -> float:
    return -value if objective == "loss" else value
