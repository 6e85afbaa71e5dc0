"""The inputs of training, which stay the same, and its position, which moves on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from twinface.core.settings_sections import AugmentSettings, TrainerSettings, ValidationSettings
from twinface.core.types import ByteArray
from twinface.networks.siamese import SiameseNetwork
from twinface.training.epoch_metrics import ValidationMetrics
from twinface.training.machine import Machine
from twinface.training.processes import Processes
from twinface.training.sampling import Sampler
from twinface.training.schedules import Schedule
from twinface.training.teacher import Teacher


@dataclass(frozen=True)
class TrainingPosition:
    """Where training stands: all that a resumed run needs beside the weights.

    Attributes:
        epoch, step: the next batch to train on.
        steps, images: batches and pictures trained on so far.
        loss_sum: of this epoch's batches so far.
        best_epoch: whose weights are kept.
        best_value: of the validation so far; higher is better, or None.
        waiting: epochs since then, as patience counts them.
        records: lines of `metrics.jsonl` that belong to the epochs before this one.
        seconds: spent in training, over all its parts.
    """

    epoch: int = 0
    step: int = 0
    steps: int = 0
    images: int = 0
    loss_sum: float = 0.0
    best_epoch: int = -1
    best_value: float | None = None
    waiting: int = 0
    records: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, eq=False)
class TrainingPlan:
    """The data and settings of training.

    Attributes:
        faces: `[N, H, W, C]` uint8, the training pictures.
        sampler: (seed, epoch) → the batches of that epoch.
        augment: distortions.
        schedule: learning rate over epochs.
        validate: network in evaluation mode → its figures on the validation people.
        trainer, validation: their settings.
        machine: where it runs.
        seed: of everything random.
        processes: among which each batch is shared.
        teacher: whose embeddings the network learns to copy, or None.
    """

    faces: ByteArray
    sampler: Sampler
    augment: AugmentSettings
    schedule: Schedule
    validate: Callable[[SiameseNetwork], ValidationMetrics]
    trainer: TrainerSettings
    validation: ValidationSettings
    machine: Machine
    seed: int
    processes: Processes = field(default_factory=Processes)
    teacher: Teacher | None = None
