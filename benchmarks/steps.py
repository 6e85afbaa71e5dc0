"""Training steps, as work to be timed. Pictures are random, because no operation takes longer for some pictures."""

from __future__ import annotations

import numpy as np
import torch
from sides import Work, cores
from torch import Tensor, nn
from torch.nn import functional

from twinface.core.registry import build
from twinface.core.settings_sections import AugmentSettings
from twinface.networks.backbones import koch
from twinface.networks.backbones.cost import multiply_adds
from twinface.networks.backbones.koch import Koch
from twinface.networks.build import build_network
from twinface.networks.siamese import SiameseNetwork
from twinface.training.build import build_training_state
from twinface.training.machine import choose_machine
from twinface.training.plan import TrainingPlan, TrainingPosition
from twinface.training.recipe import load_recipe
from twinface.training.runtime import keep_memory
from twinface.training.sampling import Batch
from twinface.training.schedules import SCHEDULES
from twinface.training.step import training_step

SIZE = 105  # of Koch's input
PEOPLE = 3634  # of LFW's DevTrain list, without the validation people


def _directly(layer: nn.Conv2d, maps: Tensor) -> Tensor:
    """A convolution as torch computes it, in place of `fourier.convolve`."""
    result: Tensor = layer(maps)
    return result


def seed_b(pairs: int) -> Work:
    """Seed B's step as written: float32, torch's memory layout, one forward pass for each side, plain Adam."""
    torch.set_num_threads(cores())
    torch.manual_seed(0)
    koch.convolve = _directly
    network = SiameseNetwork(
        Koch((1, SIZE, SIZE), batch_norm="before-relu"), "weighted-l1", "unit", flip_average=False
    )
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    left, right = torch.rand(2, pairs, 1, SIZE, SIZE)
    truth = (torch.arange(pairs) % 2).float()

    def step() -> int:
        scores = network.score(network.backbone(left), network.backbone(right))
        loss = functional.binary_cross_entropy_with_logits(scores, truth)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return 2 * pairs

    return step


def of_recipe(
    recipe: str,
    count: int,
    distorted: bool = True,
    kept: bool = True,
    fourier: bool = True,
) -> Work:
    """The step of `twinface train`, on batches of `count` pictures.

    Args:
        recipe: its name.
        count: pictures of a batch.
        distorted: with the recipe's distortions.
        kept: keep freed memory, see `keep_memory`.
        fourier: with Fourier convolutions, see `networks.backbones.fourier`.
    """
    if kept:
        keep_memory()
    if not fourier:
        koch.convolve = _directly
    settings = load_recipe(recipe)
    machine = choose_machine()
    state = build_training_state(settings, PEOPLE, machine, seed=0)
    shape = (10 * count, settings.imaging.height, settings.imaging.width, 1)
    random = np.random.default_rng(0)
    faces = random.integers(0, 256, shape, np.uint8)
    half = np.arange(count // 2)

    def batch() -> Batch:
        people = random.integers(0, PEOPLE, count)
        return Batch(random.permutation(len(faces))[:count], people, half, half + count // 2, half % 2 == 0)

    plan = TrainingPlan(
        faces=faces,
        sampler=lambda seed, epoch: [],
        augment=settings.augment if distorted else AugmentSettings(),
        schedule=build("schedule", SCHEDULES, settings.schedule, 1),
        validate=lambda network: {},
        trainer=settings.trainer,
        validation=settings.validation,
        machine=machine,
        seed=0,
    )
    done = 0

    def step() -> int:
        nonlocal done
        training_step(state, plan, batch(), TrainingPosition(step=done), 1000)
        done = (done + 1) % 1000
        return count

    return step


def products_of_recipe(recipe: str, size: int = 2048) -> Work:
    """As many multiplications as a step of a recipe's network needs, as products of large bfloat16 matrices.

    They are those of the forward pass, and twice as many for the backward pass. This is an upper limit for these cores;
    the products are not used.
    """
    settings = load_recipe(recipe)
    machine = choose_machine()
    network = build_network(settings.network, settings.imaging)
    shape = (1, settings.imaging.height, settings.imaging.width)
    learnt = {name.rpartition(".")[0] for name, _ in network.backbone.named_parameters()}
    costs = multiply_adds(network.backbone, shape)
    each = 3 * sum(count for name, count in costs.items() if name in learnt)
    kind = torch.bfloat16 if machine.precision == "bfloat16" else torch.float32
    left, right = torch.randn(2, size, size).to(kind)
    result = torch.empty(size, size, dtype=kind)
    together = 64
    times = max(1, round(together * each / size**3))

    def work() -> int:
        for _ in range(times):
            torch.mm(left, right, out=result)
        return round(times * size**3 / each)

    return work
