"""How mirroring a picture changes its descriptors, and principal components that respect it."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from twinface.networks.backbones.descriptors import LENGTH, ORIENTATIONS, PARTS


def mirrored_indices() -> tuple[Tensor, Tensor]:
    """Which numbers of a descriptor are swapped when the picture is mirrored.

    The cells of a patch change sides, and an edge that points right points left.

    Returns:
        Two lists of indices `[64]`: number `one[i]` is swapped with number `other[i]`.
    """
    numbers = torch.arange(LENGTH).reshape(ORIENTATIONS, PARTS, PARTS)
    turned = (ORIENTATIONS // 2 - torch.arange(ORIENTATIONS)) % ORIENTATIONS
    mirrored = numbers.flip(2)[turned]
    left = PARTS // 2
    return numbers[:, :, :left].flatten(), mirrored[:, :, :left].flatten()


def symmetric_components(descriptors: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Principal components of centred descriptors and their mirror images together.

    Each component is even (mirroring leaves it as it is) or odd (mirroring changes its sign). Even and odd ones are
    uncorrelated, so they are found separately.

    Args:
        descriptors: `[M, 128]`.
        count: number of components, the largest first.

    Returns:
        Axes `[128, count]`; signs `[count]`, 1 for even components and -1 for odd ones; and the largest variance `[]`.
        All are float64.
    """
    one, other = mirrored_indices()
    variances, axes, signs = [], [], []
    for sign in (1, -1):
        halves = descriptors[:, one].double().add_(descriptors[:, other], alpha=sign).div_(math.sqrt(2))
        found = torch.linalg.eigh(halves.T @ halves / len(halves))
        axis = halves.new_zeros(LENGTH, len(one))
        axis[one] = found.eigenvectors / math.sqrt(2)
        axis[other] = sign * found.eigenvectors / math.sqrt(2)
        variances.append(found.eigenvalues)
        axes.append(axis)
        signs.append(torch.full((len(one),), sign))
    order = torch.cat(variances).argsort(descending=True)[:count]
    return torch.cat(axes, dim=1)[:, order], torch.cat(signs)[order], torch.cat(variances)[order[0]]
