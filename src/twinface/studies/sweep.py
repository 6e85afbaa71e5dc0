"""Runs a study to its end, from wherever it stands. It can be killed at any moment."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from twinface.core.errors import SettingsError
from twinface.core.interruption import StopRequest
from twinface.datasets.load import load_source
from twinface.studies.controls import measure_baselines, measure_visible_parts
from twinface.studies.final_test import run_final_test
from twinface.studies.prepare import check_study, study_source
from twinface.studies.study_file.study import Study
from twinface.studies.study_folder import StudyFolder
from twinface.studies.trials.pruning import earlier_curves
from twinface.studies.trials.runner import Runner
from twinface.studies.trials.train_trial import TrialJob
from twinface.studies.trials.trial import Trial, best_trial, value_of
from twinface.studies.trials.trial_store import Claim, TrialStore

# Other processes may share the study. Looking for their changes reads every trial of the study, so it is done each
# second while this process could begin more trials, and less often while it cannot.
LOOK = 1.0  # seconds
LOOK_WHEN_BUSY = 10.0  # seconds


@dataclass(frozen=True)
class StudyStatus:
    """How far a study is.

    Attributes:
        total: number of trials of the whole study.
        ended: trials that have ended, in any way.
        failed: those among them that failed.
        running: trials that this process trains now.
        best: name and value of the best trial so far, or None.
        seconds: since this process began.
        ended_here: trials that ended in this process.
        measuring: what is measured now that all trials have ended, or "".
    """

    total: int
    ended: int
    failed: int
    running: int
    best: tuple[str, float] | None
    seconds: float
    ended_here: int
    measuring: str = ""

    @property
    def seconds_left(self) -> float | None:
        """Seconds until all trials have ended, at the pace so far; None while no trial has ended here."""
        left = self.total - self.ended
        return self.seconds / self.ended_here * left if self.ended_here else None


class Sweep:
    """A study, its data, and the folder in which it is run.

    Args:
        study: the study file.
        root: folder of the data; None if the data set finds it.
        folder: the study's folder.
        storage: address of a database server; None keeps the trials in the folder.
        threads: of one run.
        align: see `study_source`.

    Raises:
        SettingsError: a point's settings are impossible, or the folder belongs to another study, or to the same one on
            other pictures, or on these with other alignment.
        DataError: the data set is not there.
        StorageError: the database does not answer.
    """

    def __init__(
        self,
        study: Study,
        root: Path | None,
        folder: Path,
        storage: str | None = None,
        threads: int = 1,
        align: bool | None = None,
    ) -> None:
        self.study, self.threads = study, threads
        self.source = study_source(study, root, align)
        check_study(study, self.source)
        self.folder = StudyFolder.begin(study, folder, storage)
        self._refuse_other_pictures()
        self._claims: dict[str, tuple[TrialStore, Claim]] = {}  # trials that this process works on
        self._began, self._ended_here = time.monotonic(), 0

    def run(self, runner: Runner, stop: StopRequest, on_status: Callable[[StudyStatus], None]) -> None:
        """Trains all trials that have not ended, then measures baselines and visible parts, then the final test.

        Args:
            runner: trains the trials.
            stop: a request to stop.
            on_status: called with how far the study is.

        Raises:
            Interrupted: a signal came; everything is saved.
            TwinfaceError: see `run_final_test`.
        """
        self._began, self._ended_here = time.monotonic(), 0
        looked = float("-inf")
        try:
            while True:
                if not self._claims or runner.free() or time.monotonic() - looked > LOOK_WHEN_BUSY:
                    looked = time.monotonic()
                    self._start_trials(runner)
                    on_status(self.status())
                    if not self._claims and all(store.is_complete for store in self.folder.stores):
                        break
                for name, outcome in runner.wait(LOOK):
                    store, claim = self._claims.pop(name)
                    store.close(claim, outcome)
                    self._ended_here += 1
                stop.check()
        finally:
            runner.stop()
            for _, claim in self._claims.values():
                claim.release()
            self._claims.clear()
        status = self.status()

        def on_measure(what: str) -> None:
            stop.check()
            on_status(replace(status, measuring=what))

        self._measure(on_measure)

    def status(self) -> StudyStatus:
        """How far the study is.

        Raises:
            ModelError: an `outcome.json` is damaged.
        """
        trials = self.folder.trials()
        best = best_trial(trials)
        return StudyStatus(
            total=self.study.size,
            ended=sum(trial.has_ended for trial in trials),
            failed=sum(trial.state == "failed" for trial in trials),
            running=len(self._claims),
            best=(best.name, value_of(best)) if best else None,
            seconds=time.monotonic() - self._began,
            ended_here=self._ended_here,
        )

    def _refuse_other_pictures(self) -> None:
        """Trials on other pictures, or on pictures that were aligned where others were not, could not be compared."""
        runs = (run for trial in self.folder.trials() for run in self.folder.runs(trial))
        first = next((run for run in runs if run.manifest.is_file()), None)
        if first is None:
            return
        found = first.info().source
        if found.align != self.source.align:
            were, option = ("", "--align") if self.source.align is False else ("not ", "--no-align")
            raise SettingsError(
                f"{self.folder.path}: the pictures of its runs were {were}aligned; say {option} to continue it, or "
                "choose another --out"
            )
        if not found.has_pictures_of(load_source(self.source).source):
            photos = found.root if found.data == "folder" else found.layout
            raise SettingsError(
                f"{self.folder.path}: its runs have the photos in {photos}; name them with --root to continue it, or "
                "choose another --out"
            )

    def _start_trials(self, runner: Runner) -> None:
        """Starts as many trials as the runner has room for."""
        for store in self.folder.stores:
            store.propose()
            while runner.free() and (claim := store.claim()):
                self._claims[claim.trial.name] = (store, claim)
                runner.start(self._job(store, claim.trial))

    def _job(self, store: TrialStore, trial: Trial) -> TrialJob:
        search = store.search
        earlier: list[Path] = []
        if search.prune:
            batch = trial.number // search.batch
            earlier = [
                other.folder
                for other in store.trials()
                if other.state == "finished" and other.number // search.batch < batch
            ]
        return TrialJob(
            name=trial.name,
            folder=trial.folder,
            source=self.source,
            settings=search.settings(trial.point),
            seeds=tuple(self.study.seeds),
            objective=self.study.objective,
            threads=self.threads,
            earlier=earlier_curves(earlier, self.study.seeds[0], self.study.objective),
            prune_after=search.prune_after,
        )

    def _measure(self, on_measure: Callable[[str], None]) -> None:
        """Measures everything that the trials are compared with, and the final test."""
        on_measure("baselines")
        measure_baselines(self.study, self.source, self.folder.path)
        for trial in self.folder.finished():
            on_measure(f"face and background alone, {trial.name}")
            measure_visible_parts(self.folder.runs(trial)[0])
        run_final_test(self.folder, self.source, on_measure)
