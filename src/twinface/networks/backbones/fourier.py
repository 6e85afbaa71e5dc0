"""Convolutions with large kernels by Fourier transforms: the same function as `nn.Conv2d`, for fewer multiplications.

A convolution multiplies each frequency of the maps by the same frequency of the kernels (Mathieu, Henaff and LeCun
2014, "Fast training of convolutional networks through FFTs"). Koch's second layer, 7 x 7 on 48 x 48, takes a sixth of
the multiplications that way. The transforms are products with matrices of cosines and sines rather than FFTs: maps are
small, processors have fast bfloat16 products, and their derivatives are products as well.

Axes are named by letters: B pictures, C channels in, K channels out, h and w places, u and v frequencies along them,
and r for the two parts of a complex number.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn

# Measured (docs/performance.md): how many more multiplications a second a direct convolution gets through.
_SLOWER = 3


def convolve(layer: nn.Conv2d, maps: Tensor) -> Tensor:
    """What the layer makes of maps `[B, C, H, W]`: by itself, or by Fourier transforms where those are faster.

    They are where bfloat16 is asked for on a processor, the batch is large and the kernel too.
    """
    wanted = (
        torch.is_autocast_enabled("cpu") and maps.device.type == "cpu" and not torch.compiler.is_compiling()
    )
    if wanted and pays(layer, tuple(maps.shape)):
        return fourier_convolution(maps.bfloat16(), layer.weight.bfloat16(), layer.bias)
    result: Tensor = layer(maps)
    return result


def fourier_convolution(maps: Tensor, kernels: Tensor, bias: Tensor | None = None) -> Tensor:
    """`torch.nn.functional.conv2d` without padding or stride.

    Args:
        maps: `[B, C, H, W]` in bfloat16, float32 or float64.
        kernels: `[K, C, height, width]`, of the same type.
        bias: `[K]`, of any type.

    Returns:
        `[B, K, H - height + 1, W - width + 1]`, channels last. The relative error in float32 is 4e-7; in bfloat16 it is
        .0075, where rounding the result of an exact convolution gives .0028.
    """
    # torch's pooling is ten times slower with a gradient that lies otherwise than its maps.
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
    """Complex numbers `[n, 2, B, C]` → matrices `[n, 2 B, 2 C]` whose product with (real, imaginary) is theirs.

    They are [[real, -imaginary], [imaginary, real]]. torch's own joining and splitting would copy each of them twice.
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
        # Each quarter in one piece first: torch adds bfloat16 number by number where rows are apart.
        quarters = gradient.view(frequencies, 2, count // 2, 2, channels // 2).transpose(2, 3).contiguous()
        parts = torch.empty_like(quarters[:, 0])
        torch.add(quarters[:, 0, 0], quarters[:, 1, 1], out=parts[:, 0])
        torch.sub(quarters[:, 1, 0], quarters[:, 0, 1], out=parts[:, 1])
        return parts


def _channels_last(maps: Tensor) -> Tensor:
    return maps.contiguous(memory_format=torch.channels_last)


def _for_each(matrix: Tensor, batch: Tensor) -> Tensor:
    return torch.bmm(matrix.expand(len(batch), -1, -1), batch)


def pays(layer: nn.Conv2d, shape: tuple[int, ...]) -> bool:
    """Whether the transforms of maps of a shape `[B, C, H, W]` save enough multiplications to be faster.

    They never do for a layer with padding, stride, dilation or groups, which they do not know.
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
    return direct > _SLOWER * (count * channels * there + count * filters * back + product + kernels)


@dataclass(frozen=True, eq=False)
class _Transforms:
    """Matrices; rows of maps become half their frequencies (the others mirror them), then columns all of theirs."""

    to_rows: Tensor  # (u r) h
    to_columns: Tensor  # (v r) (r w): the parts lie one after the other, as rows of `to_rows` have left them
    of_kernels: Tensor  # (u v r) (height width)
    from_columns: Tensor  # (r w) (v r)
    from_rows: Tensor  # h (u r)


@lru_cache(maxsize=32)
@torch.inference_mode(False)  # for training too, whoever asked first
def _transforms(height: int, width: int, tall: int, wide: int, dtype: torch.dtype) -> _Transforms:
    """For maps and kernels of these sizes, scaled by the root of the size on the way there and on the way back."""
    rows = height // 2 + 1
    along_h, along_w = _angles(rows, height), _angles(width, width)
    to_rows = torch.stack([along_h.cos(), -along_h.sin()], 1).reshape(2 * rows, height)
    cosine, sine = along_w.cos(), -along_w.sin()
    to_columns = torch.stack([torch.cat([cosine, -sine], 1), torch.cat([sine, cosine], 1)], 1)
    # A network's convolution is a correlation: the kernels' frequencies turn the other way.
    turned = along_h[:, None, :tall, None] + along_w[None, :, None, :wide]
    of_kernels = torch.stack([turned.cos(), turned.sin()], 2)
    cosine, sine = along_w.T[: width - wide + 1].cos(), along_w.T[: width - wide + 1].sin()
    from_columns = torch.cat([torch.stack([cosine, -sine], 2), torch.stack([sine, cosine], 2)])
    twice = torch.full((rows,), 2.0, dtype=torch.float64)  # for the half that was left out
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
    """`[frequencies, size]` float64: how far each frequency has turned at each place, in radians."""
    turns = torch.outer(torch.arange(frequencies), torch.arange(size)) % size
    return 2 * math.pi * turns.double() / size
