"""Runs a study as people start it, from a shell or a notebook: progress, signals, and a runner for this machine."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from twinface.core.errors import SettingsError
from twinface.core.formatting import duration
from twinface.core.interruption import stop_on_signals
from twinface.core.progress import in_notebook, progress_bar, tqdm_type
from twinface.core.threads import available_cores
from twinface.studies.prepare import prepare_pictures
from twinface.studies.study_file.study import Study
from twinface.studies.study_folder import StudyFolder
from twinface.studies.sweep import StudyStatus, Sweep
from twinface.studies.trials.local_runner import LocalRunner
from twinface.studies.trials.runner import Runner

log = logging.getLogger("twinface")

DEADLINE = (
    30.0  # seconds from a signal to the end of the process; the runs' processes save their state meanwhile
)


@dataclass(frozen=True)
class Resources:
    """Where the trials of a study are trained, and on how much of the machine.

    Attributes:
        jobs: runs at a time; None is one for each core.
        cores: processor cores of all runs together; None is all that this process may use.
        storage: address of a database server that several machines share; None keeps the trials in the folder.
        ray: address of a Ray cluster to train on; None trains on this machine.
        gpus: GPUs of one run on the cluster; a fraction lets several runs share one.

    Raises:
        SettingsError: there are more runs at a time than cores.
    """

    jobs: int | None = None
    cores: int | None = None
    storage: str | None = None
    ray: str | None = None
    gpus: float = 0.0

    def __post_init__(self) -> None:
        cores = self.cores or available_cores()
        if self.runs_at_a_time > cores:
            raise SettingsError(
                f"--jobs {self.jobs}: found {cores} cores, need one for each run; lower --jobs"
            )

    @property
    def runs_at_a_time(self) -> int:
        """Number of runs at a time on this machine."""
        return self.jobs or self.cores or available_cores()

    @property
    def threads(self) -> int:
        """Threads of one run."""
        return (self.cores or available_cores()) // self.runs_at_a_time


def run_study(
    study: Study,
    folder: Path,
    root: Path | None = None,
    resources: Resources | None = None,
    align: bool | None = None,
) -> StudyFolder:
    """Runs a study to its end, with progress. It can be stopped at any time, and continues when it is called again.

    Args:
        study: from `read_study`.
        folder: the study's folder.
        root: folder of the data; None if the data set finds it.
        resources: see `Resources`.
        align: whether faces are found and aligned first; None does so in a folder of one's own.

    Returns:
        The folder; `study_results` reads what was found.

    Raises:
        SettingsError: a point's settings are impossible, or the folder belongs to another study.
        DataError: the data set is not there.
        StorageError: the database or the cluster does not answer.
        Interrupted: a signal came; everything is saved.
    """
    resources = resources or Resources()
    sweep = Sweep(study, root, folder, resources.storage, resources.threads, align)
    deadline = None if in_notebook() else DEADLINE
    with stop_on_signals(deadline) as stop:
        with progress_bar("preparing") as prepared:
            prepare_pictures(study, sweep.source, prepared)
        with _status_line() as on_status:
            sweep.run(_runner(resources, folder), stop, on_status)
    return sweep.folder


def _runner(resources: Resources, folder: Path) -> Runner:
    if resources.ray:
        from twinface.studies.trials.ray_runner import ClusterRunner

        return ClusterRunner(resources.ray, folder, resources.threads, resources.gpus)
    return LocalRunner(resources.runs_at_a_time)


@contextmanager
def _status_line() -> Iterator[Callable[[StudyStatus], None]]:
    """One line on a terminal or in a notebook that is updated; otherwise a log message after each change."""
    last: tuple[int, str] | None = None
    bar_type = tqdm_type()
    with bar_type(
        unit="trial", disable=None, file=sys.stderr, dynamic_ncols=True, bar_format="{desc}"
    ) as bar:

        def show(status: StudyStatus) -> None:
            nonlocal last
            line = status_line(status)
            bar.set_description_str(line)
            now = (status.ended, status.measuring)
            if bar.disable and now != last:
                log.info("%s", line)
            last = now

        yield show


def status_line(status: StudyStatus) -> str:
    """How far a study is, in one line.

    >>> status_line(StudyStatus(4, 2, failed=1, running=2, best=("rates/0001", 0.9), seconds=60, ended_here=2))
    '2 of 4 trials ended, 1 failed, 2 running, best rates/0001 0.9000, about 1 min 0 s left'
    """
    failed = f", {status.failed} failed" if status.failed else ""
    best = f", best {status.best[0]} {status.best[1]:.4f}" if status.best else ""
    left = status.seconds_left
    time = f", about {duration(left)} left" if left and status.ended < status.total else ""
    doing = f"measuring {status.measuring}" if status.measuring else f"{status.running} running"
    return f"{status.ended} of {status.total} trials ended{failed}, {doing}{best}{time}"
