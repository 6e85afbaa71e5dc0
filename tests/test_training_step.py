"""One training step after the other, against plain lines of torch: rates, masks, clipping, averages, momentum."""

import contextlib
import copy
import math
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from toy_training import FACES, SEED, batches, toy_plan, toy_state
from twinface.core.errors import DivergedError
from twinface.core.seeding import random_at
from twinface.core.settings_sections import AugmentSettings
from twinface.networks.siamese import SiameseNetwork
from twinface.training.augmentation import augment
from twinface.training.losses import Labels
from twinface.training.machine import Machine
from twinface.training.plan import TrainingPlan, TrainingPosition
from twinface.training.sampling import Batch
from twinface.training.step import training_step
from twinface.training.training_state import TrainingState

EPOCHS, STEPS = 2, 3
PLACES = [(epoch, step) for epoch in range(EPOCHS) for step in range(STEPS)]


def train(state: TrainingState, plan: TrainingPlan, places: list[tuple[int, int]] = PLACES) -> list[float]:
    """The losses of these steps."""
    return [
        training_step(
            state,
            plan,
            plan.sampler(plan.seed, epoch)[step],
            TrainingPosition(epoch=epoch, step=step, steps=epoch * STEPS + step),
            STEPS,
        )
        for epoch, step in places
    ]


def seed_dropout(seed: int, epoch: int, step: int) -> None:
    """The number that dropout starts from, written out: 4 stands for dropout."""
    random = np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, 4, epoch, step])))
    torch.manual_seed(int(random.integers(2**62)))


def rate_of(epoch: int, step: int) -> float:
    """A cosine over two epochs after a linear rise over the first."""
    position = epoch + step / STEPS
    return position if position < 1 else (1 + math.cos(math.pi * (position - 1))) / 2


def labels(batch: Batch) -> Labels:
    left, right = torch.from_numpy(batch.left), torch.from_numpy(batch.right)
    return Labels(torch.from_numpy(batch.people), left, right, torch.from_numpy(batch.is_match).float())


def plain_gradients(
    network: SiameseNetwork, loss: torch.nn.Module, epoch: int, step: int, pictures: Tensor | None = None
) -> tuple[float, list[Tensor], list[Tensor]]:
    """The loss of a step, the parameters that it depends on, and their gradients."""
    batch = batches(SEED, epoch)[step]
    if pictures is None:
        pictures = torch.tensor(FACES[batch.images, :, :, 0], dtype=torch.float32)[:, None]
    seed_dropout(SEED, epoch, step)
    network.train()
    value = loss(network, network.features(pictures), labels(batch))
    parameters = [*network.parameters(), *loss.parameters()]
    gradients = torch.autograd.grad(value, parameters, allow_unused=True)
    used = [pair for pair in zip(parameters, gradients, strict=True) if pair[1] is not None]
    return value.item(), [parameter for parameter, _ in used], [gradient for _, gradient in used]


def check_equal(state: TrainingState, network: torch.nn.Module, loss: torch.nn.Module) -> None:
    for ours, plain in ((state.network, network), (state.loss, loss)):
        for name, value in plain.state_dict().items():
            torch.testing.assert_close(ours.state_dict()[name], value, rtol=1e-4, atol=1e-5, msg=name)


Update = Callable[[list[Tensor], list[Tensor], float], Iterator[Tensor]]


def sgd_by_hand(momentum: float, decay: float) -> Update:
    moments: list[Tensor] = []

    def update(parameters: list[Tensor], gradients: list[Tensor], rate: float) -> Iterator[Tensor]:
        decayed = [gradient + decay * value for value, gradient in zip(parameters, gradients, strict=True)]
        moments[:] = (
            [momentum * old + new for old, new in zip(moments, decayed, strict=True)] if moments else decayed
        )
        for value, moment in zip(parameters, moments, strict=True):
            yield value - rate * moment

    return update


