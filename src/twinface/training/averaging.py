"""An exponential average of a network's weights, which is usually more accurate than its last weights."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class WeightAverage:
    """Follows a network's weights and statistics (Polyak and Juditsky 1992; Tarvainen and Valpola 2017).

    Args:
        network: the network to follow.
        decay: weight of the past at each step. After n steps it is at most (1 + n) / (10 + n), so that the first
            weights are forgotten soon.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self.tensors: dict[str, Tensor] = {}
        self.begin(network)

    def begin(self, network: nn.Module) -> None:
        """Takes the network's weights as they are now."""
        self.tensors = {name: value.clone() for name, value in network.state_dict().items()}

    @torch.no_grad()
    def update(self, network: nn.Module, steps: int) -> None:
        """Moves towards the network's current weights; `steps` is the number of steps before this one."""
        decay = min(self.decay, (1 + steps) / (10 + steps))
        for name, value in network.state_dict().items():
            if value.is_floating_point():
                self.tensors[name].lerp_(value, 1 - decay)
            else:
                self.tensors[name].copy_(value)
