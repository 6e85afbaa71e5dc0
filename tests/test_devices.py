"""All tensors of a training step and of an embedding are on the device of the network.

torch's "meta" device takes the place of a GPU: it has shapes but no values, and like a GPU it refuses to mix its
tensors with those of the processor.
"""

from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest
import torch

from twinface.core.errors import SettingsError
from twinface.core.seeding import random_at
from twinface.networks.build import build_network
from twinface.training.augmentation import augment
from twinface.training.build import build_loss
from twinface.training.losses import labels_of
from twinface.training.machine import choose_machine
from twinface.training.processes import Processes
from twinface.training.recipe import load_recipe, recipe_names

ELSEWHERE = "meta"


@pytest.fixture(autouse=True)
def no_autocast_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """The meta device has no autocast to switch off."""
    plain = torch.autocast

    def autocast(device: str, *given: Any, **named: Any) -> Any:
        return nullcontext() if device == ELSEWHERE else plain(device, *given, **named)

    monkeypatch.setattr(torch, "autocast", autocast)


@pytest.mark.parametrize("recipe", recipe_names())
def test_everything_is_computed_on_the_device_of_the_network(recipe: str) -> None:
    settings = load_recipe(recipe)
    network = build_network(settings.network, settings.imaging).to(ELSEWHERE)
    channels = 3 if settings.imaging.color == "rgb" else 1
    height, width = settings.imaging.height, settings.imaging.width
    if settings.trainer.epochs:
        loss = build_loss(settings.loss, network, 10).to(ELSEWHERE)
        left = np.arange(4)
        labels = labels_of(np.arange(8) % 10, left, left + 4, left % 2 == 0, ELSEWHERE)
        faces = torch.zeros(8, channels, height, width, device=ELSEWHERE)
        found = loss(
            network,
            network.train().features(augment(faces, settings.augment, random_at(0, "augment"))),
            labels,
        )
        assert found.device.type == ELSEWHERE
        found.backward()
        assert all(weight.grad is not None for weight in network.backbone.parameters())
    with torch.inference_mode():
        embeddings = network.eval().embed(
            torch.zeros(2, height, width, channels, dtype=torch.uint8, device=ELSEWHERE)
        )
    assert embeddings.device.type == ELSEWHERE
    assert embeddings.shape == (2, network.embedding_size)


def test_a_gpu_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(SettingsError, match=r'"cuda:9": found 1 GPUs, the first is "cuda:0"'):
        choose_machine("cuda:9", "float32", 1, Processes())
