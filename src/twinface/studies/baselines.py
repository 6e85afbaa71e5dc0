"""Verifiers that cost nothing, to hold a network's figures against.

A baseline is a `Embedder` like any other: its threshold is fitted on the same validation people, and it is
evaluated by the same code on the same pairs. A new one is one function here and one line in `BASELINES`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from twinface import __version__
from twinface.core.errors import DataError
from twinface.core.settings import Settings
from twinface.core.types import WHOLE_FRAME, ByteArray, Float32Array
from twinface.datasets import Dataset
from twinface.datasets.training_split import PeopleSplit, split_dataset
from twinface.evaluation.fitted_model import FittedModel, fit_model
from twinface.faces.cache import prepare_faces
from twinface.faces.mask import VisiblePart, mask_for
from twinface.faces.preparation import Preparation, build_preparation
from twinface.models.decision import Calibration, Threshold
from twinface.models.distances import DISTANCES
from twinface.models.embedder import EmbedFunction
from twinface.models.provenance import Provenance, hash_people, new_salt
from twinface.models.record import ModelRecord
from twinface.networks.build import build_network, fit_backbone

COMPONENTS = 100
PCA_PICTURES = 4000  # more change the components little and take memory: 230 MB for these at 120×120


@dataclass(frozen=True, eq=False)
class Comparison:
    """How two faces are compared: embed both, then a distance with its parameters."""

    embed: EmbedFunction
    distance: str
    parameters: dict[str, Float32Array]


Learn = Callable[[ByteArray, Settings, int], Comparison]


@dataclass(frozen=True)
class Kind:
    """One kind of baseline.

    Attributes:
        learn: training pictures `[N, H, W, C]`, the run's settings, seed → a comparison.
        shows: a part of the whole picture, or None for the pictures as the run prepares them.
    """

    learn: Learn
    shows: VisiblePart | None = None


def pixels(training: ByteArray, settings: Settings, seed: int) -> Comparison:
    """The pixels themselves, each picture brought to mean 0; nothing is learnt."""
    return _by_cosine(_standardised)


def pca(training: ByteArray, settings: Settings, seed: int) -> Comparison:
    """Whitened principal components of the pixels (Turk and Pentland 1991), fitted on the training pictures."""
    from sklearn.decomposition import PCA

    some = training[:: -(-len(training) // PCA_PICTURES)]
    count = min(COMPONENTS, len(some) - 1)
    fitted: Any = PCA(count, whiten=True, random_state=0).fit(_standardised(some))
    return _by_cosine(lambda faces: np.asarray(fitted.transform(_standardised(faces)), np.float32))


def untrained(training: ByteArray, settings: Settings, seed: int) -> Comparison:
    """The run's own network with its weights as the seed draws them.

    It has no projection, since that is learnt. What it reaches is due to the crop, to the shape of the network, to
    parts in which nothing is learnt, such as histograms of gradients, and to those that learn without labels before
    training begins, such as the mixture of Fisher vectors.
    """
    network = build_network(settings.network, settings.imaging, seed)
    fit_backbone(network, training, seed)
    network.eval()

    def embed(faces: ByteArray) -> Float32Array:
        with torch.inference_mode():
            return np.asarray(network.embed(torch.from_numpy(faces)).numpy(), np.float32)

    drawn = {name: np.asarray(value.detach().numpy(), np.float32) for name, value in network.distance.items()}
    return Comparison(embed, settings.network.distance, drawn)


BASELINES: dict[str, Kind] = {
    "pixels": Kind(pixels),
    "pca": Kind(pca),
    "untrained": Kind(untrained),
    "pixels-background": Kind(pixels, "background"),
    "pca-background": Kind(pca, "background"),
}


def free_baselines(dataset: Dataset, settings: Settings, seed: int = 0) -> list[FittedModel]:
    """Every baseline that a data set allows, each ready for `evaluation.evaluate`.

    Those of the background need a data set that knows where the face is; of others they are left out.

    Args:
        dataset: that a run with these settings would be trained on.
        settings: of that run: who is who, crop, size and network.
        seed: of the untrained weights.

    Raises:
        DataError: there are too few people, or pictures are missing.
        ImageError: a picture is damaged.
        SettingsError: a setting does not exist or does not fit.
    """
    split = split_dataset(dataset, settings)
    preparation = build_preparation(settings.imaging, dataset.region)
    names = [name for name, kind in BASELINES.items() if not kind.shows or _has(kind.shows, dataset)]
    return [fit_baseline(name, split, preparation, settings, seed) for name in names]


def fit_baseline(
    name: str, split: PeopleSplit, preparation: Preparation, settings: Settings, seed: int = 0
) -> FittedModel:
    """Fits a baseline on the people that a network would be trained on, and its threshold on validation people.

    Args:
        name: a key of `BASELINES`.
        split: who is who.
        preparation: how the pictures are cropped and sized; one that is shown a part has the whole frame in this size.
        settings: of the run that it is held against.
        seed: of untrained weights.

    Raises:
        DataError: it is shown the background, and these pictures are all face.
    """
    kind, faces = BASELINES[name], split.source.faces
    if kind.shows:
        mask = mask_for(kind.shows, faces.region, faces.name)
        preparation = replace(preparation, region=WHOLE_FRAME, mask=mask)
    training = prepare_faces(faces, preparation).images
    comparison = kind.learn(training, settings, seed)
    salt = new_salt()
    record = ModelRecord(
        name=name,
        preparation=preparation,
        layout=faces.name,
        embedding_size=comparison.embed(np.array(training[:1])).shape[1],
        distance=comparison.distance,
        distance_parameters=comparison.parameters,
        threshold=Threshold(0.0, "nothing"),
        calibration=Calibration(1.0, 0.0, "nothing"),
        provenance=Provenance(
            salt,
            hash_people(faces.names, salt),
            hash_people(split.validation.faces.names, salt),
            split.trained_on,
            split.tuned_on,
        ),
        settings=settings.as_dict(),
        seed=seed,
        made_by={"twinface": __version__},
    )
    return fit_model(comparison.embed, record, split.validation, split.tuned_on)


def _has(part: VisiblePart, dataset: Dataset) -> bool:
    try:
        mask_for(part, dataset.region, dataset.title)
    except DataError:
        return False
    return True


def _by_cosine(embed: EmbedFunction) -> Comparison:
    return Comparison(embed, "cosine", DISTANCES["cosine"].parameters(0))


def _standardised(faces: ByteArray) -> Float32Array:
    flat = faces.reshape(len(faces), -1).astype(np.float32)
    flat -= flat.mean(axis=1, keepdims=True)
    # As in the network: a picture of one colour has no spread, and one grey level keeps the division finite.
    return np.asarray(flat / np.maximum(flat.std(axis=1, keepdims=True), 1), np.float32)
