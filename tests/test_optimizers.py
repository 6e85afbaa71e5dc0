"""Optimizers: rates for each layer, the paper's momentum, and schedules as pure functions."""

import pytest
import torch

from twinface.core.errors import SettingsError
from twinface.networks.backbones import Koch
from twinface.networks.siamese import SiameseNetwork
from twinface.training.build import build_training_state
from twinface.training.machine import Machine
from twinface.training.optimizers import OPTIMIZERS, set_rates, sgd
from twinface.training.recipe import load_recipe
from twinface.training.schedules import SCHEDULES, cosine

CPU = Machine("cpu", 1, "float32")


def parameters():
    return list(SiameseNetwork(Koch((1, 66, 66), dense=8), "weighted-l1").named_parameters())


def test_layers_have_rates_of_their_own() -> None:
    layers = {"backbone.conv1": {"learning_rate": 0.5, "weight_decay": 0.25, "momentum": 0.7}}
    settings = load_recipe("koch", ["network.backbone.dense=8", "optimizer.momentum=0.8"]).model_copy()
    component = settings.optimizer.model_copy(update={"layers": layers})
    state = build_training_state(settings.model_copy(update={"optimizer": component}), 2, CPU, 0)
    groups = {group["base_rate"]: group for group in state.optimizer.param_groups}
    assert groups[0.5]["weight_decay"] == 0.25
    assert groups[0.5]["momentum_top"] == 0.7
    assert len(groups[0.5]["params"]) == 2
    assert groups[0.01]["momentum_top"] == 0.8


def test_every_parameter_is_in_one_group() -> None:
    named = parameters()
    for name, build in OPTIMIZERS.items():
        grouped = [p for group in build(named).param_groups for p in group["params"]]
        assert {id(p) for p in grouped} == {id(p) for _, p in named}, name
        assert len(grouped) == len(named)


def test_an_unknown_layer_is_refused() -> None:
    with pytest.raises(SettingsError, match=r'no layer "backbone\.conv9" \(did you mean'):
        sgd(parameters(), layers={"backbone.conv9": {}})


def test_momentum_rises_linearly() -> None:
    optimizer = sgd(parameters(), momentum=0.9, momentum_start=0.5, momentum_epochs=4)
    seen = []
    for epoch in range(6):
        set_rates(optimizer, SCHEDULES["exponential"](6, factor=0.5), epoch)
        seen.append((optimizer.param_groups[0]["momentum"], optimizer.param_groups[0]["lr"]))
    assert [momentum for momentum, _ in seen] == pytest.approx([0.5, 0.6, 0.7, 0.8, 0.9, 0.9])
    assert [rate for _, rate in seen] == pytest.approx([0.01 * 0.5**epoch for epoch in range(6)])


def test_adamw_does_not_decay_vectors() -> None:
    groups = OPTIMIZERS["adamw"](parameters(), weight_decay=0.1).param_groups
    for group in groups:
        for parameter in group["params"]:
            assert (group["weight_decay"] == 0.1) == (parameter.ndim > 1)


@pytest.mark.parametrize("name", sorted(SCHEDULES))
def test_schedules_stay_within_the_base_rate(name: str) -> None:
    schedule = SCHEDULES[name](10)
    factors = [schedule(position / 7) for position in range(70)]
    assert all(0 <= factor <= 1 for factor in factors)


def test_steplr_is_torchs() -> None:
    weight = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([weight], lr=1.0)
    theirs = torch.optim.lr_scheduler.StepLR(optimizer, step_size=5, gamma=0.95)
    ours = SCHEDULES["step"](20, every=5, factor=0.95)
    for epoch in range(20):
        assert ours(epoch) == pytest.approx(optimizer.param_groups[0]["lr"])
        optimizer.step()
        theirs.step()


def test_a_warmup_longer_than_training_is_cut() -> None:
    assert cosine(1, warmup=5)(0.5) == 1.0
