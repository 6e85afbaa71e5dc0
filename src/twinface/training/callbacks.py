"""Functions that training calls while it runs."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

from twinface.training.epoch_metrics import EpochMetrics
from twinface.training.plan import TrainingPosition

# A context manager by the name of a part of the work, entered around that part; see `profiling`.
Phase = Callable[[str], AbstractContextManager[None]]


@dataclass(frozen=True)
class Step:
    """A step that has just been made.

    Attributes:
        position: after it.
        steps: in an epoch.
        loss: of its batch.
        images: pictures in its batch.
    """

    position: TrainingPosition
    steps: int
    loss: float
    images: int


def no_phase(name: str) -> AbstractContextManager[None]:
    """A phase that does nothing."""
    return nullcontext()


@dataclass
class Callbacks:
    """Functions to be called during training; each may be replaced.

    Attributes:
        on_step: after each step.
        on_epoch: after each epoch.
        phase: entered around each part of the work.
    """

    on_step: Callable[[Step], None] = field(default=lambda step: None)
    on_epoch: Callable[[EpochMetrics], None] = field(default=lambda metrics: None)
    phase: Phase = field(default=no_phase)
