"""The training loop, in one piece that can be read from top to bottom.

It can be killed at any moment and goes on to the same bits, for three reasons. All that is random is a function of
(seed, epoch, step). The loop owns its position and writes it together with the weights, in one file, as a whole. The
metrics that it appends are cut back to that position when it resumes.
"""

from __future__ import annotations

import copy
import time
from dataclasses import asdict, replace
from typing import Any, Protocol

from twinface.core.errors import ModelError
from twinface.core.formatting import count
from twinface.core.interruption import Interrupted, StopRequest
from twinface.core.settings_sections import ValidationSettings
from twinface.networks.siamese import SiameseNetwork
from twinface.training.callbacks import Callbacks, Step
from twinface.training.epoch_metrics import METRICS, EpochMetrics, ValidationMetrics
from twinface.training.optimizers import l2_penalty, set_rates
from twinface.training.plan import TrainingPlan, TrainingPosition
from twinface.training.processes import Processes
from twinface.training.state_file import StateFile, Tensors, checksum
from twinface.training.step import training_step
from twinface.training.training_state import TrainingState


class RunStore(Protocol):
    """Where state, metrics and the best weights are kept; `RunFolder` is one."""

    @property
    def state(self) -> StateFile:
        """Where training stands."""

    def record(self, number: int, metrics: EpochMetrics) -> None:
        """Writes the metrics of an epoch as line `number`, in place of all lines from there on."""

    def keep_best(self, weights: Tensors, about: dict[str, Any]) -> None:
        """Keeps the best weights so far."""


def training_loop(
    state: TrainingState, plan: TrainingPlan, store: RunStore, stop: StopRequest, callbacks: Callbacks
) -> TrainingPosition:
    """Trains until the last epoch or until patience ends, from where the store's state stands.

    Args:
        state: is trained in place.
        plan: data and settings.
        store: where state, metrics and the best weights go.
        stop: is looked at after each step.
        callbacks: are called after each step and epoch.

    Returns:
        Where training ended.

    Raises:
        Interrupted: a signal came, to this process or another one of the training; the state is saved.
        DivergedError: a loss is not finite; the last good state stands.
        ProcessError: another process of the training has gone, or computes otherwise; the last good state stands.
    """
    position = resume(state, store)
    check_alike(state, plan, position)
    evaluated = copy.deepcopy(state.network)
    clock, saves = time.monotonic(), _SaveClock(plan.trainer.save_every)

    def with_time(position: TrainingPosition) -> TrainingPosition:
        return replace(position, seconds=position.seconds + time.monotonic() - clock)

    def save() -> None:
        began = time.monotonic()
        with callbacks.phase("saving"):
            store.state.write(state.tensors(), asdict(with_time(position)))
        saves.done(began)

    if plan.trainer.epochs == 0:
        store.keep_best(state.kept_weights(), {"epoch": 0, "value": 0.0})
    while position.epoch < plan.trainer.epochs and not _patience_is_over(position, plan):
        with callbacks.phase("sampling"):
            batches = plan.sampler(plan.seed, position.epoch)
        while position.step < len(batches):
            batch = batches[position.step]
            with callbacks.phase("step"):
                loss = training_step(state, plan, batch, position, len(batches), callbacks.phase)
            position = _after_step(position, len(batch.images), loss)
            callbacks.on_step(Step(position, len(batches), loss, len(batch.images)))
            signal_number = plan.processes.highest(stop.signal_number or 0)
            if signal_number or (saves.due() and position.step < len(batches)):
                save()
                leave_if(signal_number, plan.processes)
        position, clock = with_time(position), time.monotonic()
        metrics, weights = _measure_epoch(state, plan, evaluated, position, len(batches), callbacks)
        if metrics.best:
            store.keep_best(weights, {"epoch": metrics.epoch, "value": metrics.value})
        store.record(position.records, metrics)
        callbacks.on_epoch(metrics)
        position = _after_epoch(position, metrics, plan.validation)
        check_alike(state, plan, position)
        save()
        leave_if(plan.processes.highest(stop.signal_number or 0), plan.processes)
    return with_time(position)


