"""Networks that turn a picture into an embedding.

Each constructor takes the input's shape (channels, height, width) and keyword-only settings, and gives a
module `[B, C, H, W] float32 -> [B, D] float32` with an attribute `embedding_size` = D. A new backbone is
one constructor here and one line in `BACKBONES`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from twinface.errors import SettingsError

InputShape = tuple[int, int, int]
Positive = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, lt=1)]


class Backbone(nn.Module):
    """A module that knows how long its embeddings are."""

    embedding_size: int


class Koch(Backbone):
    """Four convolutions and a dense sigmoid layer (Koch, Zemel and Salakhutdinov 2015, figure 4).

    Args:
        shape: of the input; the paper's is (1, 105, 105).
        filters, kernels: of the four convolutions.
        dense: length of the embedding; 4096 in the paper, 2048 in seed A.
        batch_norm: normalisation of each convolution: none (the paper), before its ReLU (seed B) or after it
            (seed A).
        dropout: after the first, second, third (pooled) and fourth convolution; a single number is for the
            three pooled ones.

    Raises:
        SettingsError: the input is too small for the convolutions.
    """

    def __init__(
        self,
        shape: InputShape,
        *,
        filters: tuple[Positive, Positive, Positive, Positive] = (64, 128, 128, 256),
        kernels: tuple[Positive, Positive, Positive, Positive] = (10, 7, 4, 4),
        dense: Positive = 4096,
        batch_norm: Literal["none", "before-relu", "after-relu"] = "none",
        dropout: Share | tuple[Share, Share, Share, Share] = 0.0,
    ) -> None:
        super().__init__()
        channels, height, width = shape
        self.batch_norm = batch_norm
        for number, (count, kernel) in enumerate(zip(filters, kernels, strict=True), 1):
            self.add_module(f"conv{number}", nn.Conv2d(channels, count, kernel))
            self.add_module(f"norm{number}", nn.Identity() if batch_norm == "none" else nn.BatchNorm2d(count))
            channels, height, width = count, height - kernel + 1, width - kernel + 1
            if number < 4:
                height, width = height // 2, width // 2
            if min(height, width) < 1:
                raise SettingsError(
                    f"koch: an input of {shape[1]}x{shape[2]} pixels is used up by convolution {number}; "
                    "make imaging.height and imaging.width larger (the paper's is 105)"
                )
        rates = dropout if isinstance(dropout, tuple) else (dropout, dropout, dropout, 0.0)
        self.dropout = nn.ModuleList(nn.Dropout(rate) for rate in rates)
        self.dense = nn.Linear(channels * height * width, dense)
        self.embedding_size = dense

    def forward(self, images: Tensor) -> Tensor:
        """`[B, C, H, W] -> [B, dense]`, each value in (0, 1)."""
        maps = images
        for number in range(1, 5):
            maps = self.get_submodule(f"conv{number}")(maps)
            norm = self.get_submodule(f"norm{number}")
            maps = (
                norm(functional.relu(maps))
                if self.batch_norm == "after-relu"
                else functional.relu(norm(maps))
            )
            if number < 4:
                maps = functional.max_pool2d(maps, 2)
            maps = self.dropout[number - 1](maps)
        embeddings: Tensor = torch.sigmoid(self.dense(maps.flatten(1)))
        return embeddings


class Shortcut(nn.Module):
    """Brings a block's input to the shape of its output: averages when halving, then mixes channels (He et al. 2019).

    The mixing is a 1x1 convolution, computed as a product over the channels. oneDNN's bfloat16 kernel for the weight
    gradient of 1x1 convolutions, as of torch 2.13, ends the process with a segmentation fault at its exit after some
    odd batch sizes; the product does not.
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
    """Two 3x3 convolutions and a shortcut (He et al. 2016), narrowed in the first one by `stride`."""

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
    """A compact residual network: stem, blocks, and a dense layer over the last map's every position.

    The dense layer keeps positions apart because an aligned face has its parts in fixed places.

    Args:
        shape: of the input; 64x64 is what the defaults are made for.
        channels: of the blocks; each block after the first halves height and width.
        depth: blocks at each width.
        embedding: length of the embedding.
        dropout: before the dense layer.
    """

    def __init__(
        self,
        shape: InputShape,
        *,
        channels: Sequence[Positive] = (48, 96, 144, 192),
        depth: Positive = 1,
        embedding: Positive = 256,
        dropout: Share = 0.2,
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
            positions = self._maps(torch.zeros(1, *shape)).flatten(1).shape[1]
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


BACKBONES: dict[str, type[Backbone]] = {"koch": Koch, "residual": Residual}


def multiply_adds(backbone: nn.Module, shape: InputShape) -> dict[str, int]:
    """Multiplications (each with its addition) of every convolution and dense layer for one picture.

    Returns:
        Layer name → count, in the order of the forward pass.
    """
    counts: dict[str, int] = {}
    names = {module: name for name, module in backbone.named_modules()}

    def count(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        weight = module.weight
        assert isinstance(weight, Tensor)
        counts[names[module]] = weight.numel() * (output.numel() // weight.shape[0])

    hooks = [
        module.register_forward_hook(count)
        for module in backbone.modules()
        if isinstance(module, nn.Conv2d | nn.Linear)
    ]
    training = backbone.training
    try:
        with torch.no_grad():
            backbone.eval()(torch.zeros(1, *shape))
    finally:
        backbone.train(training)
        for hook in hooks:
            hook.remove()
    return counts
