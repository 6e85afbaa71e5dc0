"""From settings to a twin and everything that trains it; the only place that knows both."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import torch

from twinface.averaging import WeightAverage
from twinface.backbones import BACKBONES
from twinface.components import build, check
from twinface.config import Component, ImagingSettings, NetworkSettings, Settings, nearest
from twinface.distances import DISTANCES
from twinface.errors import SettingsError
from twinface.imaging import Preparation
from twinface.initialisation import INITIALISATIONS
from twinface.learner import Learner
from twinface.losses import LOSSES, Loss, PartByPart
from twinface.optimisers import OPTIMISERS
from twinface.projection import PROJECTIONS
from twinface.runtime import Machine, compiled, random_at, seed_torch
from twinface.sampling import SAMPLERS
from twinface.schedules import SCHEDULES
from twinface.twin import Twin
from twinface.types import WHOLE_FRAME, ByteArray, Region

FACES_TO_FIT = 1500
_TRAINED_WITH = [name for name, distance in DISTANCES.items() if distance.learns]


def check_components(settings: Settings) -> None:
    """Refuses a name or setting that no table has, before any picture is read.

    Raises:
        SettingsError: the first that is wrong, with the nearest one that exists; or a loss and a sampler that do not
            fit each other.
    """
    check("sampling", SAMPLERS, settings.sampling)
    check("network.backbone", BACKBONES, settings.network.backbone)
    loss = check("loss", LOSSES, settings.loss)
    check("optimizer", OPTIMISERS, settings.optimizer)
    check("schedule", SCHEDULES, settings.schedule)
    check("projection", PROJECTIONS, settings.projection)
    _known("network.distance", settings.network.distance, _TRAINED_WITH)
    if settings.shift.wanted and settings.network.distance != "cosine":
        raise SettingsError(
            f"shift.spread = {settings.shift.spread:g}, shift.clarity = {settings.shift.clarity:g} need "
            f'network.distance = "cosine", found "{settings.network.distance}"'
        )
    learnt = DISTANCES[settings.network.distance].parameters(1).values()
    if settings.projection.name != "none" and any(value.ndim for value in learnt):
        raise SettingsError(
            f'projection.name = "{settings.projection.name}" does not go with network.distance = '
            f'"{settings.network.distance}", which has learnt a weight for each element; use cosine or euclidean'
        )
    _known("network.initialisation", settings.network.initialisation, INITIALISATIONS)
    needs_pairs = LOSSES[settings.loss.name].needs_pairs
    if needs_pairs != settings.sampling.name.endswith("pairs"):
        raise SettingsError(
            f'loss.name = "{settings.loss.name}" does not go with sampling.name = "{settings.sampling.name}": '
            f"{loss.__name__} compares {'labelled pairs' if needs_pairs else 'pictures by person'}"
        )


def check_network(settings: Settings) -> None:
    """Refuses a network that cannot be built for this input, or that would be used as it was drawn.

    Raises:
        SettingsError: what is wrong with it.
    """
    backbone = build_twin(settings.network, settings.imaging).backbone
    if settings.trainer.epochs == 0 and any(backbone.learning):
        raise SettingsError("trainer.epochs: found 0, need 1 or more: the network has layers to learn")


def build_twin(network: NetworkSettings, imaging: ImagingSettings, seed: int | None = None) -> Twin:
    """The twin that settings describe, with initial weights drawn by `seed` (None leaves torch's own).

    Raises:
        SettingsError: a setting does not exist or does not fit.
    """
    _known("network.distance", network.distance, _TRAINED_WITH)
    shape = (3 if imaging.color == "rgb" else 1, imaging.height, imaging.width)
    if seed is not None:
        seed_torch(seed, "weights")
    backbone = build("network.backbone", BACKBONES, network.backbone, shape)
    twin = Twin(backbone, network.distance, network.normalisation, network.flip_average)
    if seed is not None:
        _known("network.initialisation", network.initialisation, INITIALISATIONS)
        INITIALISATIONS[network.initialisation](twin)
    return twin


def build_loss(loss: Component, twin: Twin, people: int) -> Loss:
    """The loss that settings describe; one for each part of the embedding where it has several and people are sorted.

    Raises:
        SettingsError: a setting does not exist.
    """
    parts = twin.backbone.parts
    if len(parts) == 1 or LOSSES[loss.name].needs_pairs:
        return build("loss", LOSSES, loss, twin.feature_size, people)
    losses = [
        build("loss", LOSSES, loss, size, people) if learns else None
        for size, learns in zip(parts, twin.backbone.learning, strict=True)
    ]
    return PartByPart(losses, parts)


def fit_backbone(twin: Twin, faces: ByteArray, seed: int) -> None:
    """Lets a network that learns without labels do so, from `FACES_TO_FIT` training pictures."""
    if not twin.backbone.fits:
        return
    random = random_at(seed, "fit", 0, 0)
    chosen = np.sort(random.permutation(len(faces))[:FACES_TO_FIT])
    images = torch.from_numpy(np.array(faces[chosen])).permute(0, 3, 1, 2)
    twin.backbone.fit(twin.normalise(images), seed)


def build_learner(
    settings: Settings, people: int, machine: Machine, seed: int, faces: ByteArray | None = None
) -> Learner:
    """The twin on its device, with loss, optimiser and average.

    Args:
        settings: the whole run's.
        people: how many different people the loss tells apart.
        machine: where it will train.
        seed: of the initial weights.
        faces: `[N, H, W, C]` uint8, the training pictures, for networks that learn from them before training begins;
            None where the state of a run will be loaded.
    """
    twin = build_twin(settings.network, settings.imaging, seed)
    if faces is not None:
        fit_backbone(twin, faces, seed)
    twin.to(machine.device).to(memory_format=machine.memory_format)  # type: ignore[call-overload]
    loss = build_loss(settings.loss, twin, people).to(machine.device)
    parameters = [
        *twin.named_parameters(),
        *((f"loss.{name}", value) for name, value in loss.named_parameters()),
    ]
    optimizer = build("optimizer", OPTIMISERS, settings.optimizer, parameters)
    average = WeightAverage(twin, settings.trainer.averaging) if settings.trainer.averaging else None
    features = compiled(twin.features, machine) if settings.trainer.compiled else twin.features
    return Learner(twin, features, loss, optimizer, average)


def build_preparation(imaging: ImagingSettings, face_region: Region) -> Preparation:
    """How pictures become input; `face_region` is where the data set has its faces.

    Raises:
        SettingsError: the region leaves the picture.
    """
    if imaging.region == "face":
        region = face_region
    elif imaging.region == "frame":
        region = WHOLE_FRAME
    else:
        try:
            region = Region(*imaging.region)
        except ValueError as error:
            raise SettingsError(f"imaging.region: {error}") from error
    return Preparation(region, imaging.height, imaging.width, imaging.color)


def _known(field: str, name: str, table: Collection[str]) -> None:
    if name not in table:
        raise SettingsError(f'{field}: no "{name}"{nearest(name, table)}')
