"""The first three blocks of Koch's network (convolution, normalisation, ReLU, pooling), made for fast training.

They are the same function as `Koch.forward`'s. What differs is how maps lie: place by place, `[H, W, B, C]`, as the
Fourier transforms of `fourier` want them and leave them, so that nothing is moved about between layers. The first
convolution never has maps of full size (`first_layer`), and pooling takes its ReLU along (`maxima`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from twinface.networks.backbones.first_layer import first_layer
from twinface.networks.backbones.fourier import fourier_convolution_of_places, pays
from twinface.networks.backbones.maxima import rectified, rectified_maxima, spread_gradient

Block = tuple[nn.Conv2d, nn.Module]  # a convolution and its normalisation, or nn.Identity


def suits(blocks: Sequence[Block], dropout: Iterable[nn.Module], images: Tensor) -> bool:
    """Whether `fast_blocks` can take the place of blocks: in training, in bfloat16, with batches worth transforming.

    Args:
        blocks: the network's first three, all that comes before a ReLU and a pooling layer.
        dropout: what comes after these; its masks depend on how maps lie, so there must be none.
        images: `[B, C, H, W]`.
    """
    right_images = images.device.type == "cpu" and not images.requires_grad and images.shape[1] == 1
    right_moment = torch.is_grad_enabled() and torch.is_autocast_enabled("cpu")
    if not right_images or not right_moment or torch.compiler.is_compiling():
        return False
    if not all(_is_known(norm) for _, norm in blocks):
        return False
    if not all(isinstance(layer, nn.Dropout) and layer.p == 0 for layer in dropout):
        return False
    first, *others = (layer for layer, _ in blocks)
    height, width = _pooled(first, images.shape[2], images.shape[3])
    for layer in others:
        if not pays(layer, (len(images), layer.in_channels, height, width)):
            return False
        height, width = _pooled(layer, height, width)
    return True


def fast_blocks(blocks: Sequence[Block], images: Tensor, dtype: torch.dtype = torch.bfloat16) -> Tensor:
    """Convolution, normalisation, ReLU and 2 x 2 pooling for each block.

    Args:
        blocks: of convolutions without padding or stride, with a bias.
        images: `[B, 1, H, W]`; they get no gradient.
        dtype: of products and maps.

    Returns:
        `[B, C, H, W]`, channels last, of that type.
    """
    with torch.autocast("cpu", enabled=False):  # what is not in bfloat16 here is meant not to be
        (layer, norm), *others = blocks
        maps = first_layer(images, layer, norm, dtype)
        for layer, norm in others:
            maps = fourier_convolution_of_places(maps, layer.weight.to(dtype))
            assert layer.bias is not None
            maps = _Pool.apply(_normalise(norm, maps, layer.bias))  # type: ignore[no-untyped-call]
        return maps.permute(2, 3, 0, 1).contiguous(memory_format=torch.channels_last)


def _is_known(norm: nn.Module) -> bool:
    return isinstance(norm, nn.Identity) or (type(norm) is nn.BatchNorm2d and norm.training)


def _pooled(layer: nn.Conv2d, height: int, width: int) -> tuple[int, int]:
    tall, wide = layer.kernel_size
    return (height - tall + 1) // 2, (width - wide + 1) // 2


def _normalise(norm: nn.Module, maps: Tensor, bias: Tensor) -> Tensor:
    """What the normalisation makes of maps `[H, W, B, C]` to which a bias is still to be added."""
    if not isinstance(norm, nn.BatchNorm2d):
        return maps + bias.to(maps.dtype)
    assert norm.running_mean is not None
    assert norm.num_batches_tracked is not None
    assert norm.momentum is not None
    # A bias before it moves nothing but the running mean: it is left out, and its gradient is 0.
    mean = norm.running_mean - bias.detach()
    normalised = functional.batch_norm(
        maps.permute(0, 3, 1, 2),  # as channels last; which of the other axes is which does not matter
        mean,
        norm.running_var,
        norm.weight,
        norm.bias + 0 * bias,
        training=True,
        momentum=norm.momentum,
        eps=norm.eps,
    )
    norm.num_batches_tracked.add_(1)
    norm.running_mean.copy_(mean + bias.detach())
    return normalised.permute(0, 2, 3, 1)


class _Pool(torch.autograd.Function):
    """`[H, W, B, C] -> [H / 2, W / 2, B, C]`: ReLU and pooling; an odd last row or column is left out."""

    @staticmethod
    def forward(ctx: Any, maps: Tensor) -> Tensor:
        height, width, *rest = maps.shape
        result = maps.new_empty(height // 2, width // 2, *rest)
        for (upper, lower), row in zip(_windows(maps), result, strict=True):
            rectified_maxima(upper, lower, row.flatten(1))
        ctx.save_for_backward(maps)
        return result

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (maps,) = ctx.saved_tensors
        result = torch.empty_like(maps, memory_format=torch.contiguous_format)
        result[2 * len(gradient) :] = 0
        result[:, 2 * gradient.shape[1] :] = 0
        windows = zip(gradient.contiguous(), _windows(maps), _windows(result), strict=True)
        for row, (upper, lower), (to_upper, to_lower) in windows:
            spread_gradient(row.flatten(1), rectified(upper), rectified(lower), to_upper, to_lower)
        return result


def _windows(maps: Tensor) -> list[tuple[Tensor, Tensor]]:
    """`[H, W, B, C]` → for each pair of rows, upper and lower halves `[W / 2, 2, B C]` of the windows in them."""
    height, width = maps.shape[0] // 2, maps.shape[1] // 2
    rows = [row[: 2 * width].reshape(width, 2, -1) for row in maps]
    return list(zip(rows[: 2 * height : 2], rows[1 : 2 * height : 2], strict=True))
