"""The networks: the paper's sizes, shapes in and out, and what the settings change."""

import pytest
import torch
from torch import nn

from twinface.backbones import BACKBONES, Koch, Residual, multiply_adds
from twinface.building import build_twin
from twinface.errors import SettingsError
from twinface.recipe import load_recipe

PAPER = (1, 105, 105)


def test_the_papers_network_has_the_papers_sizes() -> None:
    network = Koch(PAPER)
    counts = multiply_adds(network, PAPER)
    assert {layer: round(count / 1e6, 1) for layer, count in counts.items()} == {
        "conv1": 59.0,
        "conv2": 708.1,
        "conv3": 84.9,
        "conv4": 18.9,
        "dense": 37.7,
    }
    assert round(sum(counts.values()) / 1e6, 1) == 908.6
    head = 4096 + 1
    parameters = sum(weight.numel() for weight in network.parameters()) + head
    assert round(parameters / 1e6, 2) == 38.95


def test_the_papers_maps_have_the_papers_sizes() -> None:
    network = Koch(PAPER)
    seen = []
    for number in range(1, 5):
        network.get_submodule(f"conv{number}").register_forward_hook(
            lambda module, inputs, output: seen.append(tuple(output.shape[1:]))
        )
    embedding = network(torch.zeros(1, *PAPER))
    assert seen == [(64, 96, 96), (128, 42, 42), (128, 18, 18), (256, 6, 6)]
    assert embedding.shape == (1, 4096)


@pytest.mark.parametrize("name", sorted(BACKBONES))
@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("channels", [1, 3])
def test_shapes(name: str, count: int, channels: int) -> None:
    network = BACKBONES[name]((channels, 66, 72)).eval()
    embeddings = network(torch.rand(count, channels, 66, 72))
    assert embeddings.shape == (count, network.embedding_size)
    assert embeddings.dtype == torch.float32


@pytest.mark.parametrize("order", ["before-relu", "after-relu"])
def test_batch_norm_stands_where_the_seed_had_it(order: str) -> None:
    network = Koch((1, 66, 66), dense=8, batch_norm=order)
    images = torch.rand(4, 1, 66, 66)
    maps = network.conv1(images)
    expected = network.norm1(maps).relu() if order == "before-relu" else network.norm1(maps.relu())
    into_second = []
    network.conv2.register_forward_pre_hook(lambda module, inputs: into_second.append(inputs[0]))
    network(images)
    assert torch.allclose(into_second[0], nn.functional.max_pool2d(expected, 2), atol=1e-5)


def test_dropout_is_per_stage() -> None:
    rates = [module.p for module in Koch((1, 66, 66), dense=8, dropout=(0.1, 0.2, 0.3, 0.4)).dropout]
    assert rates == [0.1, 0.2, 0.3, 0.4]
    assert [module.p for module in Koch((1, 66, 66), dense=8, dropout=0.3).dropout] == [0.3, 0.3, 0.3, 0.0]


def test_dropout_drops_in_training_only() -> None:
    network = Koch((1, 66, 66), dense=8, dropout=0.5)
    images = torch.rand(2, 1, 66, 66)
    assert not torch.equal(network.train()(images), network(images))
    assert torch.equal(network.eval()(images), network(images))


def test_an_input_that_is_too_small_is_refused() -> None:
    with pytest.raises(SettingsError, match="32x32 pixels is used up by convolution 3"):
        Koch((1, 32, 32))


def test_residual_blocks_halve_after_the_first() -> None:
    network = Residual((1, 64, 64), channels=(4, 8, 12), depth=2, embedding=16)
    assert len(network.blocks) == 6
    assert network._maps(torch.zeros(1, 1, 64, 64)).shape == (1, 12, 8, 8)


def test_counting_leaves_the_mode_as_it_was() -> None:
    network = Residual((1, 32, 32), channels=(4,))
    multiply_adds(network.train(), (1, 32, 32))
    assert network.training
    assert not any(module._forward_hooks for module in network.modules())


def test_a_wrong_value_names_the_field() -> None:
    settings = load_recipe("koch", ["network.backbone.dense=-3"])
    with pytest.raises(SettingsError, match=r"network\.backbone\.dense: .*found -3"):
        build_twin(settings.network, settings.imaging)
