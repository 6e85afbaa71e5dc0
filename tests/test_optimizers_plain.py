"""Optimizers and schedules: every default, every group, and the rates at every position by their formulas."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from twinface.core.errors import SettingsError
from twinface.core.seeding import _PURPOSES, random_at
from twinface.networks.seeding import seed_torch
from twinface.training.optimizers import LayerRates, adam, adamw, set_rates, sgd
from twinface.training.schedules import SCHEDULES, constant, cosine, exponential, step


def named() -> list[tuple[str, nn.Parameter]]:
    shapes = {
        "net.first.weight": (2, 3),
        "net.first.bias": (2,),
        "net.second.weight": (4, 2),
        "loss.vectors": (3, 4),
    }
    return [(name, nn.Parameter(torch.zeros(shape))) for name, shape in shapes.items()]


def by_name(optimizer: torch.optim.Optimizer, parameters: list[tuple[str, nn.Parameter]]) -> list[list[str]]:
    names = {id(value): name for name, value in parameters}
    return [[names[id(value)] for value in group["params"]] for group in optimizer.param_groups]


def test_adam_has_one_group_and_the_usual_rates() -> None:
    parameters = named()
    optimizer = adam(parameters)
    assert by_name(optimizer, parameters) == [[name for name, _ in parameters]]
    (group,) = optimizer.param_groups
    assert (group["lr"], group["base_rate"], group["weight_decay"]) == (1e-3, 1e-3, 0)
    assert (group["betas"], group["eps"], group["fused"]) == ((0.9, 0.999), 1e-8, True)
    (group,) = adam(named(), learning_rate=0.5, weight_decay=0.1, beta1=0.8, beta2=0.7).param_groups
    assert (group["lr"], group["base_rate"], group["weight_decay"], group["betas"]) == (
        0.5,
        0.5,
        0.1,
        (0.8, 0.7),
    )
    assert type(optimizer) is torch.optim.Adam


def test_adamw_has_a_group_that_decays_and_one_that_does_not() -> None:
    parameters = named()
    optimizer = adamw(parameters)
    assert by_name(optimizer, parameters) == [
        ["net.first.weight", "net.second.weight", "loss.vectors"],
        ["net.first.bias"],
    ]
    assert [group["weight_decay"] for group in optimizer.param_groups] == [0.05, 0]
    optimizer = adamw(named(), learning_rate=0.5, weight_decay=0.1, beta1=0.8, beta2=0.7)
    assert [group["weight_decay"] for group in optimizer.param_groups] == [0.1, 0]
    for group in optimizer.param_groups:
        assert (group["lr"], group["base_rate"], group["betas"], group["fused"]) == (
            0.5,
            0.5,
            (0.8, 0.7),
            True,
        )
    for group in adamw(named()).param_groups:
        assert (group["lr"], group["base_rate"], group["betas"]) == (1e-3, 1e-3, (0.9, 0.999))
    assert type(optimizer) is torch.optim.AdamW


def test_sgd_has_a_group_for_each_layer() -> None:
    parameters = named()
    optimizer = sgd(parameters)
    assert by_name(optimizer, parameters) == [
        ["loss.vectors"],
        ["net.first.weight", "net.first.bias"],
        ["net.second.weight"],
    ]
    for group in optimizer.param_groups:
        assert (group["lr"], group["base_rate"], group["momentum"], group["weight_decay"]) == (
            0.01,
            0.01,
            0.9,
            0,
        )
        assert (group["momentum_top"], group["momentum_start"], group["momentum_epochs"]) == (0.9, 0.9, 50)
        assert not group["nesterov"]
    assert type(optimizer) is torch.optim.SGD


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        ({}, {"base_rate": 0.5, "weight_decay": 0.1, "momentum_top": 0.8, "momentum_start": 0.6}),
        ({"learning_rate": 0.2}, {"base_rate": 0.2, "weight_decay": 0.1, "momentum_top": 0.8}),
        ({"weight_decay": 0.0}, {"base_rate": 0.5, "weight_decay": 0.0, "momentum_top": 0.8}),
        ({"momentum": 0.7}, {"base_rate": 0.5, "momentum_top": 0.7, "momentum_start": 0.6}),
        # No layer begins above its own top.
        ({"momentum": 0.3}, {"weight_decay": 0.1, "momentum_top": 0.3, "momentum_start": 0.3}),
        ({"momentum": 0.0}, {"momentum_top": 0.0, "momentum_start": 0.0}),
    ],
)
def test_a_layer_has_its_own_rates_where_they_are_given(
    own: dict[str, float], expected: dict[str, float]
) -> None:
    settings: dict[str, Any] = {
        "learning_rate": 0.5, "momentum": 0.8, "momentum_start": 0.6, "momentum_epochs": 7, "weight_decay": 0.1,
    }  # fmt: skip
    loss, first, second = sgd(named(), layers={"net.first": LayerRates(**own)}, **settings).param_groups
    assert {name: first[name] for name in expected} == expected
    for other in (loss, second):
        assert (other["base_rate"], other["weight_decay"], other["momentum_top"]) == (0.5, 0.1, 0.8)
        assert (other["momentum_start"], other["momentum_epochs"]) == (0.6, 7)


def test_a_layer_that_is_not_there() -> None:
    with pytest.raises(
        SettingsError, match=r'optimizer\.layers: no layer "net\.fist" \(did you mean "net\.first"\?\)'
    ):
        sgd(named(), layers={"net.fist": LayerRates()})


@pytest.mark.parametrize(
    ("epoch", "momentum"), [(0, 0.5), (0.99, 0.5), (1, 0.6), (2.7, 0.7), (4, 0.9), (9.5, 0.9)]
)
def test_rates_at_a_position(epoch: float, momentum: float) -> None:
    optimizer = sgd(
        named(), learning_rate=0.5, momentum=0.9, momentum_start=0.5, momentum_epochs=4,
        layers={"net.first": LayerRates(learning_rate=0.25, momentum=0.5)},
    )  # fmt: skip
    set_rates(optimizer, lambda position: 1 / (1 + position), epoch)
    loss, first, _ = optimizer.param_groups
    assert (loss["lr"], first["lr"]) == pytest.approx((0.5 / (1 + epoch), 0.25 / (1 + epoch)))
    assert (loss["momentum"], first["momentum"]) == pytest.approx((momentum, 0.5))
    (group,) = adam(named(), learning_rate=0.5).param_groups
    assert "momentum" not in group


POSITIONS = [0, 0.5, 1, 1.5, 4.9, 5, 9.99, 10, 12, 19.5, 20]


@pytest.mark.parametrize("epoch", POSITIONS)
def test_schedules_by_their_formulas(epoch: float) -> None:
    whole = math.floor(epoch)
    assert constant(20)(epoch) == 1
    assert step(20)(epoch) == pytest.approx(0.95 ** (whole // 5))
    assert step(20, every=3, factor=0.5)(epoch) == pytest.approx(0.5 ** (whole // 3))
    assert exponential(20)(epoch) == pytest.approx(0.99**whole)
    assert exponential(20, factor=0.5)(epoch) == pytest.approx(0.5**whole)
    for warmup, floor in ((1.0, 0.0), (0.0, 0.0), (4.0, 0.25), (30.0, 0.1)):
        rise = min(warmup, 10)
        if epoch < rise:
            expected = epoch / rise
        else:
            expected = floor + (1 - floor) * (1 + math.cos(math.pi * (epoch - rise) / (20 - rise))) / 2
        assert cosine(20, warmup=warmup, floor=floor)(epoch) == pytest.approx(expected, abs=1e-12)
    assert cosine(20)(epoch) == cosine(20, warmup=1.0, floor=0.0)(epoch)


def test_a_cosine_stays_down_after_its_end() -> None:
    assert cosine(10, floor=0.2)(10.5) == pytest.approx(0.2)
    assert cosine(10)(25) == pytest.approx(0, abs=1e-12)
    assert sorted(SCHEDULES) == ["constant", "cosine", "exponential", "step"]


@pytest.mark.parametrize("purpose", sorted(_PURPOSES))
def test_random_numbers_depend_on_all_four(purpose: Any) -> None:
    """Runs that are resumed by another version need the same numbers, so that this formula must never change."""
    number = {"weights": 1, "order": 2, "augment": 3, "dropout": 4, "validation": 5, "fit": 6}[purpose]
    for arguments in ((3, 2, 5), (3, 2, 0), (3, 0, 5), (0, 2, 5)):
        seed, epoch, at = arguments
        expected = np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, number, epoch, at])))
        assert random_at(seed, purpose, epoch, at).random(4).tolist() == expected.random(4).tolist()
    assert random_at(3, purpose).random() == random_at(3, purpose, 0, 0).random()


def test_torch_starts_from_one_of_these_numbers() -> None:
    for arguments in ((3, "dropout", 2, 5), (3, "weights", 0, 0), (4, "fit", 1, 0)):
        seed_torch(*arguments)
        found = torch.rand(3)
        torch.manual_seed(int(random_at(*arguments).integers(2**62)))
        assert torch.equal(found, torch.rand(3))
    seed_torch(3, "weights")
    found = torch.rand(3)
    seed_torch(3, "weights", 0, 0)
    assert torch.equal(found, torch.rand(3))
