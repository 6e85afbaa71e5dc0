"""A compact residual network for aligned faces."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from twinface.core.fields import Fraction, PositiveInt
from twinface.networks.backbones.base import Backbone, InputShape


class Shortcut(nn.Module):
    """Maps a block's input to the shape of its output: averages where it halves, then mixes channels (He et al. 2019).

    The mixing is a 1x1 convolution, computed as a matrix product over the channels. As of torch 2.13, oneDNN's bfloat16
    kernel for the weight gradient of 1x1 convolutions can end the process with a segmentation fault at its exit, after
    some odd batch sizes. The matrix product does not.
    """

    def __init__(self, channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.halve = (
            nn.AvgPool2d(stride, ceil_mode=True, count_include_pad=False) if stride > 1 else nn.Identity()
        )
        self.mix = nn.Linear(channels, out_channels, bias=False)
        self.norm = nn.BatchNorm2d(out_channels)

    def forward(self, maps: Tensor) -> Tensor:
        """`[B, C, H, W] -> [B, C', H / stride, W / stride]`."""
        by_position = self.halve(maps).permute(0, 2, 3, 1)
        result: Tensor = self.norm(self.mix(by_position).permute(0, 3, 1, 2))
        return result


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut (He et al. 2016); the first convolution has the stride."""

    def __init__(self, channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, out_channels, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(out_channels)
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1 or channels != out_channels:
            self.shortcut = Shortcut(channels, out_channels, stride)

    def forward(self, maps: Tensor) -> Tensor:
        """`[B, C, H, W] -> [B, C', H / stride, W / stride]`."""
        inner = functional.relu(self.norm1(self.conv1(maps)))
        return functional.relu(self.norm2(self.conv2(inner)) + self.shortcut(maps))


class Residual(Backbone):
    """A compact residual network: stem, blocks, and a dense layer over all positions of the last maps.

    The dense layer has weights for each position, because an aligned face has its parts in fixed places.

    Args:
        shape: of the input; the defaults are made for 64x64.
        channels: of the blocks; every entry after the first halves height and width.
        depth: blocks for each entry of `channels`.
        embedding: length of the embedding.
        dropout: before the dense layer.
    """

    def __init__(
        self,
        shape: InputShape,
        *,
        channels: Annotated[Sequence[PositiveInt], Field(min_length=1, max_length=100)] = (48, 96, 144, 192),
        depth: Annotated[int, Field(ge=1, le=100)] = 1,
        embedding: PositiveInt = 256,
        dropout: Fraction = 0.2,
    ) -> None:
        super().__init__()
        self.stem = nn.Conv2d(shape[0], channels[0], 5, 2, 2, bias=False)
        self.stem_norm = nn.BatchNorm2d(channels[0])
        blocks: list[nn.Module] = []
        width = channels[0]
        for place, count in enumerate(channels):
            for repeat in range(depth):
                blocks.append(ResidualBlock(width, count, 2 if place > 0 and repeat == 0 else 1))
                width = count
        self.blocks = nn.Sequential(*blocks)
        self.dropout = nn.Dropout(dropout)
        with torch.no_grad():
            self.eval()  # so that these zeros do not move the statistics
            positions = self._maps(torch.zeros(1, *shape)).flatten(1).shape[1]
            self.train()
        self.dense = nn.Linear(positions, embedding, bias=False)
        self.dense_norm = nn.BatchNorm1d(embedding)
        self.embedding_size = embedding

    def _maps(self, images: Tensor) -> Tensor:
        maps: Tensor = self.blocks(functional.relu(self.stem_norm(self.stem(images))))
        return maps

    def forward(self, images: Tensor) -> Tensor:
        """`[B, C, H, W] -> [B, embedding]`."""
        embeddings: Tensor = self.dense_norm(self.dense(self.dropout(self._maps(images).flatten(1))))
        return embeddings
