"""The layers of a network: what goes out of each, its parameters, and how many multiplications it takes."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from twinface.models.layer import Layer
from twinface.networks.backbones.base import InputShape


def layers_of(backbone: nn.Module, shape: InputShape) -> list[Layer]:
    """The layers that one picture passes, in the order of the forward pass.

    Activations and pooling that are written as functions are no layers here.

    Args:
        backbone: `[B, C, H, W] -> [B, D]`; it is left as it was.
        shape: of the input.
    """
    found: list[Layer] = []
    names = {module: name for name, module in backbone.named_modules()}

    def note(module: nn.Module, inputs: tuple[Tensor, ...], output: Any) -> None:
        if isinstance(output, Tensor):
            found.append(_layer(names[module], module, output))

    hooks = [
        module.register_forward_hook(note)
        for module in backbone.modules()
        if not list(module.children()) and not _does_nothing(module) and module is not backbone
    ]
    training = backbone.training
    try:
        with torch.no_grad():
            backbone.eval()(torch.zeros(1, *shape))
    finally:
        backbone.train(training)
        for hook in hooks:
            hook.remove()
    return found


def _does_nothing(module: nn.Module) -> bool:
    return isinstance(module, nn.Identity) or (isinstance(module, nn.Dropout) and module.p == 0)


def multiply_adds(backbone: nn.Module, shape: InputShape) -> dict[str, int]:
    """Counts the multiplications (each with its addition) of every convolution and dense layer for one picture.

    Returns:
        Name of the layer → count, in the order of the forward pass.
    """
    return {layer.name: layer.multiply_adds for layer in layers_of(backbone, shape) if layer.multiply_adds}


def _layer(name: str, module: nn.Module, output: Tensor) -> Layer:
    kind, multiplied = type(module).__name__, 0
    if isinstance(module, nn.Conv2d | nn.Linear):
        # Each weight is multiplied once for each place of the output.
        multiplied = module.weight.numel() * (output.numel() // module.weight.shape[0])
    if isinstance(module, nn.Conv2d):
        kind = f"{kind} {'x'.join(map(str, module.kernel_size))}"
    elif isinstance(module, nn.Dropout):
        kind = f"{kind} {module.p:g}"
    parameters = sum(each.numel() for each in module.parameters())
    return Layer(name, kind, tuple(output.shape[1:]), parameters, multiplied)
