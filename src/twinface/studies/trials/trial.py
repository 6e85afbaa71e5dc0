"""A trial: one point of a search, its state, and the folder with its runs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from twinface.core.errors import ModelError
from twinface.core.storage import write_json
from twinface.studies.study_file.point import Point
from twinface.training.run_folder import RunFolder

State = Literal["waiting", "running", "finished", "pruned", "failed"]
_ENDED = ("finished", "pruned", "failed")


@dataclass(frozen=True)
class Outcome:
    """How a trial ended.

    Attributes:
        state: "finished", "pruned" (stopped early) or "failed".
        value: of the objective, higher is better, mean over the seeds; None if it failed.
        reason: why it failed, or "".
    """

    state: State
    value: float | None
    reason: str = ""


@dataclass(frozen=True)
class Trial:
    """One point of a search, trained once with each seed.

    Attributes:
        search: name of the search.
        number: of the point in its search, from 0.
        point: fields and values.
        state: "waiting", "running", "finished", "pruned" or "failed".
        folder: holds one run folder for each seed, and `outcome.json` at the end.
    """

    search: str
    number: int
    point: Point
    state: State
    folder: Path

    @property
    def name(self) -> str:
        """The name by which a study file refers to it: SEARCH/0007."""
        return f"{self.search}/{self.number:04d}"

    @property
    def has_ended(self) -> bool:
        """Whether there is nothing left to train."""
        return self.state in _ENDED

    def runs(self, seeds: Sequence[int]) -> list[RunFolder]:
        """The run folders, in the order of the seeds; they exist once training has begun."""
        return [RunFolder(self.folder / f"seed-{seed}") for seed in seeds]

    def outcome(self) -> Outcome | None:
        """How the trial ended, or None if it has not ended.

        Raises:
            ModelError: `outcome.json` is damaged.
        """
        path = self._outcome_file()
        try:
            return Outcome(**json.loads(path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, RecursionError) as error:
            raise ModelError(
                f"{path}: damaged ({error}); restore it, or run the study in a new folder"
            ) from error

    def save_outcome(self, outcome: Outcome) -> None:
        """Writes `outcome.json`.

        Raises:
            StorageError: it cannot be written.
        """
        write_json(self._outcome_file(), asdict(outcome))

    def _outcome_file(self) -> Path:
        return self.folder / "outcome.json"


def best_trial(trials: Sequence[Trial]) -> Trial | None:
    """The finished trial with the highest value, the first of equals; None if no trial has finished.

    Raises:
        ModelError: an `outcome.json` is damaged.
    """
    return max((trial for trial in trials if trial.state == "finished"), key=value_of, default=None)


def value_of(trial: Trial) -> float:
    """The trial's value of the objective, higher is better; minus infinity if it has none.

    Raises:
        ModelError: `outcome.json` is damaged.
    """
    outcome = trial.outcome()
    return outcome.value if outcome and outcome.value is not None else float("-inf")