def adam_by_hand(beta1: float, beta2: float, decay: float, decoupled: bool) -> Update:
    first: list[Tensor] = []
    second: list[Tensor] = []
    steps = [0]

    def update(parameters: list[Tensor], gradients: list[Tensor], rate: float) -> Iterator[Tensor]:
        steps[0] += 1
        for place, (value, gradient) in enumerate(zip(parameters, gradients, strict=True)):
            shrunk = value * (1 - rate * decay) if decoupled and value.ndim > 1 else value
            slope = gradient if decoupled else gradient + decay * value
            if steps[0] == 1:
                first.append(torch.zeros_like(value))
                second.append(torch.zeros_like(value))
            first[place] = beta1 * first[place] + (1 - beta1) * slope
            second[place] = beta2 * second[place] + (1 - beta2) * slope.square()
            mean = first[place] / (1 - beta1 ** steps[0])
            root = (second[place] / (1 - beta2 ** steps[0])).sqrt() + 1e-8
            yield shrunk - rate * mean / root

    return update


RATES = {
    "sgd": {"learning_rate": 0.05, "momentum": 0.8, "weight_decay": 0.01},
    "adam": {"learning_rate": 0.05, "beta1": 0.7, "beta2": 0.95, "weight_decay": 0.01},
    "adamw": {"learning_rate": 0.05, "beta1": 0.7, "beta2": 0.95, "weight_decay": 0.3},
}


def by_hand(optimizer: str) -> Update:
    rates = RATES[optimizer]
    if optimizer == "sgd":
        return sgd_by_hand(rates["momentum"], rates["weight_decay"])
    return adam_by_hand(rates["beta1"], rates["beta2"], rates["weight_decay"], decoupled=optimizer == "adamw")


@pytest.mark.parametrize("kind", ["cosface", "bce"])
@pytest.mark.parametrize("optimizer", sorted(RATES))
def test_two_epochs_are_those_of_plain_torch(optimizer: str, kind: str) -> None:
    """Six steps: each has its rate and masks, and the weights after each are those of the textbook's update."""
    state, plan, update = toy_state(optimizer, kind, **RATES[optimizer]), toy_plan(EPOCHS), by_hand(optimizer)
    for place in PLACES:
        network, loss = copy.deepcopy(state.network), copy.deepcopy(state.loss)
        found = train(state, plan, [place])
        value, parameters, gradients = plain_gradients(network, loss, *place)
        assert found == [pytest.approx(value, rel=1e-5)], place
        with torch.no_grad():
            moved = list(update(parameters, gradients, 0.05 * rate_of(*place)))
            for parameter, new in zip(parameters, moved, strict=True):
                parameter.copy_(new)
        check_equal(state, network, loss)


def test_each_step_has_its_rate() -> None:
    """Not each epoch: the position counts the part of the epoch that has gone by."""
    state, plan, seen = toy_state(learning_rate=0.5), toy_plan(EPOCHS), []
    for place in PLACES:
        train(state, plan, [place])
        seen.append([group["lr"] for group in state.optimizer.param_groups])
    for rates, place in zip(seen, PLACES, strict=True):
        assert rates == pytest.approx([0.5 * rate_of(*place)] * len(rates)), place
    assert [rates[0] for rates in seen] == pytest.approx([0, 1 / 6, 1 / 3, 0.5, 0.375, 0.125])


def test_momentum_rises_by_whole_epochs() -> None:
    """Koch et al. 2015: from its start, linearly, once an epoch."""
    state = toy_state(learning_rate=0.1, momentum=0.9, momentum_start=0.5, momentum_epochs=2)
    plan, seen = toy_plan(4), []
    for place in [(epoch, step) for epoch in range(4) for step in range(STEPS)]:
        train(state, plan, [place])
        seen.append(state.optimizer.param_groups[0]["momentum"])
    assert seen == pytest.approx([0.5] * 3 + [0.7] * 3 + [0.9] * 6)


def masks(state: TrainingState, plan: TrainingPlan, place: tuple[int, int]) -> Tensor:
    """What dropout lets through in a step."""
    seen = []
    hook = state.network.backbone.dropout.register_forward_hook(
        lambda module, given, result: seen.append((result == 0) & (given[0] != 0))
    )
    train(state, plan, [place])
    hook.remove()
    (mask,) = seen
    return mask


