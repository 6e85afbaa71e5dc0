"""Layers that mix or draw over a batch, for a batch whose rows are shared among processes.

`share_layers` puts them in the place of torch's own, under the same names and with the same parameters, so that the
state is the same file. torch's SyncBatchNorm, which does the first of it, runs on GPUs alone.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.dropout import _DropoutNd

from twinface.core.errors import SettingsError
from twinface.training.processes import Processes


class SharedBatchNorm(_BatchNorm):
    """Batch normalisation by the statistics of all processes' rows together (Ioffe and Szegedy 2015).

    Args:
        norm: whose parameters and running statistics it takes over.
        processes: who share the batch.
    """

    def __init__(self, norm: _BatchNorm, processes: Processes) -> None:
        super().__init__(norm.num_features, norm.eps, norm.momentum, norm.affine, norm.track_running_stats)
        self.weight, self.bias = norm.weight, norm.bias
        self.running_mean, self.running_var = norm.running_mean, norm.running_var
        self.num_batches_tracked = norm.num_batches_tracked
        self.processes = processes

    def _check_input_dim(self, input: Tensor) -> None:
        """Whatever its dimensions, the second is the channels."""

    def forward(self, maps: Tensor) -> Tensor:
        """`[B, C, …] -> [B, C, …]`; in evaluation mode as torch's own."""
        if not self.training:
            return super().forward(maps)
        normalised, mean, variance, count = _Normalise.apply(  # type: ignore[no-untyped-call]
            maps, self.weight, self.bias, self.eps, self.processes
        )
        if self.track_running_stats:
            keep_statistics(self, mean, variance * (count / (count - 1).clamp_min(1)))
        result: Tensor = normalised
        return result


def keep_statistics(norm: _BatchNorm, mean: Tensor, variance: Tensor) -> None:
    """Moves a normalisation's running statistics towards a batch's, as torch's own layers do.

    Args:
        norm: tracks them.
        mean, variance: `[C]` of the batch; the variance with one degree of freedom less than it has values.
    """
    assert norm.num_batches_tracked is not None
    norm.num_batches_tracked.add_(1)
    momentum = 1 / float(norm.num_batches_tracked) if norm.momentum is None else norm.momentum
    for running, found in ((norm.running_mean, mean), (norm.running_var, variance)):
        assert running is not None
        running.mul_(1 - momentum).add_(found, alpha=momentum)


class SharedDropout(nn.Module):
    """Dropout that draws for the whole batch and keeps its rows' part, so that each picture gets what it would alone.

    Args:
        rate: share of the values that are set to 0.
        processes: who share the batch.
    """

    def __init__(self, rate: float, processes: Processes) -> None:
        super().__init__()
        self.rate, self.processes = rate, processes

    def forward(self, values: Tensor) -> Tensor:
        """`[B, …] -> [B, …]`, what is kept divided by the share that is kept."""
        if not self.training or self.rate == 0:
            return values
        share = self.processes.share
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


def share_layers(network: nn.Module, processes: Processes) -> None:
    """Replaces, inside a network, the layers that would treat a share of a batch as a batch.

    Raises:
        SettingsError: there is one that draws at random and is not known here.
    """
    if processes.alone:
        return
    for name, layer in network.named_children():
        if isinstance(layer, _BatchNorm):
            setattr(network, name, SharedBatchNorm(layer, processes).train(layer.training))
        elif isinstance(layer, nn.Dropout):
            setattr(network, name, SharedDropout(layer.p, processes).train(layer.training))
        elif isinstance(layer, _DropoutNd):
            kind = type(layer).__name__
            raise SettingsError(
                f"network.backbone: {kind} cannot be shared among processes; use Dropout, or train in one process"
            )
        else:
            share_layers(layer, processes)


class _Normalise(torch.autograd.Function):
    """Forward: mean and variance of the batch from those of each share (Chan, Golub and LeVeque 1983).

    Backward: the two sums that a batch normalisation's gradient needs, over all shares. The gradients of weight and
    bias are those of this share's rows; they are added up with all the others.
    """

    @staticmethod
    def forward(
        ctx: Any, maps: Tensor, weight: Tensor | None, bias: Tensor | None, eps: float, processes: Processes
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        own = torch.zeros(processes.count, 3, maps.shape[1], dtype=torch.float64, device=maps.device)
        if len(maps):
            variance, mean = torch.var_mean(maps.float(), _all_but_channels(maps), correction=0)
            own[processes.rank] = torch.stack([torch.full_like(mean, maps[:, 0].numel()), mean, variance])
        counts, means, variances = processes.add(own).unbind(1)
        count = counts.sum(0)
        mean = (counts * means).sum(0) / count
        variance = (counts * (variances + (means - mean).square())).sum(0) / count
        ctx.save_for_backward(maps, weight, mean.float(), (variance + eps).rsqrt().float(), count)
        ctx.processes = processes
        mean, variance, count = mean.float(), variance.float(), count.float()
        normalised = functional.batch_norm(maps, mean, variance, weight, bias, eps=eps)
        ctx.mark_non_differentiable(mean, variance, count)
        return normalised, mean, variance, count

    @staticmethod
    def backward(ctx: Any, gradient: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
        maps, weight, mean, scale, count = ctx.saved_tensors
        shape = (1, -1, *[1] * (maps.dim() - 2))
        slopes = gradient.float()
        centred = (maps.float() - mean.view(shape)) * scale.view(shape)
        sums = torch.stack(
            [slopes.sum(_all_but_channels(maps)), (slopes * centred).sum(_all_but_channels(maps))]
        )
        to_bias, to_weight = sums if weight is not None else (None, None)
        mean_slope, mean_product = ctx.processes.add(sums.double()) / count
        slopes = slopes - mean_slope.float().view(shape) - centred * mean_product.float().view(shape)
        factor = scale if weight is None else scale * weight
        return (slopes * factor.view(shape)).to(maps.dtype), to_weight, to_bias, None, None


def _all_but_channels(maps: Tensor) -> list[int]:
    return [dimension for dimension in range(maps.dim()) if dimension != 1]
