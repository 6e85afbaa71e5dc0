"""The network of Koch, Zemel and Salakhutdinov (2015), "Siamese Neural Networks for One-shot Image Recognition"."""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from twinface.core.errors import SettingsError
from twinface.core.fields import FROM_LIST, Fraction, PositiveInt
from twinface.networks.backbones.base import Backbone, InputShape
from twinface.networks.backbones.fourier import convolve

_EPSILON_AND_MOMENTUM = {"torch": (1e-5, 0.1), "keras": (1e-3, 0.01)}

Four = Annotated[tuple[PositiveInt, PositiveInt, PositiveInt, PositiveInt], FROM_LIST]
Rates = Annotated[tuple[Fraction, Fraction, Fraction, Fraction], FROM_LIST]


class Koch(Backbone):
    """Four convolutions and a dense sigmoid layer (Koch, Zemel and Salakhutdinov 2015, figure 4).

    Args:
        shape: of the input; the paper's is (1, 105, 105).
        filters, kernels: of the four convolutions.
        dense: length of the embedding; 4096 in the paper, 2048 in seed A.
        batch_norm: normalisation of each convolution: none (the paper), before its ReLU (seed B) or after it
            (seed A).
        batch_norm_as: whose epsilon and momentum that has: torch's (1e-5, 0.1) or Keras's (1e-3, 0.01 as torch counts).
        dropout: rates after the four blocks; a single number is the rate after the first three, which end in pooling.

    Raises:
        SettingsError: the input is too small for the convolutions.
    """

    conv1: nn.Conv2d
    conv2: nn.Conv2d
    conv3: nn.Conv2d
    conv4: nn.Conv2d
    norm1: nn.Module
    norm2: nn.Module
    norm3: nn.Module
    norm4: nn.Module
    preferred_batch = 64  # Fourier transforms of the kernels are shared by the pictures of a call

    def __init__(
        self,
        shape: InputShape,
        *,
        filters: Four = (64, 128, 128, 256),
        kernels: Four = (10, 7, 4, 4),
        dense: PositiveInt = 4096,
        batch_norm: Literal["none", "before-relu", "after-relu"] = "none",
        batch_norm_as: Literal["torch", "keras"] = "torch",
        dropout: Fraction | Rates = 0.0,
    ) -> None:
        super().__init__()
        channels, height, width = shape
        self.batch_norm = batch_norm
        for number, (count, kernel) in enumerate(zip(filters, kernels, strict=True), 1):
            self.add_module(f"conv{number}", nn.Conv2d(channels, count, kernel))
            norm = nn.BatchNorm2d(count, *_EPSILON_AND_MOMENTUM[batch_norm_as])
            self.add_module(f"norm{number}", nn.Identity() if batch_norm == "none" else norm)
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
        """`[B, C, H, W] -> [B, dense]`, each value in (0, 1); sizes in the comments are the paper's."""
        drop1, drop2, drop3, drop4 = self.dropout
        maps = drop1(
            functional.max_pool2d(self._convolution(self.conv1, self.norm1, images), 2)
        )  # 64 @ 48x48
        maps = drop2(functional.max_pool2d(self._convolution(self.conv2, self.norm2, maps), 2))  # 128 @ 21x21
        maps = drop3(functional.max_pool2d(self._convolution(self.conv3, self.norm3, maps), 2))  # 128 @ 9x9
        maps = drop4(self._convolution(self.conv4, self.norm4, maps))  # 256 @ 6x6
        return torch.sigmoid(self.dense(maps.flatten(1)))

    def _convolution(self, layer: nn.Conv2d, norm: nn.Module, maps: Tensor) -> Tensor:
        """Convolution and ReLU, with the normalisation before or after the ReLU."""
        maps = convolve(layer, maps)
        result: Tensor = (
            norm(functional.relu(maps)) if self.batch_norm == "after-relu" else functional.relu(norm(maps))
        )
        return result
