"""What trains points: processes of this machine, or a cluster."""

from __future__ import annotations

from typing import Protocol

from twinface.studies.trial import Job
from twinface.studies.trial_store import Outcome


class Runner(Protocol):
    """Somewhere to train points."""

    def free(self) -> int:
        """How many more points could begin now."""

    def start(self, job: Job) -> None:
        """Begins a point, or goes on with it."""

    def wait(self, seconds: float) -> list[tuple[str, Outcome]]:
        """The points that ended, by name; returns early when there are some.

        A point whose process ends again and again without a word has "failed".
        """

    def stop(self) -> None:
        """Asks everything that runs to save and leave, and waits for it."""
