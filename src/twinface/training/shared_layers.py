"""Layers that depend on the whole batch, for a batch whose rows are shared among processes.

`share_layers` replaces torch's own layers, under the same names and with the same parameters. So the state file is the
same for any number of processes.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.dropout import _DropoutNd

from twinface.core.errors import SettingsError
from twinface.networks.backbones.trained_fisher import PartDropout
from twinface.training.batch_norms import SharedBatchNorm
from twinface.training.processes import Processes, Share


def share_layers(network: nn.Module, processes: Processes) -> None:
    """Replaces, inside a network, the layers that would treat a share of a batch as a whole batch.

    Raises:
        SettingsError: there is a layer that draws random numbers and has no shared form.
    """
    if processes.alone:
        return
    for name, layer in network.named_children():
        if isinstance(layer, _BatchNorm):
            setattr(network, name, SharedBatchNorm(layer, processes).train(layer.training))
        elif isinstance(layer, nn.Dropout):
            setattr(network, name, SharedDropout(layer.p, processes).train(layer.training))
        elif isinstance(layer, PartDropout):
            setattr(network, name, SharedPartDropout(layer.rate, processes).train(layer.training))
        elif isinstance(layer, _DropoutNd):
            kind = type(layer).__name__
            raise SettingsError(
                f"network.backbone: {kind} cannot be shared among processes; use Dropout, or train in one process"
            )
        else:
            share_layers(layer, processes)


class SharedDropout(nn.Module):
    """Dropout that draws for the whole batch and uses its own rows, so that each picture gets what it would alone.

    Args:
        rate: share of the values that are set to 0.
        processes: that share the batch; all of them run the layer together.
    """

    def __init__(self, rate: float, processes: Processes) -> None:
        super().__init__()
        self.rate = rate
        # Not compiled: the number of rows is known only when the layer runs.
        self._agree_share = torch.compiler.disable(processes.agree_share)  # type: ignore[no-untyped-call]

    def forward(self, values: Tensor) -> Tensor:
        """`[B, …] -> [B, …]`; values that are kept are divided by the share that is kept."""
        if not self.training or self.rate == 0:
            return values
        share: Share = self._agree_share(len(values))
        # Drawn in the order in which values lie in memory, as torch does it.
        one = values.new_empty(1, *values.shape[1:])
        if values.dim() == 4 and values.is_contiguous(memory_format=torch.channels_last):
            one = one.to(memory_format=torch.channels_last)
        noise = torch.empty_strided(
            (share.total, *values.shape[1:]),
            (one.numel(), *one.stride()[1:]),
            dtype=values.dtype,
            device=values.device,
        )
        noise.bernoulli_(1 - self.rate).div_(1 - self.rate)
        return values * noise[share.rows]


class SharedPartDropout(PartDropout):
    """`PartDropout` that draws for the whole batch and uses its own rows.

    Args:
        rate: see `PartDropout`.
        processes: that share the batch; all of them run the layer together.
    """

    def __init__(self, rate: float, processes: Processes) -> None:
        super().__init__(rate)
        self._agree_share = torch.compiler.disable(processes.agree_share)  # type: ignore[no-untyped-call]

    def batch(self, count: int) -> tuple[int, slice]:
        """The pictures of all processes, and which of them are this one's."""
        share: Share = self._agree_share(count)
        return share.total, share.rows
