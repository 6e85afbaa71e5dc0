"""The networks: the paper's sizes, shapes in and out, and what the settings change."""

import math

import pytest
import torch
from torch import nn

from twinface.core.errors import SettingsError
from twinface.core.types import Region
from twinface.networks.backbones import BACKBONES, NETWORKS, Koch, Member, Residual, committee, multiply_adds
from twinface.networks.backbones.gradients import Gradients
from twinface.networks.backbones.oriented_edges import BINS, CLIP, FLOOR, Cells, Edges
from twinface.networks.backbones.resampling import Resample
from twinface.networks.build import build_network
from twinface.training.recipe import load_recipe

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


def test_a_new_residual_network_has_seen_nothing() -> None:
    network = Residual((1, 64, 64), channels=(4, 8), embedding=6)
    assert network.training
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            assert int(layer.num_batches_tracked) == 0
            assert (layer.running_var == 1).all()


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


@pytest.mark.parametrize("name", sorted(NETWORKS))
@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("channels", [1, 3])
def test_shapes(name: str, count: int, channels: int) -> None:
    # Fisher vectors have patches of 30 pixels in the picture at a quarter of its size.
    sizes = {"fisher": (124, 128), "trained-fisher": (124, 128), "sface": (112, 112)}
    shape = (channels, *sizes.get(name, (66, 72)))
    if name in ("gradients", "fisher", "trained-fisher") and channels == 3:
        with pytest.raises(SettingsError, match="found 3 channels, need 1"):
            NETWORKS[name](shape)
        return
    if name == "sface" and channels == 1:
        with pytest.raises(SettingsError, match="1 channels and 112 x 112 pixels, need 3"):
            NETWORKS[name](shape)
        return
    network = NETWORKS[name](shape).eval()
    embeddings = network(torch.rand(count, *shape))
    assert embeddings.shape == (count, network.embedding_size)
    assert embeddings.dtype == torch.float32


@pytest.mark.parametrize("order", ["before-relu", "after-relu"])
def test_batch_norm_is_where_the_seed_had_it(order: str) -> None:
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


def test_counting_does_not_change_the_mode() -> None:
    network = Residual((1, 32, 32), channels=(4,))
    multiply_adds(network.train(), (1, 32, 32))
    assert network.training
    assert not any(module._forward_hooks for module in network.modules())


def test_a_wrong_value_names_the_field() -> None:
    settings = load_recipe("koch", ["network.backbone.dense=-3"])
    with pytest.raises(SettingsError, match=r"network\.backbone\.dense: .*found -3"):
        build_network(settings.network, settings.imaging)


def test_oriented_gradients_against_plain_loops() -> None:
    """One cell of a small picture, from the definition, pixel by pixel."""
    torch.manual_seed(0)
    height, width, cell = 8, 12, 4
    image = torch.randn(height, width)
    found = Cells(height, width, cell)(Edges()(image[None, None]))[0]
    assert found.shape == (BINS, 2, 3)

    def pixel(y: int, x: int) -> float:
        return image[min(max(y, 0), height - 1), min(max(x, 0), width - 1)].item()

    def histogram(row: int, column: int) -> list[float]:
        votes, total = [0.0] * BINS, [0.0, 0.0]
        middle = ((row + 0.5) * cell, (column + 0.5) * cell)
        total[0] = sum(max(0.0, 1 - abs(y + 0.5 - middle[0]) / cell) for y in range(height))
        total[1] = sum(max(0.0, 1 - abs(x + 0.5 - middle[1]) / cell) for x in range(width))
        for y in range(height):
            for x in range(width):
                weight = max(0.0, 1 - abs(y + 0.5 - middle[0]) / cell) / total[0]
                weight *= max(0.0, 1 - abs(x + 0.5 - middle[1]) / cell) / total[1]
                across, down = pixel(y, x + 1) - pixel(y, x - 1), pixel(y + 1, x) - pixel(y - 1, x)
                angle = math.atan2(down, across)
                for number in range(BINS):
                    share = max(0.0, math.cos(2 * angle - 2 * math.pi * number / BINS))
                    votes[number] += weight * math.hypot(across, down) * share**4
        return votes

    histograms = {(row, column): histogram(row, column) for row in range(2) for column in range(3)}
    for (row, column), votes in histograms.items():
        around = [
            sum(vote**2 for vote in histograms[min(max(row + i, 0), 1), min(max(column + j, 0), 2)])
            for i in (-1, 0, 1)
            for j in (-1, 0, 1)
        ]
        divisor = math.sqrt(sum(around) / 9) + FLOOR
        expected = torch.tensor([min(vote / divisor, CLIP) for vote in votes])
        torch.testing.assert_close(found[:, row, column], expected, atol=1e-5, rtol=1e-4)


