"""From trained weights to a model: what is fitted after training, in closed form."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch

from twinface.core.registry import build
from twinface.core.settings import Settings
from twinface.core.types import ByteArray, Float32Array, IntArray, TrainingSource
from twinface.faces.conditions import apply_condition, draw_condition, eye_distance_of
from twinface.faces.frame import Frame
from twinface.models.scoring import embed_faces
from twinface.networks.projections import PROJECTIONS, fit_parts
from twinface.networks.score_normalisation import fit_score_normalisation
from twinface.networks.siamese import SiameseNetwork

_FACES = 512  # that are varied at a time, to limit memory


def fit_to_training_people(
    network: SiameseNetwork,
    settings: Settings,
    source: TrainingSource,
    faces: ByteArray,
    seed: int = 0,
    frame: Frame | None = None,
) -> None:
    """Fits projection and score normalisation to the training people, as far as the settings ask for them.

    Args:
        network: with trained weights, on the CPU, in evaluation mode or not; it is changed in place.
        settings: of the run.
        source: the training people, or the labelled pairs that are all that may be used.
        faces: `[N, H, W, C]` uint8, the prepared pictures of `source.faces`.
        seed: of the copies under simulated conditions.
        frame: where the landmarks lie in the prepared pictures, or None if that is not known.

    Raises:
        DataError: nobody has two pictures, or people do not differ.
    """
    network.eval()
    if settings.projection.name == "none" and not settings.score_normalisation.wanted:
        return
    eyes = eye_distance_of(frame) if frame else faces.shape[2] / 3
    parts = [embed_with(network, faces)]
    for copy in range(settings.augment.copies):
        parts.append(_embed_varied(network, faces, eyes, np.random.default_rng([seed, copy])))
    rows, people = known_together(source)
    embeddings = np.concatenate([part if source.pairs is None else part[rows] for part in parts])
    fit_to_people(network, settings, embeddings, np.tile(people, len(parts)))


def fit_to_people(
    network: SiameseNetwork, settings: Settings, embeddings: Float32Array, people: IntArray
) -> None:
    """Gives the network its projection and its score normalisation, as far as the settings ask for them.

    Args:
        network: without either so far, or with those of other people.
        settings: of the run.
        embeddings: `[N, D]`, as the network gives them.
        people: `[N]`, the person on each picture.

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


def _embed_varied(
    network: SiameseNetwork, faces: ByteArray, eye_distance: float, random: np.random.Generator
) -> Float32Array:
    """The embeddings of faces under simulated conditions, each under one of its own."""
    parts = []
    for start in range(0, len(faces), _FACES):
        varied = [
            apply_condition(np.asarray(face), draw_condition(random), eye_distance, random)
            for face in faces[start : start + _FACES]
        ]
        parts.append(embed_with(network, np.stack(varied)))
    return np.concatenate(parts)


def embed_with(network: SiameseNetwork, faces: ByteArray) -> Float32Array:
    """`[N, H, W, C]` uint8 → `[N, D]` float32.

    It computes in float32 whatever the precision of training, as the model will do in use.
    """

    def embed(batch: ByteArray) -> Float32Array:
        with torch.inference_mode():
            return np.asarray(network.embed(torch.from_numpy(batch)).numpy(), np.float32)

    return embed_faces(embed, faces, network.backbone.preferred_batch)


def known_together(source: TrainingSource) -> tuple[IntArray, IntArray]:
    """Rows of the training faces, and for each a number that pictures known to show the same person share.

    Where only labelled pairs may be used, two pictures are known to show one person only if they are a matched pair.
    That the same person may be on other pairs too is not used.
    """
    if source.pairs is None:
        return np.arange(len(source.faces)), source.faces.people
    pairs = source.pairs
    number = np.arange(len(pairs))
    other = np.where(pairs.is_match, number, number + len(pairs))
    return np.concatenate([pairs.left, pairs.right]), np.concatenate([number, other])