def test_every_step_of_every_seed_has_masks_of_its_own() -> None:
    seen = [
        masks(toy_state(), toy_plan(EPOCHS, seed=seed), place)
        for seed in (SEED, SEED + 1)
        for place in PLACES
    ]
    for number, mask in enumerate(seen):
        assert 0.05 < mask.float().mean() < 0.6
        assert not any(torch.equal(mask, other) for other in seen[:number]), number


def test_masks_do_not_depend_on_what_was_drawn_before() -> None:
    first = masks(toy_state(), toy_plan(EPOCHS), (1, 2))
    torch.manual_seed(0)
    torch.rand(17)
    assert torch.equal(masks(toy_state(), toy_plan(EPOCHS), (1, 2)), first)


def test_each_step_distorts_by_its_own_numbers() -> None:
    """The pictures of a step are those of `augment` with the numbers of (seed, epoch, step), in rows of the batch."""
    settings = AugmentSettings(probability=1, rotation=20, shift=1, flip=0.5, contrast=0.4)
    state, plan = toy_state(learning_rate=0.05), toy_plan(EPOCHS, augment=settings)
    for epoch, step in [(0, 1), (0, 2), (1, 1)]:
        batch = batches(SEED, epoch)[step]
        plain = torch.tensor(FACES[batch.images, :, :, 0], dtype=torch.float32)[:, None]
        pictures = augment(plain, settings, random_at(SEED, "augment", epoch, step))
        assert not torch.equal(pictures, plain)
        network, loss = copy.deepcopy(state.network), copy.deepcopy(state.loss)
        value, _, _ = plain_gradients(network, loss, epoch, step, pictures)
        assert train(state, plan, [(epoch, step)]) == [pytest.approx(value, rel=1e-5)]


def test_look_alikes_are_turned_into_themselves_first() -> None:
    state, plan, batch = toy_state(learning_rate=0.05), toy_plan(EPOCHS), batches(SEED, 0)[1]
    batch = replace(batch, look_alike=np.array([0, 3, 0, 2, 5, 1]))
    plain = torch.tensor(FACES[batch.images, :, :, 0], dtype=torch.float32)[:, None]
    pictures = augment(plain, AugmentSettings(), random_at(SEED, "augment", 0, 1), batch.look_alike)
    assert not torch.equal(pictures[1], plain[1])
    network, loss = copy.deepcopy(state.network), copy.deepcopy(state.loss)
    value, _, _ = plain_gradients(network, loss, 0, 1, pictures)
    found = training_step(state, plan, batch, TrainingPosition(epoch=0, step=1, steps=1), STEPS)
    assert found == pytest.approx(value, rel=1e-5)


def test_bfloat16_is_of_products_alone() -> None:
    """The network's products are in bfloat16 and channels last; weights, loss and gradients are float32."""
    state, seen = toy_state(learning_rate=0.05), []
    machine = Machine("cpu", 1, "bfloat16")
    state.network.to(memory_format=torch.channels_last)
    plan = replace(toy_plan(EPOCHS), machine=machine, faces=np.repeat(FACES, 2, axis=3))
    state.network.backbone.stem = torch.nn.Conv2d(2, 2, 5, 2, 2, bias=False)
    state.network.backbone.stem.register_forward_hook(
        lambda module, given, result: seen.append(
            (given[0].is_contiguous(memory_format=torch.channels_last), result.dtype)
        )
    )
    loss_given = []
    state.loss.register_forward_pre_hook(lambda module, given: loss_given.append(given[1].dtype))
    train(state, plan, [(0, 1)])
    assert seen == [(True, torch.bfloat16)]
    assert loss_given == [torch.float32]
    assert {value.dtype for value in state.network.parameters()} == {torch.float32}
    assert {value.grad.dtype for value in state.network.parameters() if value.grad is not None} == {
        torch.float32
    }
    hook = []
    again = toy_state(learning_rate=0.05)
    again.network.backbone.stem.register_forward_hook(lambda module, given, result: hook.append(result.dtype))
    train(again, toy_plan(EPOCHS), [(0, 1)])
    assert hook == [torch.float32]


