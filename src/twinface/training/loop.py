"""The training loop, in one piece that can be read from top to bottom.

It can be killed at any moment and goes on to the same bits. Three things make that so: all that is random is a
function of (seed, epoch, step); the loop owns its position and writes it with the weights, in one file, as a
whole; and what it appends to the metrics is cut back to that position when it resumes.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from twinface.core.errors import DivergedError, ModelError
from twinface.core.interruption import Interrupted, StopRequest
from twinface.core.seeding import random_at
from twinface.core.settings import AugmentSettings, TrainerSettings, ValidationSettings
from twinface.core.types import ByteArray
from twinface.networks.seeding import seed_torch
from twinface.networks.siamese import SiameseNetwork
from twinface.training.augmentation import augment
from twinface.training.losses import labels_of
from twinface.training.optimizers import set_rates
from twinface.training.processes import Processes
from twinface.training.runtime import Machine
from twinface.training.sampling import Batch, Sampler
from twinface.training.schedules import Schedule
from twinface.training.state_file import StateFile, Tensors, checksum
from twinface.training.training_state import TrainingState


@dataclass(frozen=True)
class TrainingPosition:
    """Where training stands; everything but the weights that a resumed run needs.

    Attributes:
        epoch, step: the next batch to train on.
        steps, images: batches and pictures trained on so far.
        loss_sum: of this epoch's batches so far.
        best_epoch, best_value: of the validation so far (`best_value` is higher for better, or None).
        waiting: validations since then.
        records: lines of metrics that belong to the epochs before this one.
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
class Plan:
    """What is trained on, and how; nothing here changes.

    Attributes:
        faces: `[N, H, W, C]` uint8, the training pictures.
        sampler: batches of an epoch.
        augment: distortions.
        schedule: learning rate over epochs.
        validate: network → measurements; `"value"` among them is higher for better.
        trainer, validation: their settings.
        machine: where it runs.
        seed: of everything random.
        processes: who shares each batch.
    """

    faces: ByteArray
    sampler: Sampler
    augment: AugmentSettings
    schedule: Schedule
    validate: Callable[[SiameseNetwork], dict[str, float]]
    trainer: TrainerSettings
    validation: ValidationSettings
    machine: Machine
    seed: int
    processes: Processes = field(default_factory=Processes)


class RunStore(Protocol):
    """Where a run's results go; `runs.RunFolder` is one."""

    @property
    def state(self) -> StateFile:
        """Where training stands."""

    def record(self, number: int, values: dict[str, Any]) -> None:
        """Writes the metrics of an epoch as line `number`, in place of whatever came after."""

    def keep_best(self, weights: Tensors, about: dict[str, Any]) -> None:
        """Keeps the best weights so far."""


# Entered around each part of the work, by its name; see `profiling`.
Phase = Callable[[str], AbstractContextManager[None]]


def unwatched(name: str) -> AbstractContextManager[None]:
    """Nobody asks how long this part takes."""
    return nullcontext()


@dataclass
class Callbacks:
    """What is told while training runs; every member may be replaced."""

    on_step: Callable[[TrainingPosition, int, float, int], None] = field(
        default=lambda progress, steps, loss, images: None
    )
    on_epoch: Callable[[dict[str, Any]], None] = field(default=lambda record: None)
    phase: Phase = field(default=unwatched)


def train(
    learner: TrainingState, plan: Plan, keeper: RunStore, stop: StopRequest, watcher: Callbacks
) -> TrainingPosition:
    """Trains until the last epoch or until patience ends, resuming where the keeper's state stands.

    Args:
        learner: is trained in place.
        plan: data and settings.
        keeper: where state, metrics and the best weights go.
        stop: is looked at after each step.
        watcher: is told of steps and epochs.

    Returns:
        Where training ended.

    Raises:
        Interrupted: a signal came, to this process or another one of the training; the state is saved.
        DivergedError: a loss is not finite; the last good state stands.
        ProcessError: another process of the training has gone, or computes otherwise; the last good state stands.
    """
    progress = resume(learner, keeper)
    check_alike(learner, plan, progress)
    evaluator = copy.deepcopy(learner.network)
    clock, saves = time.monotonic(), _SaveClock(plan.trainer.save_every)

    def save() -> None:
        began = time.monotonic()
        with watcher.phase("saving"):
            keeper.state.write(learner.tensors(), asdict(spent(progress)))
        saves.done(began)

    def spent(progress: TrainingPosition) -> TrainingPosition:
        return replace(progress, seconds=progress.seconds + time.monotonic() - clock)

    if plan.trainer.epochs == 0:
        keeper.keep_best(learner.kept_weights(), {"epoch": 0, "value": 0.0})
    while progress.epoch < plan.trainer.epochs and not _patience_is_over(progress, plan):
        with watcher.phase("sampling"):
            batches = plan.sampler(plan.seed, progress.epoch)
        while progress.step < len(batches):
            batch = batches[progress.step]
            with watcher.phase("step"):
                loss = training_step(learner, plan, batch, progress, len(batches), watcher.phase)
            progress = replace(
                progress,
                step=progress.step + 1,
                steps=progress.steps + 1,
                images=progress.images + len(batch.images),
                loss_sum=progress.loss_sum + loss,
            )
            watcher.on_step(progress, len(batches), loss, len(batch.images))
            asked = plan.processes.highest(stop.signal_number or 0)
            if asked or (saves.due() and progress.step < len(batches)):
                save()
                leave_if(asked, plan.processes)
        progress = spent(progress)
        clock = time.monotonic()
        progress = end_epoch(learner, plan, keeper, watcher, evaluator, progress, len(batches))
        check_alike(learner, plan, progress)
        save()
        leave_if(plan.processes.highest(stop.signal_number or 0), plan.processes)
    return spent(progress)