def why_it_ended(position: TrainingPosition, plan: TrainingPlan) -> str:
    """Why training ended where it did, in words; "" for a network that is not trained by steps."""
    if plan.trainer.epochs == 0:
        return ""
    if _patience_is_over(position, plan) and position.epoch < plan.trainer.epochs:
        return (
            f"stopped after epoch {position.epoch}: no gain in {METRICS[plan.validation.metric]} for "
            f"{count(position.waiting, 'epoch')}"
        )
    return f"trained for all {count(position.epoch, 'epoch')}"


def resume(state: TrainingState, store: RunStore) -> TrainingPosition:
    """Loads the newest state, if there is one, and returns where training stands.

    Raises:
        ModelError: it is damaged, or of another version's network.
    """
    found = store.state.read()
    if found is None:
        return TrainingPosition()
    tensors, about = found
    try:
        state.load(tensors)
    except ModelError as error:
        raise ModelError(f"{store.state.path}: {error}") from error
    return TrainingPosition(**about)


def leave_if(signal_number: int, processes: Processes) -> None:
    """Raises `Interrupted`, once the first process has saved, if a signal was sent to any process (0 is none).

    The number must be one that all processes have agreed on. A signal may reach one of them at any moment, and all have
    to leave at the same place.
    """
    if signal_number:
        processes.wait()
        raise Interrupted(signal_number)


def check_alike(state: TrainingState, plan: TrainingPlan, position: TrainingPosition) -> None:
    """Checks that all processes have the same weights and the same position.

    Raises:
        ProcessError: they have not.
    """
    if not plan.processes.alone:
        place = {"epoch": position.epoch, "step": position.step}
        plan.processes.check_alike("the state of training", checksum(state.tensors(), place))


def _after_step(position: TrainingPosition, images: int, loss: float) -> TrainingPosition:
    return replace(
        position,
        step=position.step + 1,
        steps=position.steps + 1,
        images=position.images + images,
        loss_sum=position.loss_sum + loss,
    )


def _measure_epoch(
    state: TrainingState,
    plan: TrainingPlan,
    evaluated: SiameseNetwork,
    position: TrainingPosition,
    steps: int,
    callbacks: Callbacks,
) -> tuple[EpochMetrics, Tensors]:
    """The figures of the epoch that has just ended, with validation where it is due, and the weights validated."""
    # The rate of the last step. The optimiser may have been built anew since then, and does not remember it.
    set_rates(state.optimizer, plan.schedule, position.epoch + (steps - 1) / steps)
    metrics = EpochMetrics(
        epoch=position.epoch + 1,
        loss=position.loss_sum / steps,
        learning_rate=state.optimizer.param_groups[0]["lr"],
        seconds=round(position.seconds, 3),
    )
    last = metrics.epoch == plan.trainer.epochs
    if not last and metrics.epoch % plan.validation.every:
        return metrics, {}
    weights = state.kept_weights()
    evaluated.load_state_dict(weights)
    with callbacks.phase("validation"):
        found = plan.validate(evaluated.eval())
        measured = ValidationMetrics(**plan.processes.agree(asdict(found)))
    value = measured.chosen_by(plan.validation.metric, l2_penalty(state.optimizer))
    best = _is_better(value, position) or plan.validation.keep == "last"
    return replace(metrics, validation=measured, value=value, best=best), weights


def _is_better(value: float, position: TrainingPosition) -> bool:
    return position.best_value is None or value > position.best_value


def _after_epoch(
    position: TrainingPosition, metrics: EpochMetrics, validation: ValidationSettings
) -> TrainingPosition:
    """The first step of the next epoch."""
    if metrics.best:
        position = replace(position, best_epoch=position.epoch)
    if metrics.value is not None:
        if _is_better(metrics.value, position):
            position = replace(position, best_value=metrics.value, waiting=0)
        else:
            position = replace(position, waiting=position.waiting + validation.every)
    return replace(position, epoch=position.epoch + 1, step=0, loss_sum=0.0, records=position.records + 1)


def _patience_is_over(position: TrainingPosition, plan: TrainingPlan) -> bool:
    patience = plan.validation.patience
    return patience is not None and position.waiting >= patience


class _SaveClock:
    """Says when to save within an epoch: every `interval` seconds, but never more than a twentieth of the time."""

    def __init__(self, interval: float) -> None:
        self.interval, self.last, self.cost = interval, time.monotonic(), 0.0

    def due(self) -> bool:
        return time.monotonic() - self.last >= max(self.interval, 20 * self.cost)

    def done(self, began: float) -> None:
        self.last = time.monotonic()
        self.cost = self.last - began
