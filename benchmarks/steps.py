"""Training steps that benchmarks time; pictures are noise, since no operation's time depends on what is on them."""

from __future__ import annotations

import numpy as np
import torch
from sides import Work, cores
from torch.nn import functional

from twinface.core.registry import build
from twinface.core.settings import AugmentSettings
from twinface.networks.backbones import koch
from twinface.networks.backbones.cost import multiply_adds
from twinface.networks.backbones.koch import Koch
from twinface.networks.build import build_network
from twinface.networks.siamese import SiameseNetwork
from twinface.training.build import build_training_state
from twinface.training.loop import Plan, TrainingPosition, training_step
from twinface.training.recipe import load_recipe
from twinface.training.runtime import choose_machine, keep_memory
from twinface.training.sampling import Batch
from twinface.training.schedules import SCHEDULES

SIZE = 105  # of Koch's input
PEOPLE = 3634  # of LFW's DevTrain list, less those for validation


def seed_b(pairs: int) -> Work:
    """Seed B's step as written: float32, torch's layout, the pictures of a pair one after the other, plain Adam."""
    torch.set_num_threads(cores())
    torch.manual_seed(0)
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
    """The step that `twinface train` runs, on batches of `count` pictures, or without what is named."""
    if kept:
        keep_memory()
    if not fourier:
        koch.convolve = lambda layer, maps: layer(maps)
    settings = load_recipe(recipe)
    machine = choose_machine()
    learner = build_training_state(settings, PEOPLE, machine, seed=0)
    shape = (10 * count, settings.imaging.height, settings.imaging.width, 1)
    random = np.random.default_rng(0)
    faces = random.integers(0, 256, shape, np.uint8)
    half = np.arange(count // 2)

    def batch() -> Batch:
        people = random.integers(0, PEOPLE, count)
        return Batch(random.permutation(len(faces))[:count], people, half, half + count // 2, half % 2 == 0)

    plan = Plan(
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
        training_step(learner, plan, batch(), TrainingPosition(step=done), 1000)
        done = (done + 1) % 1000
        return count

    return step


def products_of_recipe(recipe: str, size: int = 2048) -> Work:
    """The multiplications alone that a step of a recipe's network takes, as products of large bfloat16 matrices.

    Forward, and twice as many backward. It is the most that these cores could do, and does nothing useful.
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
