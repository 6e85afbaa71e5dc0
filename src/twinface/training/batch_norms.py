"""Batch normalisations that take the place of torch's during training.

One has statistics of each side of a batch of pairs, the other those of rows that are shared among processes. torch's
SyncBatchNorm does the latter on GPUs only.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm

from twinface.core.errors import SettingsError
from twinface.training.processes import Processes


class _InPlaceOf(_BatchNorm):
    """A batch normalisation with the parameters and running statistics of another one, under the same names."""

    def __init__(self, norm: _BatchNorm) -> None:
        super().__init__(norm.num_features, norm.eps, norm.momentum, norm.affine, norm.track_running_stats)
        self.weight, self.bias = norm.weight, norm.bias
        self.running_mean, self.running_var = norm.running_mean, norm.running_var
        self.num_batches_tracked = norm.num_batches_tracked

    def _check_input_dim(self, input: Tensor) -> None:
        """Accepts any number of dimensions; the second one is the channels."""


def part_sides(network: nn.Module) -> None:
    """Replaces each batch normalisation inside a network by a `SideBatchNorm`."""
    for name, layer in network.named_children():
        if isinstance(layer, _BatchNorm):
            setattr(network, name, SideBatchNorm(layer).train(layer.training))
        else:
            part_sides(layer)


class SideBatchNorm(_InPlaceOf):
    """Batch normalisation with statistics of each side of a batch of pairs.

    It gives what two passes give, one of all left pictures and one of all right ones. In one pass each weight gets its
    gradient once, and each kernel is transformed once.

    Args:
        norm: torch's layer, which it replaces.
    """

    def forward(self, maps: Tensor) -> Tensor:
        """`[2 P, C, …] -> [2 P, C, …]`, left sides before right sides; in evaluation mode as torch's own layer.

        Raises:
            SettingsError: in training, a channel of a side has a single number, as vectors of a single pair have.
        """
        if not self.training:
            return super().forward(maps)
        left, right = maps.chunk(2)
        if left[:, 0].numel() < 2:
            raise SettingsError(
                'trainer.sides = "apart": found a batch of one pair, and one number a side has no variance; choose a '
                "sampling.batch_size that leaves no single pair over"
            )
        return torch.cat([super().forward(left), super().forward(right)])


class SharedBatchNorm(_InPlaceOf):
    """Batch normalisation with the statistics of all processes' rows together (Ioffe and Szegedy 2015).

    Args:
        norm: torch's layer, which it replaces.
        processes: that share the batch.
    """

    def __init__(self, norm: _BatchNorm, processes: Processes) -> None:
        super().__init__(norm)
        self.processes = processes

    def forward(self, maps: Tensor) -> Tensor:
        """`[B, C, …] -> [B, C, …]`; in evaluation mode as torch's own layer."""
        if not self.training:
            return super().forward(maps)
        normalised, mean, variance, count = _Normalise.apply(  # type: ignore[no-untyped-call]
            maps, self.weight, self.bias, self.eps, self.processes
        )
        if self.track_running_stats:
            self._track(mean, variance * (count / (count - 1).clamp_min(1)))
        result: Tensor = normalised
        return result

    def _track(self, mean: Tensor, variance: Tensor) -> None:
        """Moves the running statistics towards those of a batch, `[C]` each, as torch's own layer does."""
        assert self.num_batches_tracked is not None
        self.num_batches_tracked.add_(1)
        momentum = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        for running, found in ((self.running_mean, mean), (self.running_var, variance)):
            assert running is not None
            running.mul_(1 - momentum).add_(found, alpha=momentum)


class _Normalise(torch.autograd.Function):
    """Forward: mean and variance of the batch from those of each share (Chan, Golub and LeVeque 1983).

    Backward: the gradient of a batch normalisation needs two sums, here over all shares. The gradients of weight and
    bias are those of this share's rows, and are summed later with all others.
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
