"""A whole training run: from settings and a data set to a run folder with a model that can be used."""

from __future__ import annotations

import logging
import shlex
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from torch import nn

from twinface import __version__
from twinface.core.errors import ModelError
from twinface.core.interruption import Interrupted, StopRequest
from twinface.core.registry import build
from twinface.core.settings import Settings
from twinface.datasets import Dataset
from twinface.datasets.training_split import DataSource, PeopleSplit, split_dataset
from twinface.faces.cache import PreparedFaces, prepare_faces
from twinface.faces.prepare import build_preparation
from twinface.models.provenance import Provenance, hash_people, new_salt
from twinface.training.build import build_training_state, check_components, check_network
from twinface.training.checkpoint import load_checkpoint
from twinface.training.finalize import finish
from twinface.training.loop import Callbacks, Plan, TrainingPosition, leave_if, train
from twinface.training.processes import Processes
from twinface.training.run_folder import RunFolder, now
from twinface.training.runtime import (
    Machine,
    choose_machine,
    describe_machine,
    keep_memory,
    make_deterministic,
)
from twinface.training.sampling import SAMPLERS
from twinface.training.schedules import SCHEDULES
from twinface.training.shared_layers import share_layers
from twinface.training.state_file import read_tensors
from twinface.training.training_state import TrainingState
from twinface.training.validation import Validator

log = logging.getLogger("twinface")


def start_run(
    source: DataSource, settings: Settings, seed: int, folder: RunFolder, start_from: Path | None = None
) -> None:
    """Checks all settings and makes the run folder; `continue_run` then trains.

    Raises:
        SettingsError: a setting is wrong, or the folder is taken.
        DataError: the data set is not there, or has too few people.
    """
    check_components(settings)
    check_network(settings)
    dataset = source.open()
    build_preparation(settings.imaging, dataset.region)
    split_dataset(dataset, settings)  # refuses what cannot be split, before there is a folder
    salt = load_checkpoint(start_from)[1].provenance.salt if start_from else new_salt()
    folder.create(
        settings,
        {
            "seed": seed,
            "source": vars(source),
            "start_from": str(start_from) if start_from else None,
            "salt": salt,
            "command": shlex.join(["twinface", *sys.argv[1:]]),
        },
    )


def continue_run(
    folder: RunFolder,
    stop: StopRequest,
    watcher: Callbacks,
    on_prepare: Callable[[int, int], None] | None = None,
    processes: Processes | None = None,
) -> TrainingPosition:
    """Trains a run that `start_run` made, from wherever it stands, to the end, and writes its model.

    Args:
        folder: the run; a `FollowedRun` in all processes but the first.
        stop: a request to stop, see `interruption`.
        watcher: is told of steps and epochs.
        on_prepare: told (done, all) while pictures are prepared.
        processes: who shares each batch; None is one process alone.

    Raises:
        TwinfaceError: whatever is wrong with settings, data, disk or numbers; the run can be continued.
        Interrupted: a signal came; the state is saved.
    """
    settings, about = folder.settings(), folder.about()
    processes = processes or Processes()
    try:
        folder.note(status="training", twinface=__version__)
        progress = _train(folder, settings, about, stop, watcher, on_prepare, processes)
        folder.note(
            status="finished", finished=now(), epochs=progress.epoch, best_epoch=progress.best_epoch + 1
        )
    except Interrupted:
        folder.note(status="stopped")
        log.info("stopped; continue with: %s train --resume %s", processes.command, folder.path)
        raise
    return progress


