"""Optimizers, with rates for each layer as in Koch et al. (2015), and the function that sets their rates at each step.

Parameters are (name, parameter) pairs. A layer is the name up to its last dot, so Koch's network has the layers
`backbone.conv1` to `backbone.conv4`, `backbone.dense` and `distance`. A new optimizer is one function here and one line
in `OPTIMIZERS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from pydantic import NonNegativeFloat, PositiveFloat
from torch import nn

from twinface.core.errors import SettingsError
from twinface.core.fields import Fraction, PositiveInt, Strict
from twinface.core.suggestion import nearest
from twinface.training.schedules import Schedule

NamedParameters = Sequence[tuple[str, nn.Parameter]]


class LayerRates(Strict):
    """The rates of one layer; those that are not given are as for the other layers."""

    learning_rate: PositiveFloat | None = None
    momentum: Fraction | None = None
    weight_decay: NonNegativeFloat | None = None


def adam(
    parameters: NamedParameters,
    *,
    learning_rate: PositiveFloat = 1e-3,
    weight_decay: NonNegativeFloat = 0.0,
    beta1: Fraction = 0.9,
    beta2: Fraction = 0.999,
) -> torch.optim.Optimizer:
    """Adam (Kingma and Ba 2015); `weight_decay` is an L2 penalty on every parameter, as seed B had it."""
    group = {"params": [parameter for _, parameter in parameters], "base_rate": learning_rate}
    return torch.optim.Adam(
        [group], lr=learning_rate, betas=(beta1, beta2), weight_decay=weight_decay, fused=True
    )


def keras_adam(
    parameters: NamedParameters,
    *,
    learning_rate: PositiveFloat = 1e-3,
    l2: NonNegativeFloat = 0.0,
    beta1: Fraction = 0.9,
    beta2: Fraction = 0.999,
    epsilon: PositiveFloat = 1e-7,
) -> torch.optim.Optimizer:
    """Adam as Keras has it, with the penalty `l2 * sum of squares` on kernels, as seed A had it.

    Args:
        parameters: to train.
        learning_rate: of all of them.
        l2: of the penalty on the weights of convolutions and dense layers. Biases, batch normalisation and the weights
            of the distance have none. The gradient is `2 * l2 * weight`: twice what torch calls weight decay.
        beta1, beta2: of the two averages.
        epsilon: added to the root of the second average before that is corrected for its start (Kingma and Ba 2015,
            end of section 2); torch adds it afterwards.
    """
    return _KerasAdam(
        _matrices_and_vectors(parameters, learning_rate, 2 * l2),
        lr=learning_rate,
        betas=(beta1, beta2),
        eps=epsilon,
        fused=True,
    )


class _KerasAdam(torch.optim.Adam):
    """Adam with the epsilon of Keras, see `keras_adam`."""

    def step(self, closure: Any = None) -> Any:
        """Makes a step with the epsilon that has the same effect where torch adds it."""
        for group in self.param_groups:
            steps = [int(self.state[each]["step"]) for each in group["params"] if each in self.state]
            corrected = 1 - group["betas"][1] ** (max(steps, default=0) + 1)
            group["eps"] = self.defaults["eps"] / corrected**0.5
        return super().step(closure)


def adamw(
    parameters: NamedParameters,
    *,
    learning_rate: PositiveFloat = 1e-3,
    weight_decay: NonNegativeFloat = 0.05,
    beta1: Fraction = 0.9,
    beta2: Fraction = 0.999,
) -> torch.optim.Optimizer:
    """AdamW (Loshchilov and Hutter 2019); biases and normalisation weights do not decay."""
    groups = _matrices_and_vectors(parameters, learning_rate, weight_decay)
    return torch.optim.AdamW(groups, lr=learning_rate, betas=(beta1, beta2), fused=True)


def _matrices_and_vectors(
    parameters: NamedParameters, learning_rate: float, weight_decay: float
) -> list[dict[str, Any]]:
    """Two groups of parameters: arrays of two or more dimensions, which decay, and all others, which do not."""
    matrices = [parameter for _, parameter in parameters if parameter.ndim > 1]
    vectors = [parameter for _, parameter in parameters if parameter.ndim <= 1]
    return [
        {"params": matrices, "weight_decay": weight_decay, "base_rate": learning_rate},
        {"params": vectors, "weight_decay": 0.0, "base_rate": learning_rate},
    ]


def sgd(
    parameters: NamedParameters,
    *,
    learning_rate: PositiveFloat = 1e-2,
    momentum: Fraction = 0.9,
    momentum_start: Fraction | None = None,
    momentum_epochs: PositiveInt = 50,
    weight_decay: NonNegativeFloat = 0.0,
    layers: Mapping[str, LayerRates] | None = None,
) -> torch.optim.Optimizer:
    """Stochastic gradient descent with momentum, in the paper's form (Koch et al. 2015, section 3.2).

    Args:
        parameters: to train.
        learning_rate: of every layer that `layers` does not name.
        momentum: after `momentum_epochs`.
        momentum_start: of the linear rise to `momentum` (0.5 in the paper); None keeps `momentum` constant.
        momentum_epochs: epochs that the rise takes.
        weight_decay: L2 penalty.
        layers: rates of single layers, by name: `{"backbone.dense": {"learning_rate": 1e-3}}`.

    Raises:
        SettingsError: `layers` names a layer that the network does not have.
    """
    layers = layers or {}
    names = sorted({_layer(name) for name, _ in parameters})
    for name in layers:
        if name not in names:
            raise SettingsError(f'optimizer.layers: no layer "{name}"{nearest(name, names)}')
    groups: list[dict[str, Any]] = []
    for name in names:
        own = layers.get(name, LayerRates())
        top = momentum if own.momentum is None else own.momentum
        groups.append(
            {
                "params": [parameter for full, parameter in parameters if _layer(full) == name],
                "base_rate": learning_rate if own.learning_rate is None else own.learning_rate,
                "weight_decay": weight_decay if own.weight_decay is None else own.weight_decay,
                "momentum_top": top,
                "momentum_start": top if momentum_start is None else min(momentum_start, top),
                "momentum_epochs": momentum_epochs,
            }
        )
    return torch.optim.SGD(groups, lr=learning_rate, momentum=momentum)


def set_rates(optimizer: torch.optim.Optimizer, schedule: Schedule, epoch: float) -> None:
    """Sets each group's learning rate, and its momentum where that rises, for a position in epochs."""
    factor = schedule(epoch)
    for group in optimizer.param_groups:
        group["lr"] = group["base_rate"] * factor
        if "momentum_top" in group:
            risen = min(1.0, int(epoch) / group["momentum_epochs"])
            group["momentum"] = group["momentum_start"] + risen * (
                group["momentum_top"] - group["momentum_start"]
            )


def l2_penalty(optimizer: torch.optim.Optimizer) -> float:
    """The penalty that weight decay stands for: half the decay times the sum of the squared parameters.

    AdamW's decay is not the gradient of a penalty; the figure is then that of the same decay in Adam.
    """
    penalty = 0.0
    for group in optimizer.param_groups:
        if group["weight_decay"]:
            squares = sum(float(parameter.detach().square().sum()) for parameter in group["params"])
            penalty += group["weight_decay"] / 2 * squares
    return penalty


def _layer(parameter: str) -> str:
    return parameter.rpartition(".")[0]


OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "adam": adam,
    "keras-adam": keras_adam,
    "adamw": adamw,
    "sgd": sgd,
}
