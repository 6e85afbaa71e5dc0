"""Loss and gradients of a training step on pairs, and their relative error."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from twinface.networks.siamese import SiameseNetwork


def relative(found: Tensor, exact: Tensor) -> float:
    return float((found.double() - exact).norm() / exact.norm())


def gradients(network: SiameseNetwork, images: Tensor, truth: Tensor) -> tuple[float, dict[str, Tensor]]:
    """Loss and gradients of pairs whose sides are the two halves of the batch."""
    left, right = network.backbone(images).to(truth.dtype).chunk(2)
    loss = functional.binary_cross_entropy_with_logits(network.score(left, right), truth)
    learnt = dict(network.named_parameters())
    return float(loss.detach()), dict(zip(learnt, torch.autograd.grad(loss, learnt.values()), strict=True))  # type: ignore[arg-type]
