"""The seeds' recipes train as their programs do: three steps against a few lines of plain torch."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from twinface.core.seeding import random_at
from twinface.core.types import FaceSet
from twinface.networks.siamese import SiameseNetwork
from twinface.training.build import build_training_state
from twinface.training.losses import Labels, Loss
from twinface.training.machine import Machine
from twinface.training.plan import TrainingPlan, TrainingPosition
from twinface.training.recipe import load_recipe
from twinface.training.sampling.batch import Batch, batch_of_pairs
from twinface.training.schedules import SCHEDULES
from twinface.training.step import training_step
from twinface.training.training_state import TrainingState

SEED, STEPS, SIZE, DENSE = 5, 3, 40, 16
# Smaller than 105x105 and with fewer filters, so that it is quick; everything else is the recipe's.
SMALL = [
    f"imaging.height={SIZE}", f"imaging.width={SIZE}", f"network.backbone.dense={DENSE}",
    "network.backbone.filters=[4, 6, 6, 8]", "network.backbone.kernels=[5, 3, 2, 2]",
]  # fmt: skip
FACES = np.random.default_rng(1).integers(0, 256, (24, SIZE, SIZE, 1), np.uint8)
PEOPLE = np.arange(24) // 2
SET = FaceSet("toys", Path(), tuple(map(str, range(24))), PEOPLE, tuple(map(str, range(12))))


def batches(seed: int, epoch: int) -> list[Batch]:
    """Three batches of eight pairs, of which about half are genuine."""
    random, found = np.random.default_rng([seed, epoch]), []
    for _ in range(STEPS):
        left, genuine = random.permutation(24)[:8], random.random(8) < 0.5
        right = np.where(genuine, left ^ 1, (left + 2) % 24)
        found.append(batch_of_pairs(SET, left, right, genuine))
    return found


class DoubleLoss(Loss):
    """A loss with labels in float64."""

    def __init__(self, loss: Loss) -> None:
        super().__init__()
        self.loss = loss

    def forward(self, network: SiameseNetwork, embeddings: Tensor, labels: Labels) -> Tensor:
        return self.loss(network, embeddings, replace(labels, is_match=labels.is_match.double()))


def in_double(state: TrainingState) -> TrainingState:
    """The same weights in float64. In float32, Adam makes steps as large as its rate out of rounding errors."""
    network = state.network.double()
    state.features = lambda images: network.backbone(network.normalise(images).double())
    state.loss = DoubleLoss(state.loss)
    return state


def trained(recipe: str) -> tuple[TrainingState, list[float], TrainingState]:
    """The state before training, the losses of three steps, and the state after them."""
    settings = load_recipe(recipe, SMALL)
    machine = Machine("cpu", 1, "float32")
    before, after = (in_double(build_training_state(settings, 12, machine, SEED, FACES)) for _ in range(2))
    plan = TrainingPlan(
        faces=FACES,
        sampler=batches,
        augment=settings.augment,
        schedule=SCHEDULES["constant"](1),
        validate=lambda network: pytest.fail("nothing is validated"),
        trainer=settings.trainer,
        validation=settings.validation,
        machine=machine,
        seed=SEED,
    )
    losses = [
        training_step(after, plan, batch, TrainingPosition(step=step), STEPS)
        for step, batch in enumerate(batches(SEED, 0))
    ]
    return before, losses, after


class Plain(nn.Module):
    """The network of both programs; `block` makes what follows each convolution."""

    def __init__(self, start: TrainingState, blocks: list[nn.Module], dropout: float = 0.0) -> None:
        super().__init__()
        weights = start.network.backbone
        self.kernels = [weights.get_submodule(f"conv{number}") for number in (1, 2, 3, 4)] + [weights.dense]
        pairs = zip(self.kernels, blocks, strict=False)
        self.twin = nn.Sequential(
            *(part for pair in pairs for part in pair), nn.Flatten(), weights.dense, nn.Sigmoid()
        )
        self.dropout, self.last = nn.Dropout(dropout), nn.Linear(DENSE, 1)
        self.double()
        with torch.no_grad():
            self.last.weight.copy_(-start.network.distance["weight"][None])
            self.last.bias.copy_(start.network.distance["bias"])

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        """Logits of "same"."""
        if any(isinstance(layer, nn.BatchNorm2d) for layer in self.twin.modules()):
            one, other = self.twin(left), self.twin(right)
        else:  # A side at a time is the same then, but dropout is drawn for both together.
            one, other = self.twin(torch.cat([left, right])).chunk(2)
        return self.last(self.dropout((one - other).abs()))[:, 0]


def sides(step: int) -> tuple[Tensor, Tensor, Tensor]:
    """The left pictures of a step as grey values, the right ones, and the labels; seeds dropout as training does."""
    torch.manual_seed(int(random_at(SEED, "dropout", 0, step).integers(2**62)))
    batch = batches(SEED, 0)[step]
    # In memory as training has them, because dropout draws in the order of memory.
    faces = torch.from_numpy(FACES[batch.images].transpose(0, 3, 1, 2)).float()
    return faces[:8], faces[8:], torch.tensor(batch.is_match).double()


def check_alike(plain: Plain, after: TrainingState) -> None:
    """Every weight and every running statistic, to 1e-6."""
    found = after.network.state_dict()
    named = {f"backbone.conv{number}": layer for number, layer in enumerate(plain.kernels[:4], 1)}
    named["backbone.dense"] = plain.kernels[4]
    norms = [layer for layer in plain.twin.modules() if isinstance(layer, nn.BatchNorm2d)]
    named |= {f"backbone.norm{number}": layer for number, layer in enumerate(norms, 1)}
    expected = {
        f"{name}.{key}": value for name, layer in named.items() for key, value in layer.state_dict().items()
    }
    expected["distance.weight"], expected["distance.bias"] = -plain.last.weight[0], plain.last.bias[0]
    assert expected.keys() == found.keys()
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=1e-6, atol=1e-6, msg=name)


# Learning rate and weight decay. The other models of seed B differ from these in numbers alone.
SEED_B = {
    "seed-b-1": (0.005, 0.005),
    "seed-b-4": (0.005, 0.005),
    "seed-b-1-as-reported": (0.005, 5e-4),
    "seed-b-2-as-published": (0.005, 0.005),
}


@pytest.mark.parametrize("recipe", sorted(SEED_B))
def test_seed_b(recipe: str) -> None:
    """Batch norm before ReLU, dropout on |a - b|, grey values, Adam with L2 on everything, a side at a time."""
    before, losses, after = trained(recipe)
    rate, decay = SEED_B[recipe]
    counts = (4, 6, 6, 8)
    blocks: list[nn.Module] = [
        nn.Sequential(nn.BatchNorm2d(count), nn.ReLU(), nn.MaxPool2d(2)) for count in counts[:3]
    ]
    blocks.append(nn.Sequential(nn.BatchNorm2d(counts[3]), nn.ReLU()))
    plain = Plain(before, blocks, dropout=0.2 if recipe.startswith("seed-b-4") else 0.0)
    optimizer = torch.optim.Adam(plain.parameters(), lr=rate, weight_decay=decay)
    for step in range(STEPS):
        left, right, labels = sides(step)
        loss = nn.BCELoss()(torch.sigmoid(plain(left.double(), right.double())), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        assert losses[step] == pytest.approx(loss.item(), abs=1e-6)
    check_alike(plain, after)


@pytest.mark.parametrize(
    "recipe", ["seed-a-plain", "seed-a-dropout", "seed-a-batchnorm", "seed-a-batchnorm-as-reported"]
)
def test_seed_a(recipe: str) -> None:
    """Batch norm after ReLU, dropout after pooling, l2(1e-4) on kernels, Adam as Keras has it, a side at a time."""
    before, losses, after = trained(recipe)
    blocks: list[nn.Module] = []
    for number, count in enumerate((4, 6, 6, 8), 1):
        parts: list[nn.Module] = [nn.ReLU()]
        parts += [nn.BatchNorm2d(count, eps=1e-3, momentum=0.01)] if "batchnorm" in recipe else []
        parts += [nn.MaxPool2d(2)] if number < 4 else []
        parts += [nn.Dropout(0.3)] if "dropout" in recipe and number < 4 else []
        blocks.append(nn.Sequential(*parts))
    plain = Plain(before, blocks)
    moments = [(torch.zeros_like(value), torch.zeros_like(value)) for value in plain.parameters()]
    for step in range(1, STEPS + 1):
        left, right, labels = sides(step - 1)
        loss = functional.binary_cross_entropy_with_logits(
            plain((left / 255).double(), (right / 255).double()), labels
        )
        penalty = sum(1e-4 * layer.weight.square().sum() for layer in plain.kernels)
        gradients = torch.autograd.grad(loss + penalty, list(plain.parameters()))
        with torch.no_grad():
            rate = 1e-4 * (1 - 0.999**step) ** 0.5 / (1 - 0.9**step)
            for value, slope, (mean, square) in zip(plain.parameters(), gradients, moments, strict=True):
                mean.add_((slope - mean) * (1 - 0.9))
                square.add_((slope.square() - square) * (1 - 0.999))
                value.sub_(rate * mean / (square.sqrt() + 1e-7))
        assert losses[step - 1] == pytest.approx(loss.item(), abs=1e-6)
    check_alike(plain, after)
