"""The interface of what trains trials: processes of this machine, or a cluster."""

from __future__ import annotations

from typing import Protocol

from twinface.studies.trials.train_trial import TrialJob
from twinface.studies.trials.trial import Outcome


class Runner(Protocol):
    """Trains several trials at a time."""

    def free(self) -> int:
        """How many more trials can begin now."""

    def start(self, job: TrialJob) -> None:
        """Begins a trial, or continues it from its last saved state."""

    def wait(self, seconds: float) -> list[tuple[str, Outcome]]:
        """Waits for trials to end.

        Args:
            seconds: the longest time to wait; it returns earlier when a trial ends.

        Returns:
            Names and outcomes of the trials that ended. A trial whose process crashes several times has "failed".
        """

    def stop(self) -> None:
        """Asks everything that runs to save its state and end, and waits for that."""