def _train(
    folder: RunFolder,
    settings: Settings,
    about: dict[str, Any],
    stop: StopRequest,
    watcher: Callbacks,
    on_prepare: Callable[[int, int], None] | None,
    processes: Processes,
) -> TrainingPosition:
    seed: int = about["seed"]
    make_deterministic()
    trainer = settings.trainer
    if trainer.epochs:
        keep_memory()
    machine = choose_machine(trainer.device, trainer.precision, trainer.threads, processes)
    _note_machine(folder, about, machine)
    dataset = DataSource(**about["source"]).open()
    split = split_dataset(dataset, settings)
    preparation = build_preparation(settings.imaging, dataset.region)
    with watcher.phase("preparing"), processes.first_before_others():
        faces = prepare_faces(split.source.faces, preparation, progress=on_prepare)
        validation = prepare_faces(split.validation.faces, preparation, progress=on_prepare)
    _note_data(folder, about, dataset, split, faces, validation)
    leave_if(processes.highest(stop.signal_number or 0), processes)
    cross_entropy = settings.loss.name == "bce"
    validator = Validator(
        validation.images, split.validation, settings.validation, machine, seed, cross_entropy, processes
    )
    plan = Plan(
        faces=faces.images,
        sampler=build("sampling", SAMPLERS, settings.sampling, split.source),
        augment=settings.augment,
        schedule=build("schedule", SCHEDULES, settings.schedule, trainer.epochs),
        validate=validator,
        trainer=trainer,
        validation=settings.validation,
        machine=machine,
        seed=seed,
        processes=processes,
    )
    learner = _learner(folder, settings, about, plan)
    log.info("training on %d pictures of %s; %s", len(faces), split.trained_on, machine)
    progress = train(learner, plan, folder, stop, watcher)
    if processes.first:
        began = time.monotonic()
        weights, _ = read_tensors(folder.best)
        provenance = _provenance(about, split)
        finish(
            folder, settings, seed, weights, split, (faces, validation), provenance, dataset.title, validator
        )
        folder.state.forget_previous()
        _note_costs(folder, learner, progress, time.monotonic() - began)
    return progress


def _learner(folder: RunFolder, settings: Settings, about: dict[str, Any], plan: Plan) -> TrainingState:
    """What is trained, as the seed draws it or as the model to start from has it; a state on disk is loaded later."""
    begins = not folder.state.exists()
    learner = build_training_state(
        settings, plan.sampler.people, plan.machine, plan.seed, plan.faces if begins else None
    )
    if about.get("start_from"):
        before = load_checkpoint(about["start_from"])[0]
        before.projection = before.score_normalisation = None  # they belong to the weights as they were
        learner.network.load_state_dict(before.state_dict())
    share_layers(learner.network, plan.processes)
    return learner


def _provenance(about: dict[str, Any], split: PeopleSplit) -> Provenance:
    """Whom the model has seen; what it started from has been seen too."""
    salt: str = about["salt"]
    before = load_checkpoint(about["start_from"])[1].provenance if about.get("start_from") else None
    return Provenance(
        salt=salt,
        trained=hash_people(split.source.faces.names, salt) | (before.trained if before else frozenset()),
        tuned=hash_people(split.validation.faces.names, salt) | (before.tuned if before else frozenset()),
        trained_on=split.trained_on + (f"; before that {before.trained_on}" if before else ""),
        tuned_on=split.tuned_on + (f"; before that {before.tuned_on}" if before else ""),
    )


def _note_machine(folder: RunFolder, about: dict[str, Any], machine: Machine) -> None:
    """Records the machine; says so if a resumed run is on another, since its bits may then differ."""
    here = describe_machine(machine)
    before = {"processes": 1, **about.get("machine", here)}
    if before != here:
        changed = ", ".join(key for key in here if here[key] != before.get(key))
        log.warning("resumed on another set-up (%s differ): the result may differ in its last bits", changed)
    folder.note(machine=here)


def _note_data(
    folder: RunFolder,
    about: dict[str, Any],
    dataset: Dataset,
    split: PeopleSplit,
    faces: PreparedFaces,
    validation: PreparedFaces,
) -> None:
    """Records what the data were, and refuses to continue a run on other pictures."""
    content = {"training": faces.content, "validation": validation.content}
    before = about.get("data", {}).get("sha256")
    if before and before != content:
        raise ModelError(
            f"{folder.path}: the pictures are not those that this run began with (SHA-256 differ); "
            "bring them back, or start a new run"
        )
    folder.note(
        data={
            "title": dataset.title,
            "claims": dataset.claims,
            "trained_on": split.trained_on,
            "tuned_on": split.tuned_on,
            "pictures": {"training": len(faces), "validation": len(validation)},
            "sha256": content,
        }
    )


def _note_costs(
    folder: RunFolder, learner: TrainingState, progress: TrainingPosition, writing: float
) -> None:
    """Records seconds, speed and size; `writing` is the seconds that the model took to finish and write."""

    def count(module: nn.Module) -> int:
        return sum(parameter.numel() for parameter in module.parameters())

    folder.note(
        seconds={"training": round(progress.seconds, 2), "writing the model": round(writing, 2)},
        images_per_second=round(progress.images / max(progress.seconds, 1e-9), 1),
        parameters={"twin": count(learner.network), "loss": count(learner.loss)},
    )
