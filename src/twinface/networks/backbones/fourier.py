"""Convolutions with large kernels by Fourier transforms: the function of `nn.Conv2d` with fewer multiplications.

A convolution multiplies each frequency of the maps by the same frequency of the kernels (Mathieu, Henaff and LeCun
2014, "Fast training of convolutional networks through FFTs"). The second layer of Koch's network, 7 x 7 on 48 x 48,
takes a sixth of the multiplications that way. The transforms are products with matrices of cosines and sines, not FFTs:
maps are small, processors multiply bfloat16 matrices fast, and the derivatives are matrix products too.

Axes in comments: B pictures, C input channels, K output channels, h and w places, u and v frequencies along h and w, r
the real and imaginary part.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn

# A direct convolution makes so many times more multiplications a second (measured, docs/performance.md).
_SLOWER_IN_BFLOAT16, _SLOWER = 3, 2


def convolve(layer: nn.Conv2d, maps: Tensor) -> Tensor:
    """Applies a convolution to maps `[B, C, H, W]`, by Fourier transforms where those are faster.

    They are faster on a processor for large batches and large kernels. In float32 they are used in training alone, so
    that a finished network embeds a picture in the same way in every batch.
    """
    lowered = torch.is_autocast_enabled("cpu")
    wanted = lowered or (layer.training and torch.is_grad_enabled())
    if wanted and maps.device.type == "cpu" and not torch.compiler.is_compiling():
        kind = torch.bfloat16 if lowered else layer.weight.dtype
        if pays(layer, tuple(maps.shape), kind):
            return fourier_convolution(maps.to(kind), layer.weight.to(kind), layer.bias)
    result: Tensor = layer(maps)
    return result


def fourier_convolution(maps: Tensor, kernels: Tensor, bias: Tensor | None = None) -> Tensor:
    """`torch.nn.functional.conv2d` without padding or stride.

    Args:
        maps: `[B, C, H, W]` in bfloat16, float32 or float64.
        kernels: `[K, C, height, width]`, of the same type.
        bias: `[K]`, of any type.

    Returns:
        `[B, K, H - height + 1, W - width + 1]`, channels last. The relative error is 4e-7 in float32 and .0075 in
        bfloat16, where rounding an exact result has .0028.
    """
    # torch's pooling is ten times slower if the gradient has another memory layout than the maps.
    if maps.requires_grad:
        maps.register_hook(_channels_last)  # type: ignore[no-untyped-call]
    count, channels, height, width = maps.shape
    filters = len(kernels)
    use = _transforms(height, width, kernels.shape[2], kernels.shape[3], maps.dtype)
    places, rows = count * channels, use.to_rows.shape[0] // 2

    spectrum = use.to_rows @ maps.permute(2, 3, 0, 1).reshape(height, width * places)  # (u r) (w B C)
    spectrum = _for_each(use.to_columns, spectrum.view(rows, 2 * width, places))  # u (v r) (B C)
    matrices: Tensor = _Complex.apply(  # type: ignore[no-untyped-call]
        spectrum.view(rows * width, 2, count, channels)
    )  # (u v) (r B) (r C)
    factors = use.of_kernels @ kernels.permute(2, 3, 1, 0).reshape(-1, channels * filters)  # (u v r) (C K)

    product = torch.bmm(matrices, factors.view(rows * width, 2 * channels, filters))  # (u v) (r B) K
    product = _for_each(use.from_columns, product.view(rows, 2 * width, count * filters))  # u (r w) (B K)
    result = use.from_rows @ product.view(2 * rows, -1)  # h (w B K)
    result = result.view(-1, width - kernels.shape[3] + 1, count, filters)
    if bias is not None:
        result = result + bias.to(result.dtype)
    return _channels_last(result.permute(2, 3, 0, 1))


class _Complex(torch.autograd.Function):
    """Complex numbers `[n, 2, B, C]` → real matrices `[n, 2 B, 2 C]` for complex products.

    The matrices are [[real, -imaginary], [imaginary, real]]. With torch's `cat` and `split` each would be copied twice.
    """

    @staticmethod
    def forward(ctx: Any, parts: Tensor) -> Tensor:
        frequencies, _, count, channels = parts.shape
        matrices = parts.new_empty(frequencies, 2, count, 2, channels)
        matrices[:, :, :, 0] = parts
        torch.neg(parts[:, 1], out=matrices[:, 0, :, 1])
        matrices[:, 1, :, 1] = parts[:, 0]
        return matrices.view(frequencies, 2 * count, 2 * channels)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        frequencies, count, channels = gradient.shape
        # Contiguous quarters: torch adds bfloat16 one number at a time where rows are not adjacent.
        quarters = gradient.view(frequencies, 2, count // 2, 2, channels // 2).transpose(2, 3).contiguous()
        parts = torch.empty_like(quarters[:, 0])
        torch.add(quarters[:, 0, 0], quarters[:, 1, 1], out=parts[:, 0])
        torch.sub(quarters[:, 1, 0], quarters[:, 0, 1], out=parts[:, 1])
        return parts


def _channels_last(maps: Tensor) -> Tensor:
    return maps.contiguous(memory_format=torch.channels_last)


def _for_each(matrix: Tensor, batch: Tensor) -> Tensor:
    return torch.bmm(matrix.expand(len(batch), -1, -1), batch)


def pays(layer: nn.Conv2d, shape: tuple[int, ...], kind: torch.dtype) -> bool:
    """Whether Fourier transforms are faster for a layer on maps of a shape `[B, C, H, W]`, in numbers of some kind.

    They are not implemented for padding, stride, dilation and groups; the answer is no for such layers.
    """
    if layer.stride != (1, 1) or layer.padding != (0, 0) or layer.dilation != (1, 1) or layer.groups != 1:
        return False
    (count, channels, height, width), filters = shape, layer.out_channels
    tall, wide = layer.kernel_size
    high, broad = height - tall + 1, width - wide + 1
    direct = count * filters * channels * tall * wide * high * broad
    rows = height // 2 + 1
    there = 2 * rows * height * width + rows * (2 * width) ** 2
    back = rows * 2 * broad * 2 * width + 2 * rows * high * broad
    frequencies = rows * width
    product = frequencies * 4 * count * channels * filters
    kernels = frequencies * 2 * tall * wide * channels * filters
    slower = _SLOWER_IN_BFLOAT16 if kind == torch.bfloat16 else _SLOWER
    return direct > slower * (count * channels * there + count * filters * back + product + kernels)


@dataclass(frozen=True, eq=False)
class _Transforms:
    """Matrices of the transforms: along h to half of the frequencies (the others are conjugates), along w to all."""

    to_rows: Tensor  # (u r) h
    to_columns: Tensor  # (v r) (r w): in the order in which `to_rows` leaves the parts
    of_kernels: Tensor  # (u v r) (height width)
    from_columns: Tensor  # (r w) (v r)
    from_rows: Tensor  # h (u r)


@lru_cache(maxsize=32)
@torch.inference_mode(False)  # or matrices that inference makes first could not be used in training
def _transforms(height: int, width: int, tall: int, wide: int, dtype: torch.dtype) -> _Transforms:
    """For maps and kernels of these sizes; both directions are scaled by the root of the size."""
    rows = height // 2 + 1
    along_h, along_w = _angles(rows, height), _angles(width, width)
    to_rows = torch.stack([along_h.cos(), -along_h.sin()], 1).reshape(2 * rows, height)
    cosine, sine = along_w.cos(), -along_w.sin()
    to_columns = torch.stack([torch.cat([cosine, -sine], 1), torch.cat([sine, cosine], 1)], 1)
    # Convolutions in networks are correlations, so the kernels' frequencies are conjugated.
    turned = along_h[:, None, :tall, None] + along_w[None, :, None, :wide]
    of_kernels = torch.stack([turned.cos(), turned.sin()], 2)
    cosine, sine = along_w.T[: width - wide + 1].cos(), along_w.T[: width - wide + 1].sin()
    from_columns = torch.cat([torch.stack([cosine, -sine], 2), torch.stack([sine, cosine], 2)])
    twice = torch.full((rows,), 2.0, dtype=torch.float64)  # for the frequencies that were left out
    twice[0] = 1
    if height % 2 == 0:
        twice[-1] = 1
    back = along_h.T[: height - tall + 1]
    from_rows = torch.stack([back.cos() * twice, -back.sin() * twice], 2)
    return _Transforms(
        (to_rows / math.sqrt(height)).to(dtype),
        (to_columns.reshape(2 * width, 2 * width) / math.sqrt(width)).to(dtype),
        of_kernels.reshape(-1, tall * wide).to(dtype),
        (from_columns.reshape(-1, 2 * width) / math.sqrt(width)).to(dtype),
        (from_rows.reshape(-1, 2 * rows) / math.sqrt(height)).to(dtype),
    )


def _angles(frequencies: int, size: int) -> Tensor:
    """`[frequencies, size]` float64: the phase of each frequency at each place, in radians."""
    turns = torch.outer(torch.arange(frequencies), torch.arange(size)) % size
    return 2 * math.pi * turns.double() / size
