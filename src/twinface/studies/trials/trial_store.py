"""The trials of a search in a database: which trials there are, which process works on each, and how they ended.

The database is an Optuna study: SQLite in the study's folder, or a PostgreSQL server. So Optuna's own tools can show
the trials, and several processes can share them. A trial's results are in its folder. The process that holds the lock
of that folder works on the trial. If the process is killed, the lock is free again, and another process continues the
trial from its last saved state.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import optuna
from filelock import FileLock, Timeout
from optuna.exceptions import OptunaError
from optuna.trial import TrialState
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from twinface.core.errors import SettingsError, StorageError
from twinface.studies.study_file.search import Search
from twinface.studies.study_file.study import Study
from twinface.studies.trials.proposals import PastPoint, as_params, next_points, space_of
from twinface.studies.trials.trial import Outcome, State, Trial

_STATES: dict[TrialState, State] = {
    TrialState.WAITING: "waiting",
    TrialState.RUNNING: "running",
    TrialState.COMPLETE: "finished",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
}
_OPTUNA_STATES = {state: optuna_state for optuna_state, state in _STATES.items()}


class Claim:
    """A trial that this process works on, until it closes the trial or releases it.

    Args:
        trial: the trial.
        lock: of its folder, held.
    """

    def __init__(self, trial: Trial, lock: FileLock) -> None:
        self.trial, self._lock = trial, lock

    def release(self) -> None:
        """Lets another process work on the trial."""
        self._lock.release()


class TrialStore:
    """The trials of one search.

    Args:
        study: the study file.
        search: one of its searches.
        folder: the study's folder.
        storage: address of a database server; None keeps SQLite in the folder.

    Raises:
        StorageError: the database does not answer.
    """

    def __init__(self, study: Study, search: Search, folder: Path, storage: str | None = None) -> None:
        self.study, self.search, self.folder = study, search, folder
        folder.mkdir(parents=True, exist_ok=True)
        address = storage or f"sqlite:///{(folder / 'optuna.db').resolve()}"
        self._shown_address = hide_password(address)
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        with self._locked():
            try:
                self._optuna = optuna.create_study(
                    storage=address,
                    study_name=f"{study.name}/{search.name}",
                    direction="maximize",
                    load_if_exists=True,
                )
            except (SQLAlchemyError, OptunaError, ImportError, ValueError) as error:
                raise StorageError(
                    f"the study's database {self._shown_address} does not answer: {str(error).splitlines()[0]}"
                ) from error

    def check_contents(self) -> None:
        """Keeps the fingerprint of the study in a new database, and compares it with that of an earlier call.

        Raises:
            SettingsError: the database holds a study of that name with other contents.
        """
        with self._locked():
            known, contents = self._optuna.user_attrs.get("contents"), self.study.fingerprint()
            if known is None:
                self._optuna.set_user_attr("contents", contents)
            elif known != contents:
                raise SettingsError(
                    f'{self._shown_address}: holds a study "{self.study.name}" with other contents; '
                    "choose another --out, or another name in the study file"
                )

    def trials(self) -> list[Trial]:
        """All trials so far, in the order of their numbers."""
        return [
            Trial(
                self.search.name,
                trial.number,
                trial.user_attrs["point"],
                _STATES[trial.state],
                self.folder / "trials" / f"{self.search.name}-{trial.number:04d}",
            )
            for trial in self._optuna.get_trials(deepcopy=False)
        ]

    @property
    def is_complete(self) -> bool:
        """Whether all trials of the search exist and have ended."""
        trials = self.trials()
        return len(trials) >= self.search.size and all(trial.has_ended for trial in trials)

    def propose(self) -> list[Trial]:
        """Adds the next batch of trials if all earlier ones have ended; returns all trials."""
        with self._locked():
            trials = self.trials()
            proposed = self._optuna.user_attrs.get("points", [])
            if len(trials) == len(proposed) and all(trial.has_ended for trial in trials):
                proposed = [*proposed, *map(dict, next_points(self.study, self.search, past_points(trials)))]
                # Stored in one transaction before the first trial is added: half a batch, which a kill could leave,
                # would change the next draws.
                self._optuna.set_user_attr("points", proposed)
            for point in proposed[len(trials) :]:
                self._optuna.enqueue_trial(as_params(point), user_attrs={"point": point})
            return self.trials()

    def claim(self) -> Claim | None:
        """A trial that no other process works on, or None; trials that a process left unfinished come first."""
        with self._locked():
            trials = self.trials()
            for trial in trials:
                if trial.state == "running" and (lock := _try_lock(trial.folder)):
                    return Claim(trial, lock)
            if any(trial.state == "waiting" for trial in trials):
                trial = trials[self._optuna.ask(space_of(self.search)).number]
                lock = _try_lock(trial.folder)
                return Claim(trial, lock) if lock else None
        return None

    def close(self, claim: Claim, outcome: Outcome) -> None:
        """Records how a trial ended and releases it.

        Raises:
            StorageError: `outcome.json` cannot be written.
        """
        claim.trial.save_outcome(outcome)
        value = outcome.value if outcome.state == "finished" else None
        with self._locked():
            self._optuna.tell(claim.trial.number, value, _OPTUNA_STATES[outcome.state])
        claim.release()

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Keeps other processes from changing the trials meanwhile."""
        with FileLock(self.folder / ".ledger.lock"):
            yield


def past_points(trials: Sequence[Trial]) -> list[PastPoint]:
    """The points of trials that have ended, with their results, for the search to learn from.

    Raises:
        ModelError: an `outcome.json` is damaged.
    """
    outcomes = [trial.outcome() for trial in trials]
    return [
        PastPoint(trial.point, outcome.value if outcome else None)
        for trial, outcome in zip(trials, outcomes, strict=True)
    ]


def hide_password(address: str) -> str:
    """A database's address as it may be printed.

    >>> hide_password("postgresql+psycopg://me:secret@host:5432/db")
    'postgresql+psycopg://me:***@host:5432/db'
    """
    try:
        return make_url(address).render_as_string(hide_password=True)
    except (ArgumentError, ValueError):
        return "(no address of a database)"


def _try_lock(folder: Path) -> FileLock | None:
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return None
    return lock