def test_oriented_gradients_ignore_slow_light_and_accept_a_flat_picture() -> None:
    layer = nn.Sequential(Edges(), Cells(32, 32, 8))
    torch.manual_seed(0)
    image = torch.randn(1, 1, 32, 32)
    lit = image + torch.linspace(0, 0.5, 32)
    torch.testing.assert_close(layer(lit), layer(image), atol=0.02, rtol=0)
    assert layer(torch.zeros(1, 1, 32, 32)).isfinite().all()


@pytest.mark.parametrize("size", [(24, 32), (25, 31)])
def test_histograms_without_a_layer_are_the_mean_of_a_picture_and_its_mirror_image(
    size: tuple[int, int],
) -> None:
    """With half of the numbers: lengths and products are those of the whole ones, and one pass has both."""
    torch.manual_seed(0)
    network = Gradients((1, *size), cells=(8, 5), embedding=0).eval()
    images = torch.randn(4, 1, *size)

    def whole(pictures: torch.Tensor) -> torch.Tensor:
        edges = network.edges(pictures)
        histograms = torch.cat([scale(edges).flatten(1) for scale in network.scales], dim=1)
        return histograms / histograms.norm(dim=1, keepdim=True)

    mean = (whole(images) + whole(images.flip(3))) / 2
    found = network(images)
    assert found.shape == (4, network.embedding_size)
    assert mean.shape[1] / 2 <= network.embedding_size < 0.6 * mean.shape[1]
    torch.testing.assert_close(found @ found.T, mean @ mean.T, atol=1e-5, rtol=0)
    torch.testing.assert_close(network(images.flip(3)), found, atol=1e-5, rtol=0)
    assert network.symmetric
    assert not Gradients((1, *size), cells=(8, 5), embedding=3).symmetric


def test_gradients_refuse_a_cell_larger_than_the_input() -> None:
    with pytest.raises(SettingsError, match="cells of 40 pixels in an input of 32x48"):
        Gradients((1, 32, 48), cells=(8, 40))


@pytest.mark.parametrize("size", [(6, 9), (24, 36), (12, 18)])
def test_resampling_takes_the_right_place(size: tuple[int, int]) -> None:
    """A ramp cut out and resized is the ramp of that region, at any scale."""
    rows = torch.arange(24.0)[:, None] + 0.5
    columns = torch.arange(36.0)[None] + 0.5
    ramp = 100 * rows + columns
    region = Member(name="koch", region=(0.25, 0.25, 0.5, 0.5)).view((1, 24, 36))[1]
    assert isinstance(region, Resample)
    whole = Resample(24, 36, Region(0.25, 0.25, 0.5, 0.5), *size)(ramp)
    expected_rows = 6 + (torch.arange(size[0]) + 0.5) * 12 / size[0]
    expected_columns = 9 + (torch.arange(size[1]) + 0.5) * 18 / size[1]
    torch.testing.assert_close(
        whole, 100 * expected_rows[:, None] + expected_columns[None], rtol=1e-5, atol=1e-2
    )
    torch.testing.assert_close(region(ramp), ramp[6:18, 9:27])


def test_a_committee_is_its_members_side_by_side() -> None:
    torch.manual_seed(0)
    network = committee(
        (1, 32, 40),
        members=[
            Member(name="residual", channels=[4], embedding=3),
            Member(name="gradients", cells=[8], embedding=5, region=(0, 0, 0.5, 0.5), height=24, width=24),
        ],
    ).eval()
    images = torch.randn(3, 1, 32, 40)
    cut = Resample(32, 40, Region(0, 0, 0.5, 0.5), 24, 24)(images)
    assert network.parts == (3, 5)
    together = network(images)
    assert torch.equal(together[:, :3], network.members[0](images))
    assert torch.equal(together[:, 3:], network.members[1](cut))


def test_a_committees_members_are_checked() -> None:
    with pytest.raises(SettingsError, match=r'members\.0\.name: no .* "residul" \(did you mean "residual"'):
        committee((1, 32, 32), members=[Member(name="residul")])
    with pytest.raises(SettingsError, match="found none"):
        BACKBONES["committee"]((1, 32, 32), members=[])


def test_a_member_s_region_has_a_pixel_at_least() -> None:
    assert Member(name="koch", region=(0.0, 0.0, 0.005, 0.005)).view((1, 64, 64))[0] == (1, 1, 1)
