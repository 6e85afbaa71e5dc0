"""From settings to a network and everything that trains it."""

from __future__ import annotations

import torch

from twinface.core.errors import SettingsError
from twinface.core.registry import Component, build, check
from twinface.core.settings import Settings
from twinface.core.types import ByteArray
from twinface.models.distances import DISTANCES
from twinface.networks.backbones import BACKBONES
from twinface.networks.build import TRAINABLE_DISTANCES, build_network, check_name, fit_backbone
from twinface.networks.initial_weights import INITIALISATIONS
from twinface.networks.projections import PROJECTIONS
from twinface.networks.siamese import SiameseNetwork
from twinface.training.averaging import WeightAverage
from twinface.training.batch_norms import part_sides
from twinface.training.losses import LOSSES, Loss, PartByPart
from twinface.training.machine import Machine
from twinface.training.optimizers import OPTIMIZERS
from twinface.training.runtime import compiled
from twinface.training.sampling import SAMPLERS
from twinface.training.schedules import SCHEDULES
from twinface.training.teacher import check_teacher
from twinface.training.training_state import TrainingState


def check_components(settings: Settings) -> None:
    """Checks the names and settings of all components, before any picture is read.

    Raises:
        SettingsError: a name or setting does not exist (the message names the nearest one), or two components do not
            go together.
    """
    check("sampling", SAMPLERS, settings.sampling)
    check("network.backbone", BACKBONES, settings.network.backbone)
    loss = check("loss", LOSSES, settings.loss)
    check("optimizer", OPTIMIZERS, settings.optimizer)
    check("schedule", SCHEDULES, settings.schedule)
    check("projection", PROJECTIONS, settings.projection)
    check_name("network.distance", settings.network.distance, TRAINABLE_DISTANCES)
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
            f'"{settings.network.distance}", which has a trained weight for each element; use cosine or euclidean'
        )
    check_name("network.initialisation", settings.network.initialisation, INITIALISATIONS)
    if settings.validation.threshold == "even" and settings.loss.name != "bce":
        raise SettingsError(
            f'validation.threshold = "even" needs loss.name = "bce", which makes scores logits; found '
            f'"{settings.loss.name}"'
        )
    if settings.validation.threshold == "even" and fitted_after_training(settings):
        raise SettingsError(
            'validation.threshold = "even" is the network\'s own probability of one half, and needs projection.name = '
            f'"none" and no score normalisation, found "{settings.projection.name}"'
        )
    if settings.augment.copies and settings.data.cross_fitting > 1:
        raise SettingsError(
            f"augment.copies = {settings.augment.copies} does not go with data.cross_fitting = "
            f"{settings.data.cross_fitting}, which fits to the pictures alone; set one of them to 0"
        )
    needs_pairs = LOSSES[settings.loss.name].needs_pairs
    if needs_pairs != settings.sampling.name.endswith("pairs"):
        raise SettingsError(
            f'loss.name = "{settings.loss.name}" does not go with sampling.name = "{settings.sampling.name}": '
            f"{loss.__name__} compares {'labelled pairs' if needs_pairs else 'pictures by person'}"
        )
    if settings.trainer.sides == "apart" and not needs_pairs:
        raise SettingsError(
            f'trainer.sides = "apart" needs batches of pairs, found sampling.name = "{settings.sampling.name}"'
        )


def fitted_after_training(settings: Settings) -> bool:
    """Whether scores are not those that the loss made, because something is fitted to the embeddings after training."""
    return settings.projection.name != "none" or settings.score_normalisation.wanted


def check_network(settings: Settings) -> SiameseNetwork:
    """Builds the network. Refuses one that does not fit its input, or whose weights would stay as they were drawn.

    Raises:
        SettingsError: what is wrong with it.
    """
    network = build_network(settings.network, settings.imaging)
    if settings.distillation.teacher:
        check_teacher(settings, network)
    if settings.trainer.epochs == 0 and any(network.backbone.learning):
        raise SettingsError("trainer.epochs: found 0, need 1 or more: the network has layers to train")
    return network


def check_steps(settings: Settings, network: SiameseNetwork) -> None:
    """Refuses steps in which nothing would be learnt that counts.

    Raises:
        SettingsError: the network has no layers to train, and its distance has no weight for each element.
    """
    learnt = any(value.ndim for value in DISTANCES[settings.network.distance].parameters(1).values())
    if settings.trainer.epochs and not any(network.backbone.learning) and not learnt:
        raise SettingsError(
            f"trainer.epochs: found {settings.trainer.epochs}, need 0: the network has no layers to train"
        )


def build_loss(loss: Component, network: SiameseNetwork, people: int) -> Loss:
    """Builds the loss that settings describe; one for each part of the embedding, if the loss classifies by person.

    Args:
        loss: name and settings.
        network: gives the lengths of the embedding's parts.
        people: number of people to classify.

    Raises:
        SettingsError: a setting does not exist or has a wrong value.
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
    """The network on its device, with loss, optimizer and average.

    Args:
        settings: of the whole run.
        people: number of people to classify.
        machine: where it will be trained.
        seed: of the initial weights.
        faces: `[N, H, W, C]` uint8, the training pictures, for backbones that are fitted before training; None where a
            saved state will be loaded.
    """
    network = build_network(settings.network, settings.imaging, seed)
    if faces is not None:
        fit_backbone(network, faces, seed)
    if settings.trainer.sides == "apart":
        part_sides(network)
    network.to(machine.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    loss = build_loss(settings.loss, network, people).to(machine.device)
    parameters = [
        *network.named_parameters(),
        *((f"loss.{name}", value) for name, value in loss.named_parameters()),
    ]
    optimizer = build("optimizer", OPTIMIZERS, settings.optimizer, parameters)
    average = WeightAverage(network, settings.trainer.averaging) if settings.trainer.averaging else None
    features = compiled(network.features, machine.device) if settings.trainer.compiled else network.features
    return TrainingState(network, features, loss, optimizer, average)
