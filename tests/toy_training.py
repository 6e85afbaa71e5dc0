"""A training so small that its arithmetic can be written out beside it: nine pictures of three people, 8x8 pixels."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from twinface.core.settings_sections import AugmentSettings, TrainerSettings, ValidationSettings
from twinface.networks.backbones import Residual
from twinface.networks.siamese import SiameseNetwork
from twinface.training.averaging import WeightAverage
from twinface.training.epoch_metrics import Metric, ValidationMetrics
from twinface.training.losses import LOSSES
from twinface.training.machine import Machine
from twinface.training.optimizers import OPTIMIZERS
from twinface.training.plan import TrainingPlan
from twinface.training.sampling import Batch
from twinface.training.schedules import SCHEDULES
from twinface.training.training_state import TrainingState

PEOPLE, PICTURES, SIZE, SEED = 3, 9, 8, 11
FACES = np.random.default_rng(0).integers(0, 256, (PICTURES, SIZE, SIZE, 1), np.uint8)
NONE = np.zeros(0, np.int64)


def batches(seed: int, epoch: int) -> list[Batch]:
    """Three batches of six of the nine pictures, each with three pairs; others in every epoch."""
    random = np.random.default_rng([seed, epoch])
    found = []
    for _ in range(3):
        images = random.permutation(PICTURES)[:6]
        people, left, right = images % PEOPLE, np.arange(3), np.arange(3, 6)
        found.append(Batch(images, people, left, right, people[left] == people[right]))
    return found


@dataclass
class Validation:
    """Gives the accuracies of a list, one after the other, and keeps the weights that it was given."""

    accuracies: list[float] = field(default_factory=lambda: [0.5] * 100)
    one_shot: list[float] | None = None
    weights: list[dict[str, torch.Tensor]] = field(default_factory=list)
    training: list[bool] = field(default_factory=list)

    def __call__(self, network: SiameseNetwork) -> ValidationMetrics:
        number = len(self.weights)
        accuracy, one_shot = self.accuracies[number], self.one_shot[number] if self.one_shot else None
        self.weights.append({name: value.clone() for name, value in network.state_dict().items()})
        self.training.append(network.training)
        return ValidationMetrics(accuracy, auc=0.7, validation_loss=1 - accuracy, one_shot=one_shot)


def toy_network(dropout: float = 0.3, distance: str = "cosine") -> SiameseNetwork:
    torch.manual_seed(1)
    backbone = Residual((1, SIZE, SIZE), channels=(2,), embedding=4, dropout=dropout)
    return SiameseNetwork(backbone, distance)


def toy_state(
    optimizer: str = "sgd",
    loss: str = "cosface",
    averaging: float = 0.0,
    dropout: float = 0.3,
    distance: str = "cosine",
    **rates: Any,
) -> TrainingState:
    network = toy_network(dropout, distance)
    torch.manual_seed(2)
    # A small scale: gradients of about 1, so that rounding stays far below what the tests allow.
    criterion = LOSSES[loss](4, PEOPLE, **({"scale": 4.0} if loss == "cosface" else {}))
    named = [
        *network.named_parameters(),
        *((f"loss.{n}", value) for n, value in criterion.named_parameters()),
    ]
    average = WeightAverage(network, averaging) if averaging else None
    return TrainingState(network, network.features, criterion, OPTIMIZERS[optimizer](named, **rates), average)


def toy_plan(
    epochs: int = 2,
    schedule: str = "cosine",
    seed: int = SEED,
    validate: Validation | None = None,
    augment: AugmentSettings | None = None,
    every: int = 1,
    patience: int | None = None,
    metric: Metric = "accuracy",
    **trainer: Any,
) -> TrainingPlan:
    return TrainingPlan(
        faces=FACES,
        sampler=batches,
        augment=augment or AugmentSettings(),
        schedule=SCHEDULES[schedule](epochs),
        validate=validate or Validation(),
        trainer=TrainerSettings(epochs=epochs, **trainer),
        validation=ValidationSettings(every=every, patience=patience, metric=metric),
        machine=Machine("cpu", 1, "float32"),
        seed=seed,
    )
