"""From settings to a Siamese network."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import torch

from twinface.core.errors import SettingsError
from twinface.core.registry import build
from twinface.core.seeding import random_at
from twinface.core.settings import ImagingSettings, NetworkSettings, nearest
from twinface.core.types import ByteArray
from twinface.models.distances import DISTANCES
from twinface.networks.backbones import BACKBONES
from twinface.networks.initial_weights import INITIALISATIONS
from twinface.networks.seeding import seed_torch
from twinface.networks.siamese import SiameseNetwork

FACES_TO_FIT = 1500
TRAINABLE_DISTANCES = [name for name, distance in DISTANCES.items() if distance.learns]


def build_network(
    settings: NetworkSettings, imaging: ImagingSettings, seed: int | None = None
) -> SiameseNetwork:
    """The network that settings describe, with initial weights drawn by `seed` (None leaves torch's own).

    Raises:
        SettingsError: a setting does not exist or does not fit.
    """
    _known("network.distance", settings.distance, TRAINABLE_DISTANCES)
    shape = (3 if imaging.color == "rgb" else 1, imaging.height, imaging.width)
    if seed is not None:
        seed_torch(seed, "weights")
    backbone = build("network.backbone", BACKBONES, settings.backbone, shape)
    network = SiameseNetwork(backbone, settings.distance, settings.normalisation, settings.flip_average)
    if seed is not None:
        _known("network.initialisation", settings.initialisation, INITIALISATIONS)
        INITIALISATIONS[settings.initialisation](network)
    return network


def fit_backbone(network: SiameseNetwork, faces: ByteArray, seed: int) -> None:
    """Lets a network that learns without labels do so, from `FACES_TO_FIT` training pictures."""
    if not network.backbone.fits:
        return
    random = random_at(seed, "fit", 0, 0)
    chosen = np.sort(random.permutation(len(faces))[:FACES_TO_FIT])
    images = torch.from_numpy(np.array(faces[chosen])).permute(0, 3, 1, 2)
    network.backbone.fit(network.normalise(images), seed)


def _known(field: str, name: str, table: Collection[str]) -> None:
    if name not in table:
        raise SettingsError(f'{field}: no "{name}"{nearest(name, table)}')
