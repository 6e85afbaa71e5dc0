"""From trained weights to a model that can be used: projection, threshold, calibration, and both forms on disk."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch

from twinface import __version__
from twinface.core.registry import build
from twinface.core.settings import Settings
from twinface.core.types import ByteArray, Float32Array, IntArray, TrainingSource
from twinface.datasets.training_split import PeopleSplit
from twinface.evaluation.calibration import fit_calibration, fit_threshold
from twinface.evaluation.results import save_validation
from twinface.faces.cache import PreparedFaces
from twinface.models.provenance import Provenance
from twinface.models.record import ModelRecord
from twinface.models.scoring import embed_faces
from twinface.networks.build import build_network
from twinface.networks.projection import PROJECTIONS, fit_parts
from twinface.networks.score_normalisation import fit_score_normalisation
from twinface.networks.siamese import SiameseNetwork
from twinface.training.checkpoint import save_checkpoint
from twinface.training.export import export_model
from twinface.training.run_folder import RunFolder
from twinface.training.state_file import Tensors
from twinface.training.validation import Validator


def finish(
    folder: RunFolder,
    settings: Settings,
    seed: int,
    weights: Tensors,
    split: PeopleSplit,
    faces: tuple[PreparedFaces, PreparedFaces],
    provenance: Provenance,
    title: str,
    validator: Validator,
) -> None:
    """Fits what is fitted on training people and then on validation people, and writes the model.

    Args:
        folder: where the model goes.
        settings: of the run.
        seed: of the run.
        weights: of the best epoch.
        split: who is who.
        faces: the prepared faces of training and of validation people.
        provenance: whom the model has seen.
        title: of the data set.
        validator: measures the finished model on validation people; `run.json` keeps that as "validation" (and the
            size of the model as "numbers"), and `results.save_validation` the pairs' scores.

    Raises:
        ModelError: the exported form disagrees with the trained one.
    """
    training, validation = faces
    network = build_network(settings.network, settings.imaging)
    network.load_state_dict(weights)
    network.eval()
    if settings.projection.name != "none" or settings.score_normalisation.wanted:
        rows, people = _known_together(split.source)
        embeddings = embed_with(network, training.images)
        if split.source.pairs is not None:
            embeddings = embeddings[rows]
        fit_to_people(network, settings, embeddings, people)
    measured, scored = validator.measure(network, embed_with(network, validation.images))
    scores, is_match = scored.scores, scored.is_match
    threshold = fit_threshold(scores, is_match, split.tuned_on)
    record = ModelRecord(
        name=folder.name,
        preparation=training.preparation,
        layout=f"{title}: the face where this data set has it",
        embedding_size=network.embedding_size,
        distance=network.distance_name,
        distance_parameters={
            name: np.asarray(value.detach().numpy(), np.float32) for name, value in network.distance.items()
        },
        threshold=threshold,
        calibration=fit_calibration(scores, is_match, split.tuned_on, threshold),
        provenance=provenance,
        settings=settings.as_dict(),
        seed=seed,
        made_by={"twinface": __version__, "torch": str(torch.__version__)},
    )
    save_checkpoint(folder.model, network.state_dict(), record)
    export_model(network, record, folder.model / "model.onnx")
    save_validation(folder.path, split.validation, scored)
    measured.pop("value")
    folder.note(validation=measured, numbers=sum(tensor.numel() for tensor in network.state_dict().values()))


def fit_to_people(
    network: SiameseNetwork, settings: Settings, embeddings: Float32Array, people: IntArray
) -> None:
    """Gives the network its projection and its shift, as far as the settings ask for them.

    Args:
        network: without either so far, or with those of other people.
        settings: of the run.
        embeddings: `[N, D]`, as the network gives them.
        people: `[N]` whose picture each is.

    Raises:
        DataError: nobody has two pictures, or people do not differ.
    """
    network.projection = network.score_normalisation = None
    network.projection = fit_parts(
        partial(build, "projection", PROJECTIONS, settings.projection),
        embeddings,
        people,
        network.backbone.parts,
        network.backbone.weights,
    )
    if settings.score_normalisation.wanted:
        with torch.inference_mode():
            projected = network.project(torch.from_numpy(embeddings)).numpy()
        network.score_normalisation = fit_score_normalisation(projected, people, settings.score_normalisation)


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


def embed_with(network: SiameseNetwork, faces: ByteArray) -> Float32Array:
    """`[N, H, W, C]` uint8 → `[N, D]`: in float32 whatever the run's precision, as the model will do it in use."""

    def embed(batch: ByteArray) -> Float32Array:
        with torch.inference_mode():
            return np.asarray(network.embed(torch.from_numpy(batch)).numpy(), np.float32)

    return embed_faces(embed, faces, network.backbone.at_once)
