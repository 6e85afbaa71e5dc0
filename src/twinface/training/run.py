"""Trains a run from wherever it stands to a model that can be used."""

from __future__ import annotations

import logging
import time

from twinface import __version__
from twinface.core.errors import ModelError, TwinfaceError
from twinface.core.interruption import Interrupted, StopRequest
from twinface.core.registry import build
from twinface.core.types import ProgressCallback
from twinface.faces.cache import PreparedFaces, prepare_faces
from twinface.faces.preparation import build_preparation
from twinface.training.build import build_training_state
from twinface.training.callbacks import Callbacks
from twinface.training.loop import leave_if, training_loop
from twinface.training.machine import Machine, choose_machine, describe_machine
from twinface.training.open_run import OpenRun
from twinface.training.plan import TrainingPlan, TrainingPosition
from twinface.training.processes import Processes
from twinface.training.run_folder import now
from twinface.training.run_info import DataInfo, RunCosts
from twinface.training.runtime import keep_memory, make_deterministic
from twinface.training.sampling import SAMPLERS
from twinface.training.schedules import SCHEDULES
from twinface.training.shared_layers import share_layers
from twinface.training.state_file import read_tensors
from twinface.training.training_state import TrainingState
from twinface.training.validation import Validator
from twinface.training.write_model import write_model

log = logging.getLogger("twinface")


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
    folder, processes = run.folder, processes or Processes()
    try:
        folder.note(status="training", twinface=__version__, reason=None)
        position = _train(run, stop or StopRequest(), callbacks or Callbacks(), on_prepare, processes)
        folder.note(
            status="finished", finished=now(), epochs=position.epoch, best_epoch=position.best_epoch + 1
        )
    except Interrupted:
        folder.note(status="stopped")
        log.info("stopped; continue with: %s train --resume %s", processes.command, folder.path)
        raise
    except TwinfaceError as error:
        folder.note(status="failed", reason=str(error))
        log.error("failed: %s", error)
        raise
    return position


def _train(
    run: OpenRun,
    stop: StopRequest,
    callbacks: Callbacks,
    on_prepare: ProgressCallback | None,
    processes: Processes,
) -> TrainingPosition:
    make_deterministic()
    settings, split = run.settings, run.split
    if settings.trainer.epochs:
        keep_memory()
    trainer = settings.trainer
    machine = choose_machine(trainer.device, trainer.precision, trainer.threads, processes)
    _note_machine(run, machine)
    preparation = build_preparation(settings.imaging, run.dataset.region)
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
    plan = _plan(run, faces, validator, machine, processes)
    state = _initial_state(run, plan)
    log.info("training on %d pictures of %s; %s", len(faces), split.trained_on, machine)
    position = training_loop(state, plan, run.folder, stop, callbacks)
    if processes.first:
        began = time.monotonic()
        weights, _ = read_tensors(run.folder.best)
        run.network.load_state_dict(weights)
        write_model(run, faces, validation, validator)
        run.folder.state.forget_previous()
        run.folder.note(
            costs=RunCosts(
                training=round(position.seconds, 2),
                writing=round(time.monotonic() - began, 2),
                images_per_second=round(position.images / max(position.seconds, 1e-9), 1),
                network_parameters=sum(each.numel() for each in state.network.parameters()),
                loss_parameters=sum(each.numel() for each in state.loss.parameters()),
                numbers=sum(each.numel() for each in run.network.state_dict().values()),
            )
        )
    return position


def _plan(
    run: OpenRun, faces: PreparedFaces, validator: Validator, machine: Machine, processes: Processes
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
