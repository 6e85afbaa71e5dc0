"""The interface of all losses, and the labels of a batch."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from twinface.core.types import BoolArray, IntArray


@dataclass(frozen=True, eq=False)
class Labels:
    """The labels of a batch of N pictures and P pairs.

    Attributes:
        people: [N] int64, the number of the person on each picture.
        left, right: [P] int64, positions in the batch of the pairs' two sides.
        is_match: [P] float32, 1 for genuine and 0 for impostor pairs.
    """

    people: Tensor
    left: Tensor
    right: Tensor
    is_match: Tensor


class Loss(nn.Module):
    """`loss(network, embeddings [N, D], labels) -> scalar`.

    Attributes:
        needs_pairs: whether it compares labelled pairs; otherwise it needs people, and a sampler that draws pictures.
    """

    needs_pairs: bool


def labels_of(people: IntArray, left: IntArray, right: IntArray, is_match: BoolArray, device: str) -> Labels:
    """The labels of a batch as tensors on a device; see `sampling.Batch`."""
    return Labels(
        torch.from_numpy(people).to(device),
        torch.from_numpy(left).to(device),
        torch.from_numpy(right).to(device),
        torch.from_numpy(is_match).to(device, torch.float32),
    )
