"""An exponential average of a network's weights, which is usually better than its last weights."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class WeightAverage:
    """Follows a network's weights and statistics (Polyak and Juditsky 1992; Tarvainen and Valpola 2017).

    Args:
        network: what to follow.
        decay: weight of the past at each step, once enough steps are behind; until then it is
            (1 + n) / (10 + n) after n steps, so that the first weights are soon forgotten.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self.tensors: dict[str, Tensor] = {
            name: value.clone() for name, value in network.state_dict().items()
        }

    @torch.no_grad()
    def update(self, network: nn.Module, steps: int) -> None:
        """Moves towards the network's present weights; `steps` is the number of steps before this one."""
        decay = min(self.decay, (1 + steps) / (10 + steps))
        for name, value in network.state_dict().items():
            if value.is_floating_point():
                self.tensors[name].lerp_(value, 1 - decay)
            else:
                self.tensors[name].copy_(value)
