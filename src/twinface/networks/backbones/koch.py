"""The network of Koch, Zemel and Salakhutdinov (2015), with the variants of both seeds."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from twinface.core.errors import SettingsError
from twinface.networks.backbones import fast_koch
from twinface.networks.backbones.base import Backbone, InputShape, Positive, Share
from twinface.networks.backbones.fourier import convolve


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
        maps, blocks = images, self.blocks()
        done = 0
        if (
            self.training
            and self.batch_norm != "after-relu"
            and fast_koch.suits(blocks[:3], self.dropout[:3], images)
        ):
            maps, done = fast_koch.fast_blocks(blocks[:3], images), 3
        for number, (layer, norm) in enumerate(blocks[done:], done + 1):
            maps = convolve(layer, maps)
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

    def blocks(self) -> list[fast_koch.Block]:
        """The convolutions and their normalisations."""
        blocks = []
        for number in range(1, 5):
            layer = self.get_submodule(f"conv{number}")
            assert isinstance(layer, nn.Conv2d)
            blocks.append((layer, self.get_submodule(f"norm{number}")))
        return blocks
