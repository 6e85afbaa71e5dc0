"""Trains a trial: one run for each seed, one after the other, unless a run is stopped early."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from twinface.core.errors import TwinfaceError
from twinface.core.interruption import StopRequest
from twinface.core.settings import Settings
from twinface.datasets.data_source import DataSource
from twinface.studies.trials.objective import Curve, final_value
from twinface.studies.trials.pruning import MedianPruner, Pruned
from twinface.studies.trials.trial import Outcome
from twinface.training.callbacks import Callbacks
from twinface.training.open_run import open_run, start_run
from twinface.training.run import continue_run
from twinface.training.run_folder import RunFolder

# Seconds to wait for the lock of a run. A process whose parent was killed saves its state and ends within 5 s.
LOCK_TIMEOUT = 60.0


@dataclass(frozen=True)
class TrialJob:
    """All that is needed to train a trial, in whichever process or on whichever machine.

    Attributes:
        name: of the trial.
        folder: of the trial; each seed gets a run folder in it.
        source: the data.
        settings: of every run.
        seeds: of the runs.
        objective: see `Study`.
        threads: of a run, unless the settings say.
        earlier: curves of trials of earlier batches, to compare with; empty means no pruning.
        prune_after: the first epoch after which the trial may be stopped.
    """

    name: str
    folder: Path
    source: DataSource
    settings: Settings
    seeds: tuple[int, ...]
    objective: str
    threads: int
    earlier: tuple[Curve, ...] = ()
    prune_after: int = 1


def run_trial(job: TrialJob, stop: StopRequest) -> Outcome:
    """Trains the runs that are not trained yet, each from its last saved state.

    Errors of settings, data or numbers (a loss that is not finite, for example) do not raise: the trial has "failed",
    and the outcome gives the reason.

    Raises:
        Interrupted: a signal came; the state is saved.
    """
    values = []
    for seed in job.seeds:
        folder = RunFolder(job.folder / f"seed-{seed}")
        try:
            pruned = _train(job, folder, seed, stop)
            if pruned is not None:
                return Outcome("pruned", pruned)
            values.append(final_value(folder, job.objective))
        except TwinfaceError as error:
            if folder.manifest.exists() and not folder.is_finished:
                folder.note(status="failed", reason=str(error))
            return Outcome("failed", None, f"seed {seed}: {error}")
    return Outcome("finished", sum(values) / len(values))


def _train(job: TrialJob, folder: RunFolder, seed: int, stop: StopRequest) -> float | None:
    """Trains one run to its end. The value at which it was given up early; None if it was not."""
    run = None
    with FileLock(f"{folder.path}.lock", timeout=LOCK_TIMEOUT):
        if not folder.manifest.exists():
            # A process that was killed while it made the folder left it incomplete.
            shutil.rmtree(folder.path, ignore_errors=True)
            run = start_run(job.source, _with_threads(job.settings, job.threads), seed, folder)
    if folder.is_finished:
        return None
    with folder.locked(wait=LOCK_TIMEOUT):
        callbacks = Callbacks()
        if job.earlier and seed == job.seeds[0]:
            epochs = job.settings.trainer.epochs
            pruner = MedianPruner(folder, job.objective, job.earlier, job.prune_after, epochs)
            callbacks = Callbacks(on_epoch=pruner)
        try:
            continue_run(run or open_run(folder), stop, callbacks)
        except Pruned as pruned:
            folder.note(status="pruned")
            return pruned.value
    return None


def _with_threads(settings: Settings, threads: int) -> Settings:
    if settings.trainer.threads is not None:
        return settings
    return settings.model_copy(update={"trainer": settings.trainer.model_copy(update={"threads": threads})})
