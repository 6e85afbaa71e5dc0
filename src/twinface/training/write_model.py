"""The last part of a run: best weights → a model on disk, with threshold, calibration and provenance."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from twinface import __version__
from twinface.core.interruption import StopRequest
from twinface.core.types import ByteArray, Float32Array, ScoredPairs
from twinface.evaluation.calibration import fit_calibration, fit_threshold
from twinface.evaluation.fit_on_people import first_pictures, probability_limits, score_all_pairs
from twinface.evaluation.fitted_model import FittedModel
from twinface.evaluation.operating_points import measure_error_table
from twinface.evaluation.other_conditions import score_conditions
from twinface.evaluation.results import save_validation
from twinface.faces.cache import PreparedFaces
from twinface.faces.conditions import prepared_frame
from twinface.faces.frame import Frame
from twinface.faces.preparation import Preparation
from twinface.faces.typical_frame import typical_frame
from twinface.models.decision import Threshold
from twinface.models.provenance import Provenance, hash_people
from twinface.models.record import ModelRecord
from twinface.training.build import fitted_after_training
from twinface.training.checkpoint import save_checkpoint
from twinface.training.cross_fitting import cross_fitted_scores, projected
from twinface.training.epoch_metrics import ValidationMetrics
from twinface.training.export import export_model
from twinface.training.finalize import embed_with, fit_to_people, fit_to_training_people
from twinface.training.open_run import OpenRun
from twinface.training.validation import LOGIT, Validator

EVEN = "nothing: the network's own probability of one half"

# Of the validation pictures that error rates at several thresholds are measured on.
_PICTURES_A_PERSON, _MOST_PICTURES = 10, 2000


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
    if fitted_after_training(run.settings) or not run.settings.trainer.epochs:
        validator.scores_are_logits = False
    frame = run.dataset.frame or typical_frame(run.split.source.faces)
    if run.settings.data.cross_fitting > 1:
        measured, scored, embeddings = _fit_crosswise(run, faces, validator)
    else:
        inside = prepared_frame(faces.preparation, frame) if frame else None
        fit_to_training_people(
            run.network, run.settings, run.split.source, faces.images, run.info.seed, inside
        )
        stop.check()
        embeddings = embed_with(run.network, validation.images)
        measured, scored = validator.measure(run.network, embeddings)
    record = describe_model(run, faces.preparation, scored, frame)
    record = with_error_table(run, record, validation.images, embeddings)
    save_checkpoint(run.folder.model, run.network.state_dict(), record)
    stop.check()
    export_model(run.network, record, run.folder.model / "model.onnx")
    save_validation(run.folder.path, run.split.validation, scored)
    run.folder.note(validation=measured)


def _fit_crosswise(
    run: OpenRun, faces: PreparedFaces, validator: Validator
) -> tuple[ValidationMetrics, ScoredPairs, Float32Array]:
    """Fits the model to all people; nobody's validation scores come from a model that was fitted to them.

    Returns:
        The figures and the scores of the validation pairs, and the finished model's embeddings of all pictures.
    """
    run.network.eval()
    plain = embed_with(run.network, faces.images)
    scored = cross_fitted_scores(run.network, run.settings, plain, run.split.validation)
    fit_to_people(run.network, run.settings, plain, run.split.source.faces.people)
    return validator.figures(scored), scored, projected(run.network, plain)


def describe_model(
    run: OpenRun, preparation: Preparation, validation: ScoredPairs, frame: Frame | None
) -> ModelRecord:
    """The record of a run's model, with threshold and calibration fitted on the validation people, unless even.

    Args:
        run: its network has the best weights, and all that is fitted after training.
        preparation: of the pictures.
        validation: the model's scores of the validation pairs.
        frame: where the landmarks lie in the data set's pictures, or None if that is not known.
    """
    scores, is_match, tuned_on = validation.scores, validation.is_match, run.split.tuned_on
    network = run.network
    if run.settings.validation.threshold == "even":
        threshold, calibration = Threshold(0.0, EVEN), replace(LOGIT, fitted_on=EVEN)
    else:
        threshold = fit_threshold(scores, is_match, tuned_on)
        calibration = fit_calibration(scores, is_match, tuned_on, threshold)
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
        calibration=calibration,
        provenance=_provenance(run),
        settings=run.settings.to_dict(),
        seed=run.info.seed,
        made_by={"twinface": __version__, "torch": str(torch.__version__)},
        frame=frame,
    )


def with_error_table(
    run: OpenRun, record: ModelRecord, faces: ByteArray, embeddings: Float32Array
) -> ModelRecord:
    """The record with error rates over all pairs of the validation people, thresholds for other conditions, and
    probabilities that are no more extreme than these people support.

    Where only labelled pairs may be used, the people are not known, and the record stays as it is.

    Args:
        run: its split names the validation people.
        record: scores the embeddings.
        faces: [N, H, W, C], the prepared validation pictures.
        embeddings: [N, D], of these pictures.
    """
    if run.split.source.pairs is not None:
        return record
    people = run.split.validation.faces.people
    kept = np.flatnonzero(first_pictures(people, _PICTURES_A_PERSON))
    if len(kept) > _MOST_PICTURES:
        kept = np.sort(np.random.default_rng(0).choice(kept, _MOST_PICTURES, replace=False))
    faces, embeddings, people = faces[kept], embeddings[kept], people[kept]
    usual = score_all_pairs(embeddings, people, record.score)
    lowest, highest = probability_limits(usual)
    record = replace(record, calibration=replace(record.calibration, lowest=lowest, highest=highest))
    table = measure_error_table(embeddings, people, record.score, run.split.tuned_on, usual)
    if table is None:
        return record
    conditions = None
    # Photos of one's own are alike in training and in use, so their threshold needs no margin for other conditions.
    if record.frame is not None and run.dataset.source.data != "folder":
        model = FittedModel(lambda batch: embed_with(run.network, batch), record)
        count = run.settings.validation.conditions
        conditions = score_conditions(model, faces, people, record.frame, collections=count)
    if conditions is not None:
        table = conditions.with_uppers(table, usual)
        threshold = record.threshold
        record = replace(record, threshold=replace(threshold, upper=conditions.upper(threshold.value, usual)))
    return replace(record, error_table=table)


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
