"""From trained weights to a model that can be used: projection, threshold, calibration, and both forms on disk."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch

from twinface import __version__
from twinface.building import build_twin
from twinface.cache import PreparedFaces
from twinface.calibration import fit_calibration, fit_threshold
from twinface.checkpoint import save_twin
from twinface.components import build
from twinface.config import Settings
from twinface.export import export_model
from twinface.model_record import ModelRecord
from twinface.projection import PROJECTIONS, fit_parts
from twinface.provenance import Provenance
from twinface.runs import RunFolder
from twinface.sampling import TrainingSource
from twinface.scoring import embed_faces, score_pairs
from twinface.state import Tensors
from twinface.training_data import PeopleSplit
from twinface.twin import Twin
from twinface.types import ByteArray, Float32Array, IntArray, PairSet


def finish(
    folder: RunFolder,
    settings: Settings,
    seed: int,
    weights: Tensors,
    split: PeopleSplit,
    faces: tuple[PreparedFaces, PreparedFaces],
    provenance: Provenance,
    title: str,
) -> None:
    """Fits the projection on training people, threshold and calibration on validation people, and writes the model.

    Args:
        folder: where the model goes.
        settings: of the run.
        seed: of the run.
        weights: of the best epoch.
        split: who is who.
        faces: the prepared faces of training and of validation people.
        provenance: whom the model has seen.
        title: of the data set.

    Raises:
        ModelError: the exported form disagrees with the trained one.
    """
    training, validation = faces
    twin = build_twin(settings.network, settings.imaging)
    twin.load_state_dict(weights)
    twin.eval()
    if settings.projection.name != "none":
        rows, people = _known_together(split.source)
        twin.projection = fit_parts(
            partial(build, "projection", PROJECTIONS, settings.projection),
            _embed(twin, training.images)[rows],
            people,
            twin.backbone.parts,
            twin.backbone.weights,
        )
    scores = _score(twin, validation.images, split.validation)
    is_match = split.validation.is_match
    threshold = fit_threshold(scores, is_match, split.tuned_on)
    record = ModelRecord(
        name=folder.name,
        preparation=training.preparation,
        layout=f"{title}: the face where this data set has it",
        embedding_size=twin.embedding_size,
        distance=settings.network.distance,
        distance_parameters={
            name: np.asarray(value.detach().numpy(), np.float32) for name, value in twin.distance.items()
        },
        threshold=threshold,
        calibration=fit_calibration(scores, is_match, split.tuned_on, threshold),
        provenance=provenance,
        settings=settings.as_dict(),
        seed=seed,
        made_by={"twinface": __version__, "torch": str(torch.__version__)},
    )
    save_twin(folder.model, twin.state_dict(), record)
    export_model(twin, record, folder.model / "model.onnx")


def _known_together(source: TrainingSource) -> tuple[IntArray, IntArray]:
    """Rows of the training faces, and for each a number that is shared with the pictures known to show the same person.

    Where labelled pairs are all that may be used, two pictures are known together only if they are a matched pair: that
    the same person may be on other pairs as well is not used.
    """
    if source.pairs is None:
        return np.arange(len(source.faces)), source.faces.people
    pairs = source.pairs
    number = np.arange(len(pairs))
    other = np.where(pairs.is_match, number, number + len(pairs))
    return np.concatenate([pairs.left, pairs.right]), np.concatenate([number, other])


def _embed(twin: Twin, faces: ByteArray) -> Float32Array:
    """All faces, in float32 whatever the run's precision, as the model will do it in use."""

    def embed(batch: ByteArray) -> Float32Array:
        with torch.inference_mode():
            return np.asarray(twin.embed(torch.from_numpy(batch)).numpy(), np.float32)

    return embed_faces(embed, faces)


def _score(twin: Twin, faces: ByteArray, pairs: PairSet) -> np.ndarray:
    def score(left: Float32Array, right: Float32Array) -> Float32Array:
        with torch.inference_mode():
            return np.asarray(twin.score(torch.from_numpy(left), torch.from_numpy(right)).numpy(), np.float32)

    return score_pairs(_embed(twin, faces), pairs, score).scores
