"""Trains a run from wherever it stands to a model that can be used."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from twinface import __version__
from twinface.core.errors import ModelError, SettingsError, TwinfaceError
from twinface.core.formatting import as_argument
from twinface.core.interruption import Interrupted, StopRequest
from twinface.core.registry import build
from twinface.core.types import ProgressCallback
from twinface.datasets.checked import photo_notes
from twinface.faces.cache import PreparedFaces, prepare_faces
from twinface.faces.preparation import build_preparation
from twinface.training.build import build_training_state
from twinface.training.callbacks import Callbacks
from twinface.training.loop import leave_if, training_loop, why_it_ended
from twinface.training.machine import Machine, choose_machine, describe_machine
from twinface.training.open_run import OpenRun
from twinface.training.plan import TrainingPlan, TrainingPosition
from twinface.training.processes import Processes
from twinface.training.run_folder import RunFolder, now
from twinface.training.run_info import DataInfo, RunCosts
from twinface.training.runtime import denormals_as_zero, keep_memory, make_deterministic
from twinface.training.sampling import SAMPLERS
from twinface.training.schedules import SCHEDULES
from twinface.training.shared_layers import share_layers
from twinface.training.state_file import read_tensors
from twinface.training.teacher import Teacher, open_teacher
from twinface.training.training_sample import draw_sample
from twinface.training.training_state import TrainingState
from twinface.training.validation import Validator
from twinface.training.write_model import write_model

log = logging.getLogger("twinface")


@dataclass(frozen=True, eq=False)
class TrainedEpochs:
    """A run after its last epoch: its state and its best weights are on disk, and its model is still to be written.

    Attributes:
        position: where training ended.
        state: network, loss and optimizer as they are now; the best weights can be older.
        faces, validation: the prepared pictures of training people and validation people.
        validator: what validation measures with.
        preparing: seconds from the opened run to the first step.
    """

    position: TrainingPosition
    state: TrainingState
    faces: PreparedFaces
    validation: PreparedFaces
    validator: Validator
    preparing: float


def continue_run(
    run: OpenRun,
    stop: StopRequest | None = None,
    callbacks: Callbacks | None = None,
    on_prepare: ProgressCallback | None = None,
    processes: Processes | None = None,
) -> TrainingPosition:
    """Trains a run to its end, from wherever it stands, and writes its model.

    Args:
        run: its folder is a `FollowedRun` in all processes but the first.
        stop: a request to stop, see `interruption`; None never stops.
        callbacks: are called after each step and epoch.
        on_prepare: called with (pictures done, in total) while pictures are prepared.
        processes: among which each batch is shared; None is one process alone.

    Raises:
        TwinfaceError: something is wrong with settings, data, disk or numbers. The run is marked as failed, and can be
            continued.
        Interrupted: a signal came; the state is saved.
    """
    processes, stop = processes or Processes(), stop or StopRequest()
    if run.info.status == "finished" and not run.folder.state.exists():
        log.info("%s is finished; to train on from it, start a run with --start-from", run.folder.path)
        return TrainingPosition(epoch=run.info.epochs or 0, best_epoch=(run.info.best_epoch or 0) - 1)
    trained = train_epochs(run, stop, callbacks, on_prepare, processes)
    position = trained.position
    with _status_on_error(run.folder, processes, stop):
        if processes.first:
            stop.doing = "while the model was written"
            _write_best(run, trained, stop)
        run.folder.note(
            status="finished", finished=now(), epochs=position.epoch, best_epoch=position.best_epoch + 1
        )
        if not run.settings.trainer.keep_state:
            run.folder.forget_state()
    return position


@denormals_as_zero()
def train_epochs(
    run: OpenRun,
    stop: StopRequest | None = None,
    callbacks: Callbacks | None = None,
    on_prepare: ProgressCallback | None = None,
    processes: Processes | None = None,
) -> TrainedEpochs:
    """Trains a run to its last epoch, from wherever it stands, and writes no model.

    `continue_run` does this first, and then writes the model. The run's status stays "training".

    Args, Raises: see `continue_run`.
    """
    processes, stop = processes or Processes(), stop or StopRequest()
    with _status_on_error(run.folder, processes, stop):
        run.folder.note(status="training", twinface=__version__, reason=None)
        return _train(run, stop, callbacks or Callbacks(), on_prepare, processes)


@contextmanager
def _status_on_error(folder: RunFolder, processes: Processes, stop: StopRequest) -> Iterator[None]:
    """Records that a run was stopped or has failed, and logs how to continue it or why it failed."""

    def note_stopped() -> None:
        with suppress(TwinfaceError):
            folder.note_stopped()
        log.info("stopped; continue with: %s train --resume %s", processes.command, as_argument(folder.path))

    stop.before_leaving = note_stopped
    try:
        yield
    except Interrupted:
        note_stopped()
        raise
    except TwinfaceError as error:
        folder.note(status="failed", reason=str(error))
        log.error("failed: %s", error)
        raise
    finally:
        stop.before_leaving = None


def _train(
    run: OpenRun,
    stop: StopRequest,
    callbacks: Callbacks,
    on_prepare: ProgressCallback | None,
    processes: Processes,
) -> TrainedEpochs:
    began = time.monotonic()
    make_deterministic()
    settings, split = run.settings, run.split
    if settings.trainer.epochs:
        keep_memory()
    trainer = settings.trainer
    if trainer.sides == "apart" and not processes.alone:
        raise SettingsError('trainer.sides = "apart" is for one process; start it without torchrun')
    machine = choose_machine(trainer.device, trainer.precision, trainer.threads, processes)
    _note_machine(run, machine)
    preparation = build_preparation(settings.imaging, run.dataset.region, run.dataset.frame)
    stop.doing = "while pictures were prepared"
    with callbacks.phase("preparing"), processes.first_before_others():
        faces = prepare_faces(split.source.faces, preparation, progress=on_prepare)
        validation = prepare_faces(split.validation.faces, preparation, progress=on_prepare)
    _note_data(run, faces, validation)
    leave_if(processes.highest(stop.signal_number or 0), processes)
    validator = Validator(
        validation.images,
        split.validation,
        settings.validation,
        machine,
        run.info.seed,
        scores_are_logits=settings.loss.name == "bce",
        processes=processes,
    )
    if settings.trainer.epochs:
        seed = settings.data.split_seed
        validator.training = draw_sample(
            split.source, faces.images, split.validation, settings.validation, seed
        )
    teacher = None
    if settings.distillation.teacher:
        stop.doing = "while the teacher was fitted"
        with callbacks.phase("teacher"), processes.first_before_others():
            teacher = open_teacher(run)
    plan = _plan(run, faces, validator, machine, processes, teacher)
    state = _initial_state(run, plan)
    log.info("training on %d pictures of %s; %s", len(faces), split.trained_on, machine)
    if settings.data.split != "people":
        log.warning(
            'data.split = "%s": people of the validation pairs are in training too, so that validation figures are '
            "too good, and so is all that is chosen by them",
            settings.data.split,
        )
    stop.doing = "in the middle of a step"
    prepared = time.monotonic() - began
    position = training_loop(state, plan, run.folder, stop, callbacks)
    if ended := why_it_ended(position, plan):
        log.info("%s; the weights of epoch %d become the model", ended, position.best_epoch + 1)
    run.folder.note(ended=ended or None)
    return TrainedEpochs(position, state, faces, validation, validator, prepared)


@denormals_as_zero()
def _write_best(run: OpenRun, trained: TrainedEpochs, stop: StopRequest) -> None:
    """Writes the model of the best epoch, and what the run cost.

    Raises:
        Interrupted: a signal came; the training state is saved, and a resumed run writes the model.
    """
    began = time.monotonic()
    position, state = trained.position, trained.state
    weights, _ = read_tensors(run.folder.best)
    run.network.load_state_dict(weights)
    write_model(run, trained.faces, trained.validation, trained.validator, stop)
    run.folder.state.forget_previous()
    run.folder.note(
        costs=RunCosts(
            preparing=round(trained.preparing, 2),
            training=round(position.seconds, 2),
            writing=round(time.monotonic() - began, 2),
            images_per_second=round(position.images / max(position.seconds, 1e-9), 1),
            network_parameters=sum(each.numel() for each in state.network.parameters()),
            loss_parameters=sum(each.numel() for each in state.loss.parameters()),
            numbers=sum(each.numel() for each in run.network.state_dict().values()),
        )
    )


def _plan(
    run: OpenRun,
    faces: PreparedFaces,
    validator: Validator,
    machine: Machine,
    processes: Processes,
    teacher: Teacher | None,
) -> TrainingPlan:
    settings = run.settings
    return TrainingPlan(
        faces=faces.images,
        sampler=build("sampling", SAMPLERS, settings.sampling, run.split.source),
        augment=settings.augment,
        schedule=build("schedule", SCHEDULES, settings.schedule, settings.trainer.epochs),
        validate=validator,
        trainer=settings.trainer,
        validation=settings.validation,
        machine=machine,
        seed=run.info.seed,
        processes=processes,
        teacher=teacher,
    )


def _initial_state(run: OpenRun, plan: TrainingPlan) -> TrainingState:
    """The state before the first step; the loop loads a state from disk over it, if there is one."""
    faces = None if run.folder.state.exists() else plan.faces
    state = build_training_state(run.settings, plan.sampler.people, plan.machine, plan.seed, faces)
    if run.start:
        weights = run.start[0].state_dict()
        # Projection and score normalisation belong to the weights as they were.
        own = {name: weights[name] for name in state.network.state_dict() if name in weights}
        state.network.load_state_dict(own)
        if state.average is not None:
            state.average.begin(state.network)
    share_layers(state.network, plan.processes)
    return state


def _note_machine(run: OpenRun, machine: Machine) -> None:
    """Records the machine. Says so if a resumed run is on another one, since its bits may then differ."""
    here, before = describe_machine(machine), run.info.machine
    if before and before != here:
        changed = ", ".join(name for name, value in vars(here).items() if value != getattr(before, name))
        log.warning("resumed on another set-up (%s differ): the result may differ in its last bits", changed)
    run.folder.note(machine=here)


def _note_data(run: OpenRun, faces: PreparedFaces, validation: PreparedFaces) -> None:
    """Records the data. Refuses to continue a run on other pictures.

    Raises:
        ModelError: the pictures differ from those that the run began with.
    """
    data = DataInfo(
        title=run.dataset.title,
        claims=run.dataset.claims,
        trained_on=run.split.trained_on,
        tuned_on=run.split.tuned_on,
        pictures={"training": len(faces), "validation": len(validation)},
        sha256={"training": faces.content, "validation": validation.content},
    )
    if run.info.data and run.info.data.sha256 != data.sha256:
        raise ModelError(
            f"{run.folder.path}: the pictures are not those that this run began with (SHA-256 differ); "
            "bring them back, or start a new run"
        )
    run.folder.note(data=data)
    run.folder.keep_notes(photo_notes(run.dataset))
