"""How many multiplications a network takes."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from twinface.networks.backbones.base import InputShape


def multiply_adds(backbone: nn.Module, shape: InputShape) -> dict[str, int]:
    """Counts the multiplications (each with its addition) of every convolution and dense layer for one picture.

    Returns:
        Name of the layer → count, in the order of the forward pass.
    """
    counts: dict[str, int] = {}
    names = {module: name for name, module in backbone.named_modules()}

    def count(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        weight = module.weight
        assert isinstance(weight, Tensor)
        counts[names[module]] = weight.numel() * (output.numel() // weight.shape[0])

    hooks = [
        module.register_forward_hook(count)
        for module in backbone.modules()
        if isinstance(module, nn.Conv2d | nn.Linear)
    ]
    training = backbone.training
    try:
        with torch.no_grad():
            backbone.eval()(torch.zeros(1, *shape))
    finally:
        backbone.train(training)
        for hook in hooks:
            hook.remove()
    return counts
