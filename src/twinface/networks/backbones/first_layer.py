"""The first convolution of a network on grey pictures, with its ReLU and pooling, without maps of full size.

A pooling window of 2 x 2 places sees a patch that is one pixel larger than a kernel. All four results are a product of
that patch with the kernels at four places in it, and the maximum is taken while they are in the processor's cache.
Pictures need no gradient, and kernels are few: what is left of the backward pass is one product of the same size.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from twinface.networks.backbones.maxima import rectified, rectified_maxima, spread_gradient
from twinface.networks.backbones.patches import patch_moments, patch_rows
from twinface.training.shared_layers import keep_statistics


def first_layer(images: Tensor, layer: nn.Conv2d, norm: nn.Module, dtype: torch.dtype) -> Tensor:
    """`max_pool2d(relu(norm(layer(images))), 2)` for training, and the running statistics of a batch normalisation.

    The normalisation goes into the kernels, since it is known before anything is convolved: mean and variance follow
    from those of the pictures' patches.

    Args:
        images: `[B, 1, H, W]`; they get no gradient.
        layer: without padding or stride.
        norm: `nn.BatchNorm2d` or, for none, `nn.Identity`.
        dtype: of products and of the result.

    Returns:
        `[h, w, B, K]`.
    """
    weight, bias = layer.weight, layer.bias
    assert bias is not None
    pixels = images[:, 0].to(weight.dtype)
    centre = pixels.mean()
    pixels = (pixels - centre).to(dtype)
    shift = bias + centre * weight.sum((1, 2, 3))
    if isinstance(norm, nn.BatchNorm2d):
        tall, wide = layer.kernel_size
        mean_patch, covariance = patch_moments(pixels.to(weight.dtype), tall, wide)
        kernels = weight.flatten(1)
        mean = kernels @ mean_patch + shift
        variance = (
            ((kernels @ covariance) * kernels).sum(1).clamp_min(0)
        )  # rounding may make none a little less
        scale = norm.weight * (variance + norm.eps).rsqrt()
        places = len(pixels) * (pixels.shape[1] - tall + 1) * (pixels.shape[2] - wide + 1)
        keep_statistics(norm, mean.detach(), variance.detach() * (places / (places - 1)))
        weight, shift = weight * scale[:, None, None, None], norm.bias + (shift - mean) * scale
    result: Tensor = _Layer.apply(pixels, weight[:, 0], shift)  # type: ignore[no-untyped-call]
    return result


class _Layer(torch.autograd.Function):
    """Pixels `[B, H, W]`, kernels `[K, tall, wide]`, shift `[K]` → `[h, w, B, K]`; rows of results one by one."""

    @staticmethod
    def forward(ctx: Any, pixels: Tensor, kernels: Tensor, shift: Tensor) -> Tensor:
        count, height, width = pixels.shape
        filters, tall, wide = kernels.shape
        high, broad = (height - tall + 1) // 2, (width - wide + 1) // 2
        size = (tall + 1) * (wide + 1)
        rows = patch_rows(pixels, tall + 1, wide + 1, more=2)
        at_places = kernels.new_zeros(len(rows[0]), 2, 2, filters)
        for (down, right), window in zip(_PLACES, _windows(at_places, tall, wide), strict=True):
            window.copy_(kernels.permute(1, 2, 0))
            # In two parts, for all its digits.
            at_places[size, down, right] = shift.to(pixels.dtype)
            at_places[size + 1, down, right] = shift - at_places[size, down, right]
        factors = at_places.flatten(1).to(pixels.dtype)
        products = pixels.new_empty(high, broad * count, 2, 2, filters)
        result = pixels.new_empty(high, broad, count, filters)
        for row, product, largest in zip(rows, products, result, strict=True):
            torch.mm(row.T, factors, out=product.view(-1, 4 * filters))
            rectified_maxima(product[:, 0], product[:, 1], largest.view(-1, filters))
            rectified(product, out=product)  # for the backward pass, while it is in the cache
        ctx.save_for_backward(products, *rows)
        ctx.kernels = kernels.shape, kernels.dtype
        return result

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, Tensor, Tensor]:
        products, *rows = ctx.saved_tensors
        (filters, tall, wide), dtype = ctx.kernels
        size = (tall + 1) * (wide + 1)
        at_places = torch.zeros(len(rows[0]), 2, 2, filters, dtype=dtype)
        spread = torch.empty_like(products[0])
        for row, product, slopes in zip(rows, products, gradient.contiguous(), strict=True):
            spread_gradient(
                slopes.view(-1, filters), product[:, 0], product[:, 1], spread[:, 0], spread[:, 1]
            )
            at_places += (row @ spread.view(-1, 4 * filters)).view(at_places.shape)
        kernels = sum(_windows(at_places, tall, wide), torch.zeros(tall, wide, filters, dtype=dtype))
        return None, kernels.permute(2, 0, 1), at_places[size].sum((0, 1))


_PLACES = [(0, 0), (0, 1), (1, 0), (1, 1)]  # in a pooling window


def _windows(at_places: Tensor, tall: int, wide: int) -> list[Tensor]:
    """Where kernels lie in `[patch and more, 2, 2, K]`: `[tall, wide, K]` for each of the places."""
    patches = at_places[: (tall + 1) * (wide + 1)].view(tall + 1, wide + 1, 2, 2, -1)
    return [patches[down : down + tall, right : right + wide, down, right] for down, right in _PLACES]
