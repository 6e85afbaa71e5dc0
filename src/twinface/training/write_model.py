"""The last part of a run: best weights → a model on disk, with threshold, calibration and provenance."""

from __future__ import annotations

import numpy as np
import torch

from twinface import __version__
from twinface.core.interruption import StopRequest
from twinface.core.types import ScoredPairs
from twinface.evaluation.calibration import fit_calibration, fit_threshold
from twinface.evaluation.results import save_validation
from twinface.faces.cache import PreparedFaces
from twinface.faces.preparation import Preparation
from twinface.faces.typical_frame import typical_frame
from twinface.models.provenance import Provenance, hash_people
from twinface.models.record import ModelRecord
from twinface.training.checkpoint import save_checkpoint
from twinface.training.export import export_model
from twinface.training.finalize import embed_with, fit_to_training_people
from twinface.training.open_run import OpenRun
from twinface.training.validation import Validator


def write_model(
    run: OpenRun,
    faces: PreparedFaces,
    validation: PreparedFaces,
    validator: Validator,
    stop: StopRequest,
) -> None:
    """Fits, measures and writes the model of the best weights, in both forms.

    Args:
        run: its network has the best weights.
        faces, validation: the prepared pictures of the people trained on, and of the validation people.
        validator: measures the finished model.
        stop: is looked at between the parts of the work.

    Raises:
        Interrupted: a signal came; what is missing is written when the run is resumed.
        ModelError: the exported form disagrees with the trained one.
        StorageError: a file cannot be written.
    """
    stop.check()
    fit_to_training_people(run.network, run.settings, run.split.source, faces.images)
    stop.check()
    measured, scored = validator.measure(run.network, embed_with(run.network, validation.images))
    record = describe_model(run, faces.preparation, scored)
    save_checkpoint(run.folder.model, run.network.state_dict(), record)
    stop.check()
    export_model(run.network, record, run.folder.model / "model.onnx")
    save_validation(run.folder.path, run.split.validation, scored)
    run.folder.note(validation=measured)


def describe_model(run: OpenRun, preparation: Preparation, validation: ScoredPairs) -> ModelRecord:
    """The record of a run's model, with threshold and calibration fitted on the validation people.

    Args:
        run: its network has the best weights, and all that is fitted after training.
        preparation: of the pictures.
        validation: the model's scores of the validation pairs.
    """
    scores, is_match, tuned_on = validation.scores, validation.is_match, run.split.tuned_on
    threshold = fit_threshold(scores, is_match, tuned_on)
    network = run.network
    return ModelRecord(
        name=run.folder.name,
        preparation=preparation,
        layout=f"{run.dataset.title}: the face where this data set has it",
        embedding_size=network.embedding_size,
        distance=network.distance_name,
        distance_parameters={
            name: np.asarray(value.detach().numpy(), np.float32) for name, value in network.distance.items()
        },
        threshold=threshold,
        calibration=fit_calibration(scores, is_match, tuned_on, threshold),
        provenance=_provenance(run),
        settings=run.settings.to_dict(),
        seed=run.info.seed,
        made_by={"twinface": __version__, "torch": str(torch.__version__)},
        frame=run.dataset.frame or typical_frame(run.split.source.faces),
    )


def _provenance(run: OpenRun) -> Provenance:
    """The people that the model has seen, those of the model that it began with included."""
    split, salt = run.split, run.info.salt
    before = run.start[1].provenance if run.start else None
    earlier = [run.network.backbone.outside_data, before.trained_on if before else ""]
    return Provenance(
        salt=salt,
        trained=hash_people(split.source.faces.names, salt) | (before.trained if before else frozenset()),
        tuned=hash_people(split.validation.faces.names, salt) | (before.tuned if before else frozenset()),
        trained_on="; before that ".join([split.trained_on, *filter(None, earlier)]),
        tuned_on=split.tuned_on + (f"; before that {before.tuned_on}" if before else ""),
    )
