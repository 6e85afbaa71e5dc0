"""The state of training: all that training changes, as objects to train and as tensors to save."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from twinface.core.errors import ModelError
from twinface.networks.siamese import SiameseNetwork
from twinface.training.averaging import WeightAverage
from twinface.training.losses import Loss
from twinface.training.state_file import Tensors


@dataclass
class TrainingState:
    """All that training changes.

    Attributes:
        network: the network that is trained.
        features: `network.features`, or its compiled form; embeds the pictures of a training step.
        loss: with its own weights, if it has any.
        optimizer: of the weights of both.
        average: of the network's weights, or None.
    """

    network: SiameseNetwork
    features: Callable[[Tensor], Tensor]
    loss: Loss
    optimizer: torch.optim.Optimizer
    average: WeightAverage | None = None

    def tensors(self) -> Tensors:
        """Every tensor by name, without copies."""
        tensors = {f"twin/{name}": value for name, value in self.network.state_dict().items()}
        tensors |= {f"loss/{name}": value for name, value in self.loss.state_dict().items()}
        if self.average:
            tensors |= {f"average/{name}": value for name, value in self.average.tensors.items()}
        for index, slots in self.optimizer.state_dict()["state"].items():
            tensors |= {
                f"optimizer/{index}/{slot}": value for slot, value in slots.items() if value is not None
            }
        return tensors

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """The inverse of `tensors`.

        Raises:
            ModelError: the tensors are of another network or loss, such as an older version's.
        """
        own = self.tensors()
        for name in sorted(own.keys() | tensors.keys()):
            here, there = (tuple(each[name].shape) if name in each else "nothing" for each in (own, tensors))
            # An optimizer makes its own tensors in its first step.
            if here != there and not name.startswith("optimizer/"):
                raise ModelError(
                    f"{name}: found {there}, this version's network and loss need {here}: "
                    "another version made it; continue with that one, or train again"
                )
        self.network.load_state_dict(_under("twin/", tensors))
        self.loss.load_state_dict(_under("loss/", tensors))
        if self.average:
            for name, value in _under("average/", tensors).items():
                self.average.tensors[name].copy_(value)
        slots: dict[int, dict[str, Tensor]] = {}
        for name, value in _under("optimizer/", tensors).items():
            index, _, slot = name.partition("/")
            slots.setdefault(int(index), {})[slot] = value
        self.optimizer.load_state_dict({**self.optimizer.state_dict(), "state": slots})
        # Fused optimizers read a parameter and its moments in the order of memory, so a moment that was loaded must
        # have the memory layout of its parameter (channels_last, for example).
        for parameter, state in self.optimizer.state.items():
            for slot, value in state.items():
                if value.shape == parameter.shape:
                    state[slot] = torch.empty_like(parameter).copy_(value)

    def kept_weights(self) -> Tensors:
        """The weights that are validated and kept: the average if there is one, otherwise the network's own."""
        return dict(self.average.tensors if self.average else self.network.state_dict())


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
