"""Which points a part of a study has, who works on each, and how they ended.

The points lie in an Optuna study (SQLite in the study's folder, or a PostgreSQL server), so that Optuna's own tools
show them and several processes can share them. What came of a point lies in its folder. A point is worked on by
whoever holds the lock of its folder; a process that is killed lets go of it, and the next one goes on where it stood.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import optuna
from filelock import FileLock, Timeout
from optuna.exceptions import OptunaError
from optuna.trial import TrialState
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from twinface.core.errors import ModelError, SettingsError, StorageError
from twinface.core.storage import write_json
from twinface.studies.points import Ended, as_params, next_points, space_of
from twinface.studies.study import Part, Point, Study

State = Literal["waiting", "running", "finished", "pruned", "failed"]
_STATES: dict[TrialState, State] = {
    TrialState.WAITING: "waiting",
    TrialState.RUNNING: "running",
    TrialState.COMPLETE: "finished",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
}
_OVER: dict[State, TrialState] = {state: trial for trial, state in _STATES.items() if trial.is_finished()}


@dataclass(frozen=True)
class Outcome:
    """How a point ended.

    Attributes:
        state: "finished", "pruned" or "failed".
        value: of the objective, higher for better, the mean over the seeds; None where it failed.
        reason: why it failed, or "".
    """

    state: State
    value: float | None
    reason: str = ""


@dataclass(frozen=True)
class Entry:
    """One point of a part.

    Attributes:
        part, number: its name.
        point: fields and values.
        state: where it stands.
        folder: its runs' folder.
    """

    part: str
    number: int
    point: Point
    state: State
    folder: Path

    @property
    def name(self) -> str:
        """As a study file names it."""
        return f"{self.part}/{self.number:04d}"

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to do."""
        return self.state in _OVER

    def outcome(self) -> Outcome | None:
        """How it ended, or None where it has not.

        Raises:
            ModelError: the file that says it is damaged.
        """
        path = self.folder / "outcome.json"
        try:
            return Outcome(**json.loads(path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError) as error:
            raise ModelError(
                f"{path}: damaged ({error}); remove it, and the point is looked at again"
            ) from error


class Claim:
    """An entry that this process works on, until it says how it ended or lets go."""

    def __init__(self, entry: Entry, lock: FileLock) -> None:
        self.entry, self._lock = entry, lock

    def release(self) -> None:
        """Lets go."""
        self._lock.release()


class Ledger:
    """The points of one part.

    Args:
        study: the study file.
        part: one of its parts.
        place: the study's folder.
        storage: address of a database server; None keeps SQLite in the folder.

    Raises:
        SettingsError: there is a study of that name with other contents.
        StorageError: the database does not answer.
    """

    def __init__(self, study: Study, part: Part, place: Path, storage: str | None = None) -> None:
        self.study, self.part, self.place = study, part, place
        place.mkdir(parents=True, exist_ok=True)
        address = storage or f"sqlite:///{(place / 'optuna.db').resolve()}"
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        contents = hashlib.sha256(study.model_dump_json().encode()).hexdigest()
        with self._alone():
            try:
                self._optuna = optuna.create_study(
                    storage=address,
                    study_name=f"{study.name}/{part.name}",
                    direction="maximize",
                    load_if_exists=True,
                )
            except (SQLAlchemyError, OptunaError, ImportError, ValueError) as error:
                raise StorageError(
                    f"the study's database {hide_password(address)} does not answer: {str(error).splitlines()[0]}"
                ) from error
            known = self._optuna.user_attrs.get("contents")
            if known is None:
                self._optuna.set_user_attr("contents", contents)
            elif known != contents:
                raise SettingsError(
                    f'{hide_password(address)}: holds a study "{study.name}" with other contents; '
                    "choose another --out, or another name in the study file"
                )

    def entries(self) -> list[Entry]:
        """All points so far, in order."""
        return [
            Entry(
                self.part.name,
                trial.number,
                trial.user_attrs["point"],
                _STATES[trial.state],
                self.place / "trials" / f"{self.part.name}-{trial.number:04d}",
            )
            for trial in self._optuna.get_trials(deepcopy=False)
        ]

    def propose(self) -> list[Entry]:
        """Adds the next batch of points if all earlier ones are over; returns all points."""
        with self._alone():
            entries = self.entries()
            proposed = self._optuna.user_attrs.get("points", [])
            if len(entries) == len(proposed) and all(entry.is_over for entry in entries):
                proposed = [*proposed, *map(dict, next_points(self.study, self.part, ended(entries)))]
                # The whole batch in one transaction: half a batch would change what is drawn after it.
                self._optuna.set_user_attr("points", proposed)
            for point in proposed[len(entries) :]:
                self._optuna.enqueue_trial(as_params(point), user_attrs={"point": point})
            return self.entries()

    def claim(self) -> Claim | None:
        """A point to work on that nobody else works on, or None; points that were dropped come first."""
        with self._alone():
            entries = self.entries()
            for entry in entries:
                if entry.state == "running" and (lock := _locked(entry.folder)):
                    return Claim(entry, lock)
            if any(entry.state == "waiting" for entry in entries):
                entry = entries[self._optuna.ask(space_of(self.part)).number]
                lock = _locked(entry.folder)
                return Claim(entry, lock) if lock else None
        return None

    def close(self, claim: Claim, outcome: Outcome) -> None:
        """Says how a point ended and lets go of it."""
        write_json(claim.entry.folder / "outcome.json", vars(outcome))
        state = _OVER[outcome.state]
        values = outcome.value if state == TrialState.COMPLETE else None
        with self._alone():
            self._optuna.tell(claim.entry.number, values, state)
        claim.release()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """No other process changes the ledger meanwhile."""
        with FileLock(self.place / ".ledger.lock"):
            yield


def ended(entries: list[Entry]) -> list[Ended]:
    """How points that are over ended, as the search for further ones needs it."""
    result = []
    for entry in entries:
        outcome = entry.outcome() or Outcome("failed", None)
        result.append(Ended(entry.point, outcome.value, outcome.state == "pruned"))
    return result


def hide_password(address: str) -> str:
    """A database's address as it may be printed.

    >>> hide_password("postgresql+psycopg://me:secret@host:5432/db")
    'postgresql+psycopg://me:***@host:5432/db'
    """
    try:
        return make_url(address).render_as_string(hide_password=True)
    except (ArgumentError, ValueError):
        return "(no address of a database)"


def _locked(folder: Path) -> FileLock | None:
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return None
    return lock
