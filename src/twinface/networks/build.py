"""From settings to a Siamese network."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import torch

from twinface.core.errors import SettingsError
from twinface.core.registry import build
from twinface.core.seeding import random_at
from twinface.core.settings_sections import ImagingSettings, NetworkSettings
from twinface.core.suggestion import nearest
from twinface.core.types import ByteArray
from twinface.models.distances import DISTANCES
from twinface.networks.backbones import BACKBONES, InputShape
from twinface.networks.initial_weights import INITIALISATIONS
from twinface.networks.seeding import seed_torch
from twinface.networks.siamese import SiameseNetwork

FACES_TO_FIT = 1500
TRAINABLE_DISTANCES = [name for name, distance in DISTANCES.items() if distance.learns]


def build_network(
    settings: NetworkSettings, imaging: ImagingSettings, seed: int | None = None
) -> SiameseNetwork:
    """Builds the network that the settings describe.

    Args:
        settings: backbone, distance, initial weights.
        imaging: size and channels of the input.
        seed: of the initial weights; None leaves them as torch draws them, for weights that are loaded later.

    Raises:
        SettingsError: a setting does not exist or has a wrong value.
    """
    check_name("network.distance", settings.distance, TRAINABLE_DISTANCES)
    shape = input_shape(imaging)
    if seed is not None:
        seed_torch(seed, "weights")
    try:
        backbone = build("network.backbone", BACKBONES, settings.backbone, shape)
    except (RuntimeError, MemoryError) as error:  # torch's error where memory is short is a RuntimeError
        reason = str(error).partition("\n")[0]
        raise SettingsError(f"network.backbone: cannot be built ({reason}); make it smaller") from error
    network = SiameseNetwork(
        backbone,
        settings.distance,
        settings.normalisation,
        settings.flip_average,
        settings.difference_dropout,
    )
    if seed is not None:
        check_name("network.initialisation", settings.initialisation, INITIALISATIONS)
        INITIALISATIONS[settings.initialisation](network)
    return network


def input_shape(imaging: ImagingSettings) -> InputShape:
    """Channels, height and width of the network's input."""
    return 3 if imaging.color == "rgb" else 1, imaging.height, imaging.width


def fit_backbone(network: SiameseNetwork, faces: ByteArray, seed: int) -> None:
    """Fits a backbone that learns without labels to `FACES_TO_FIT` training pictures; does nothing for the others.

    Args:
        network: its backbone is changed in place.
        faces: `[N, H, W, C]` uint8, the training pictures.
        seed: of the choice of pictures and of the fit.
    """
    if not network.backbone.needs_fitting:
        return
    random = random_at(seed, "fit", 0, 0)
    chosen = np.sort(random.permutation(len(faces))[:FACES_TO_FIT])
    images = torch.from_numpy(np.array(faces[chosen])).permute(0, 3, 1, 2)
    network.backbone.fit(network.normalise(images), seed)


def check_name(field: str, name: str, table: Collection[str]) -> None:
    """Refuses a name that is not in a table.

    Raises:
        SettingsError: it is not; the message names the nearest one that is.
    """
    if name not in table:
        raise SettingsError(f'{field}: no "{name}"{nearest(name, table)}')
