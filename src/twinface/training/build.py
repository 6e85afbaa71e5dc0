"""From settings to a network and everything that trains it; the only place that knows both."""

from __future__ import annotations

from collections.abc import Collection

from twinface.core.errors import SettingsError
from twinface.core.registry import Component, build, check
from twinface.core.settings import Settings
from twinface.core.suggestion import nearest
from twinface.core.types import ByteArray
from twinface.models.distances import DISTANCES
from twinface.networks.backbones import BACKBONES
from twinface.networks.build import TRAINABLE_DISTANCES, build_network, fit_backbone
from twinface.networks.initial_weights import INITIALISATIONS
from twinface.networks.projections import PROJECTIONS
from twinface.networks.siamese import SiameseNetwork
from twinface.training.averaging import WeightAverage
from twinface.training.losses import LOSSES, Loss, PartByPart
from twinface.training.optimizers import OPTIMISERS
from twinface.training.runtime import Machine, compiled
from twinface.training.sampling import SAMPLERS
from twinface.training.schedules import SCHEDULES
from twinface.training.training_state import TrainingState


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
    _known("network.distance", settings.network.distance, TRAINABLE_DISTANCES)
    if settings.score_normalisation.wanted and settings.network.distance != "cosine":
        raise SettingsError(
            f"score_normalisation.spread = {settings.score_normalisation.spread:g}, "
            f"score_normalisation.clarity = {settings.score_normalisation.clarity:g} need "
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


def check_network(settings: Settings) -> SiameseNetwork:
    """Builds the network. Refuses one that does not fit its input, or whose weights would stay as they were drawn.

    Raises:
        SettingsError: what is wrong with it.
    """
    network = build_network(settings.network, settings.imaging)
    if settings.trainer.epochs == 0 and any(network.backbone.learning):
        raise SettingsError("trainer.epochs: found 0, need 1 or more: the network has layers to learn")
    return network


def build_loss(loss: Component, network: SiameseNetwork, people: int) -> Loss:
    """The loss that settings describe; one for each part of the embedding where it has several and people are sorted.

    Raises:
        SettingsError: a setting does not exist.
    """
    parts = network.backbone.parts
    if len(parts) == 1 or LOSSES[loss.name].needs_pairs:
        return build("loss", LOSSES, loss, network.feature_size, people)
    losses = [
        build("loss", LOSSES, loss, size, people) if learns else None
        for size, learns in zip(parts, network.backbone.learning, strict=True)
    ]
    return PartByPart(losses, parts)


def build_training_state(
    settings: Settings, people: int, machine: Machine, seed: int, faces: ByteArray | None = None
) -> TrainingState:
    """The network on its device, with loss, optimiser and average.

    Args:
        settings: the whole run's.
        people: how many different people the loss tells apart.
        machine: where it will train.
        seed: of the initial weights.
        faces: `[N, H, W, C]` uint8, the training pictures, for networks that learn from them before training begins;
            None where the state of a run will be loaded.
    """
    network = build_network(settings.network, settings.imaging, seed)
    if faces is not None:
        fit_backbone(network, faces, seed)
    network.to(machine.device).to(memory_format=machine.memory_format)  # type: ignore[call-overload]
    loss = build_loss(settings.loss, network, people).to(machine.device)
    parameters = [
        *network.named_parameters(),
        *((f"loss.{name}", value) for name, value in loss.named_parameters()),
    ]
    optimizer = build("optimizer", OPTIMISERS, settings.optimizer, parameters)
    average = WeightAverage(network, settings.trainer.averaging) if settings.trainer.averaging else None
    features = compiled(network.features, machine) if settings.trainer.compiled else network.features
    return TrainingState(network, features, loss, optimizer, average)


def _known(field: str, name: str, table: Collection[str]) -> None:
    if name not in table:
        raise SettingsError(f'{field}: no "{name}"{nearest(name, table)}')