def leave_if(asked: int, processes: Processes) -> None:
    """Raises `Interrupted` once the first process has saved, if a signal was sent to any of them (0 is none).

    It is what all have agreed on, and not `StopRequest` itself: a signal may come to one of them at any moment, and
    all have to leave at the same place.
    """
    if asked:
        processes.wait()
        raise Interrupted(asked)


def check_alike(learner: TrainingState, plan: Plan, progress: TrainingPosition) -> None:
    """Makes sure that all processes have the same weights and stand at the same place.

    Raises:
        ProcessError: they do not.
    """
    if not plan.processes.alone:
        place = {"epoch": progress.epoch, "step": progress.step}
        plan.processes.check_alike("the state of training", checksum(learner.tensors(), place))


def resume(learner: TrainingState, keeper: RunStore) -> TrainingPosition:
    """Loads the newest state, if there is one, and says where training stands.

    Raises:
        ModelError: it is damaged, or of another version's network.
    """
    found = keeper.state.read()
    if found is None:
        return TrainingPosition()
    tensors, about = found
    try:
        learner.load(tensors)
    except ModelError as error:
        raise ModelError(f"{keeper.state.path}: {error}") from error
    return TrainingPosition(**about)


def training_step(
    learner: TrainingState,
    plan: Plan,
    batch: Batch,
    progress: TrainingPosition,
    steps: int,
    phase: Phase = unwatched,
) -> float:
    """Forward, backward, update on one batch; returns its loss."""
    learner.network.train()
    seed_torch(plan.seed, "dropout", progress.epoch, progress.step)
    random = random_at(plan.seed, "augment", progress.epoch, progress.step)
    device, share = plan.machine.device, plan.processes.take(len(batch.images))
    with phase("batch"):
        rows = batch.images[share.rows]
        faces = torch.from_numpy(np.ascontiguousarray(plan.faces[rows].transpose(0, 3, 1, 2)))
        look_alike = None if batch.look_alike is None else batch.look_alike[share.rows]
        labels = labels_of(batch.people, batch.left, batch.right, batch.is_match, device)
    with phase("augmentation"):
        images = augment(faces.to(device).float(), plan.augment, random, look_alike, share)
    with phase("forward"):
        with plan.machine.autocast():
            embeddings = learner.features(images.contiguous(memory_format=plan.machine.memory_format))
        # Of all rows, in every process: a loss may compare any picture of the batch with any other.
        loss: Tensor = learner.loss(learner.network, plan.processes.gather(embeddings), labels)
        value = float(loss.detach())
    if not math.isfinite(value):
        raise DivergedError(
            f"the loss is {value} in epoch {progress.epoch + 1}, step {progress.step + 1}: the last good state is "
            "kept; a smaller learning rate or trainer.gradient_clip may help"
        )
    with phase("backward"):
        learner.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        used_on_all = [*learner.network.distance.parameters(), *learner.loss.parameters()]
        plan.processes.add_gradients(learner.network.backbone.parameters(), used_on_all)
    with phase("optimiser"):
        if plan.trainer.gradient_clip:
            parameters = [*learner.network.parameters(), *learner.loss.parameters()]
            torch.nn.utils.clip_grad_norm_(parameters, plan.trainer.gradient_clip)
        set_rates(learner.optimizer, plan.schedule, progress.epoch + progress.step / steps)
        learner.optimizer.step()
        if learner.average:
            learner.average.update(learner.network, progress.steps)
    return value


def end_epoch(
    learner: TrainingState,
    plan: Plan,
    keeper: RunStore,
    watcher: Callbacks,
    evaluator: SiameseNetwork,
    progress: TrainingPosition,
    steps: int,
) -> TrainingPosition:
    """Validates, keeps the weights if they are the best so far, writes the epoch's metrics, moves on."""
    # Of the last step, and not what the optimiser remembers: it may have been built anew since then.
    set_rates(learner.optimizer, plan.schedule, progress.epoch + (steps - 1) / steps)
    record: dict[str, Any] = {
        "epoch": progress.epoch + 1,
        "loss": progress.loss_sum / steps,
        "learning_rate": learner.optimizer.param_groups[0]["lr"],
        "seconds": round(progress.seconds, 3),
    }
    last = progress.epoch + 1 == plan.trainer.epochs
    if last or (progress.epoch + 1) % plan.validation.every == 0:
        weights = learner.kept_weights()
        evaluator.load_state_dict(weights)
        with watcher.phase("validation"):
            record |= plan.processes.agree(plan.validate(evaluator.eval()))
        better = progress.best_value is None or record["value"] > progress.best_value
        record["best"] = better
        if better:
            keeper.keep_best(weights, {"epoch": progress.epoch + 1, "value": record["value"]})
            progress = replace(progress, best_epoch=progress.epoch, best_value=record["value"], waiting=0)
        else:
            progress = replace(progress, waiting=progress.waiting + plan.validation.every)
    keeper.record(progress.records, record)
    watcher.on_epoch(record)
    return replace(progress, epoch=progress.epoch + 1, step=0, loss_sum=0.0, records=progress.records + 1)


def _patience_is_over(progress: TrainingPosition, plan: Plan) -> bool:
    patience = plan.validation.patience
    return patience is not None and progress.waiting >= patience


class _SaveClock:
    """When to save within an epoch: every `interval` seconds, but never more than a twentieth of the time."""

    def __init__(self, interval: float) -> None:
        self.interval, self.last, self.cost = interval, time.monotonic(), 0.0

    def due(self) -> bool:
        return time.monotonic() - self.last >= max(self.interval, 20 * self.cost)

    def done(self, began: float) -> None:
        self.last = time.monotonic()
        self.cost = self.last - began