@pytest.mark.parametrize("largest", [0.05, 1e6])
def test_clipping_is_of_the_norm_of_all_gradients_together(largest: float) -> None:
    """Of network and loss; gradients below the largest norm stay as they are."""
    state = toy_state(learning_rate=1.0, momentum=0.0)
    network, loss = copy.deepcopy(state.network), copy.deepcopy(state.loss)
    place = (1, 0)  # the rate there is the whole base rate
    train(state, toy_plan(EPOCHS, gradient_clip=largest), [place])
    _, used, gradients = plain_gradients(network, loss, *place)
    norm = math.sqrt(sum(float(gradient.square().sum()) for gradient in gradients))
    old = [*network.parameters(), *loss.parameters()]
    new = [*state.network.parameters(), *state.loss.parameters()]
    places = [next(place for place, value in enumerate(old) if value is each) for each in used]
    moved = [(old[place] - new[place]).detach() for place in places]
    assert 0.05 < norm < 1e6
    for step, gradient in zip(moved, gradients, strict=True):
        torch.testing.assert_close(step, gradient * min(1, largest / norm), rtol=1e-3, atol=1e-6)
    length = math.sqrt(sum(float(step.square().sum()) for step in moved))
    assert length == pytest.approx(min(norm, largest), rel=1e-3)


@pytest.mark.parametrize("decay", [0.3, 0.15])
def test_the_average_of_the_weights(decay: float) -> None:
    """It moves after the step, by 1 - decay, and faster at first; integers are taken over."""
    state, plan = toy_state(averaging=decay, learning_rate=0.1), toy_plan(EPOCHS)
    expected = {name: value.clone().double() for name, value in state.network.state_dict().items()}
    seen = int(expected["backbone.stem_norm.num_batches_tracked"])
    for number, place in enumerate(PLACES):
        train(state, plan, [place])
        kept = min(decay, (1 + number) / (10 + number))
        for name, value in state.network.state_dict().items():
            if value.is_floating_point():
                expected[name] = kept * expected[name] + (1 - kept) * value
            else:
                expected[name] = value
            torch.testing.assert_close(
                state.average.tensors[name].double(), expected[name].double(), rtol=1e-5, atol=1e-6
            )
    assert expected["backbone.stem_norm.num_batches_tracked"] == seen + len(PLACES)


def test_gradients_are_those_of_one_batch() -> None:
    """Nothing is left of the batch before."""
    state, plan = toy_state(learning_rate=0.05), toy_plan(EPOCHS)
    for place in PLACES:
        network, loss = copy.deepcopy(state.network), copy.deepcopy(state.loss)
        train(state, plan, [place])
        _, _, gradients = plain_gradients(network, loss, *place)
        every = [*state.network.parameters(), *state.loss.parameters()]
        found = [value.grad for value in every if value.grad is not None]
        for ours, plain in zip(found, gradients, strict=True):
            # One activation near 0 may fall on the other side of it, by the rounding of a processor's own products.
            assert float((ours - plain).norm()) <= 1e-2 * float(plain.norm()) + 1e-6


def test_parts_of_a_step_are_named() -> None:
    seen = []

    @contextlib.contextmanager
    def phase(name: str) -> Iterator[None]:
        seen.append(name)
        yield

    state, plan = toy_state(), toy_plan(EPOCHS)
    training_step(state, plan, batches(SEED, 0)[0], TrainingPosition(), STEPS, phase)
    assert seen == ["batch", "augmentation", "forward", "backward", "optimizer"]


def test_a_loss_that_is_not_finite_changes_nothing() -> None:
    state, plan = toy_state(averaging=0.5, learning_rate=0.1), toy_plan(EPOCHS)
    train(state, plan, PLACES[:1])
    with torch.no_grad():
        state.network.backbone.dense.weight[0, 0] = math.nan
    names = {name for name, _ in state.network.named_parameters()}
    before = {name: value.clone() for name, value in state.tensors().items()}
    with pytest.raises(DivergedError, match=r"the loss is nan in epoch 2, step 3: the last good state"):
        train(state, plan, [(1, 2)])
    for name, value in state.tensors().items():
        if name.startswith(("loss/", "average/", "optimizer/")) or name.removeprefix("twin/") in names:
            assert torch.equal(value, before[name]) or (
                name.endswith("dense.weight") and value[0, 0].isnan()
            ), name
