"""The blocks that Koch's network trains with fast are the ordinary ones."""

from __future__ import annotations

import copy
import itertools

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from pair_gradients import gradients, relative
from twinface.networks.backbones import fast_koch, koch
from twinface.networks.backbones.first_layer import first_layer
from twinface.networks.backbones.koch import Koch
from twinface.networks.backbones.maxima import rectified, rectified_maxima, spread_gradient
from twinface.networks.backbones.patches import patch_moments, patch_rows
from twinface.networks.siamese import SiameseNetwork
from twinface.training.processes import Processes
from twinface.training.shared_layers import SharedBatchNorm

PAPER = (1, 105, 105)
TYPES = [torch.bfloat16, torch.float32, torch.float64]


def with_any_normalisation(network: nn.Module) -> nn.Module:
    """Factors of either sign, and shifts."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight)
            nn.init.normal_(module.bias)
    return network


def ordinary(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fast_koch, "suits", lambda blocks, dropout, images: False)


@pytest.mark.parametrize("dtype", TYPES)
def test_maxima_and_their_gradients_are_those_of_pooling(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    windows = torch.randn(50, 2, 2, 7, dtype=dtype)  # n, upper and lower, left and right, m
    gradient, found, spread = (
        torch.randn(50, 7, dtype=dtype),
        torch.empty(50, 7, dtype=dtype),
        windows.clone(),
    )
    rectified_maxima(windows[:, 0], windows[:, 1], found)
    upper, lower = rectified(windows).unbind(1)
    spread_gradient(gradient, upper, lower, spread[:, 0], spread[:, 1])
    maps = windows.permute(0, 3, 1, 2).detach().requires_grad_()
    expected = functional.max_pool2d(functional.relu(maps), 2)[:, :, 0, 0]
    (towards,) = torch.autograd.grad(expected, maps, gradient)
    assert torch.equal(found, expected)
    assert torch.equal(spread.permute(0, 3, 1, 2), towards)


@pytest.mark.parametrize("dtype", TYPES)
def test_one_of_equal_values_gets_the_gradient_and_none_of_those_below_zero(dtype: torch.dtype) -> None:
    infinity = float("inf")
    rows = list(itertools.product([-infinity, -1.0, -0.0, 0.0, 1e-30, 1.0, 3.0, infinity], repeat=4))
    windows = torch.tensor(rows, dtype=dtype).view(-1, 2, 2, 1)
    found, spread = torch.empty(len(rows), 1, dtype=dtype), torch.empty_like(windows)
    rectified_maxima(windows[:, 0], windows[:, 1], found)
    assert torch.equal(found, windows.flatten(1).amax(1, keepdim=True).clamp(min=0))
    upper, lower = rectified(windows).unbind(1)
    spread_gradient(torch.full_like(found, -2), upper, lower, spread[:, 0], spread[:, 1])
    spread, windows = spread.flatten(1), windows.flatten(1)
    assert torch.equal(spread.sum(1, keepdim=True), -2.0 * (found > 0))
    assert ((spread != 0).sum(1) <= 1).all()
    assert (windows[spread != 0] == windows.amax(1)[found[:, 0] > 0]).all()


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("dtype", TYPES)
def test_what_is_no_number_stays_none(dtype: torch.dtype, sign: float) -> None:
    nothing = torch.full((3, 2, 2), float("nan"), dtype=dtype).copysign(torch.tensor(sign, dtype=dtype))
    found = torch.empty(3, 2, dtype=dtype)
    rectified_maxima(nothing, nothing, found)
    assert found.isnan().all()


@pytest.mark.parametrize(
    ("count", "height", "width", "tall", "wide"), [(3, 12, 47, 4, 3), (2, 9, 21, 1, 5), (4, 30, 20, 7, 20)]
)
def test_moments_are_those_of_the_patches(count: int, height: int, width: int, tall: int, wide: int) -> None:
    torch.manual_seed(0)
    images = torch.rand(count, height, width, dtype=torch.float64)
    patches = functional.unfold(images[:, None], (tall, wide)).transpose(1, 2).flatten(0, 1)
    mean, covariance = patch_moments(images, tall, wide)
    torch.testing.assert_close(mean, patches.mean(0))
    torch.testing.assert_close(covariance, patches.T.cov(correction=0).view(tall * wide, -1))


def test_rows_are_those_of_the_patches() -> None:
    images = torch.rand(3, 11, 14)
    rows = patch_rows(images, 4, 5, more=2)
    expected = functional.unfold(images[:, None], (4, 5), stride=2).view(3, 20, 4, 5)  # B patch h w
    found = torch.stack(rows).view(4, 22, 5, 3)  # h patch w B
    assert torch.equal(found[:, :20].permute(3, 1, 0, 2), expected)
    assert (found[:, 20:] == 1).all()


@pytest.mark.parametrize("normalised", [True, False])
@pytest.mark.parametrize(
    ("shape", "kernel"), [((3, 1, 20, 23), 3), ((2, 1, 31, 30), 6), ((5, 1, 25, 44), (5, 2))]
)
def test_the_first_layer_is_what_it_stands_for(
    shape: tuple[int, ...], kernel: int | tuple[int, int], normalised: bool
) -> None:
    torch.manual_seed(0)
    layer: nn.Conv2d = nn.Conv2d(1, 6, kernel).double()  # type: ignore[arg-type]
    norm = with_any_normalisation(nn.BatchNorm2d(6) if normalised else nn.Identity()).double()
    images, other = torch.rand(*shape, dtype=torch.float64), copy.deepcopy(norm)
    learnt = [*layer.parameters(), *norm.parameters()]
    expected = functional.max_pool2d(functional.relu(norm(layer(images))), 2)
    towards = torch.randn_like(expected)
    slopes = torch.autograd.grad(expected, learnt, towards)
    found = first_layer(images, layer, other, torch.float64).permute(2, 3, 0, 1)
    torch.testing.assert_close(found, expected)
    learnt = [*layer.parameters(), *other.parameters()]
    for mine, theirs in zip(torch.autograd.grad(found, learnt, towards), slopes, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-9, atol=1e-9)
    for mine, theirs in zip(other.buffers(), norm.buffers(), strict=True):
        torch.testing.assert_close(mine, theirs)


@pytest.mark.parametrize("batch_norm", ["before-relu", "none"])
def test_in_float64_the_network_has_the_loss_gradients_and_statistics_of_the_ordinary_one(
    batch_norm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    shape = (1, 73, 67)  # 64 x 58, then 26 x 23, of which a column is left out, and 10 x 8
    network = Koch(shape, dense=32, filters=(8, 12, 16, 16), batch_norm=batch_norm)  # type: ignore[arg-type]
    network = SiameseNetwork(network, "weighted-l1", "unit", flip_average=False).double()
    with_any_normalisation(network)
    nn.init.normal_(network.distance["weight"], std=0.3)
    fast = copy.deepcopy(network)
    images, truth = torch.rand(8, *shape, dtype=torch.float64), (torch.arange(4) % 2).double()
    loss, expected = gradients(network, images, truth)
    blocks = fast_koch.fast_blocks
    monkeypatch.setattr(fast_koch, "suits", lambda blocks, dropout, images: True)
    monkeypatch.setattr(
        fast_koch, "fast_blocks", lambda layers, images: blocks(layers, images, torch.float64)
    )
    found_loss, found = gradients(fast, images, truth)
    assert found_loss == pytest.approx(loss, abs=1e-12)
    for name, gradient in expected.items():
        torch.testing.assert_close(found[name], gradient, rtol=1e-8, atol=1e-10)
    for (name, mine), theirs in zip(fast.named_buffers(), network.buffers(), strict=True):
        torch.testing.assert_close(mine, theirs, msg=name)


def test_in_bfloat16_it_is_as_near_to_the_exact_one_as_bfloat16_allows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    torch.manual_seed(0)
    network = SiameseNetwork(
        Koch(PAPER, dense=64, batch_norm="before-relu"), "weighted-l1", "unit", flip_average=False
    )
    with_any_normalisation(network)
    nn.init.normal_(network.distance["weight"], std=0.3)
    # Smooth, as pictures are: neighbours are alike and ties common.
    images = functional.interpolate(torch.rand(32, 1, 15, 15), PAPER[1:], mode="bilinear")
    truth = (torch.arange(16) % 2).float()
    exact_twin, fast_twin, again_twin = (copy.deepcopy(network) for _ in range(3))
    exact_loss, exact = gradients(exact_twin.double(), images.double(), truth.double())
    with torch.autocast("cpu", torch.bfloat16):
        with monkeypatch.context() as patch:
            ordinary(patch)
            patch.setattr(koch, "convolve", lambda layer, maps: layer(maps))
            direct_loss, direct = gradients(network, images, truth)
        loss, fast = gradients(fast_twin, images, truth)
        again_loss, again = gradients(again_twin, images, truth)
    assert loss == again_loss
    assert all(torch.equal(fast[name], again[name]) for name in exact)
    assert abs(loss - exact_loss) < 1.6 * abs(direct_loss - exact_loss) + 2e-3
    for name, gradient in exact.items():
        if gradient.norm() > 1e-6:  # a bias before a normalisation has none
            assert relative(fast[name], gradient) < 1.6 * relative(direct[name], gradient) + 0.02, name
    for (name, buffer), mine in zip(exact_twin.named_buffers(), fast_twin.buffers(), strict=True):
        torch.testing.assert_close(mine.double(), buffer.double(), rtol=0.02, atol=0.02, msg=name)


def fast_is_taken(network: Koch, images: Tensor, monkeypatch: pytest.MonkeyPatch) -> bool:
    taken = []
    blocks = fast_koch.fast_blocks
    with monkeypatch.context() as patch:
        patch.setattr(
            fast_koch, "fast_blocks", lambda layers, images: taken.append(1) or blocks(layers, images)
        )
        network(images)
    return bool(taken)


def test_it_is_taken_only_where_it_does_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    images = torch.rand(32, *PAPER)

    def taken(network: Koch, images: Tensor = images) -> bool:
        return fast_is_taken(network, images, monkeypatch)

    network = Koch(PAPER, dense=8, batch_norm="before-relu")
    assert not taken(network)  # float32
    with torch.autocast("cpu", torch.bfloat16):
        assert taken(network)
        assert taken(Koch(PAPER, dense=8))
        assert taken(Koch(PAPER, dense=8, dropout=(0.0, 0.0, 0.0, 0.5)))
        assert not taken(Koch(PAPER, dense=8, dropout=0.1))
        assert not taken(Koch(PAPER, dense=8, batch_norm="after-relu"))
        assert not taken(Koch((3, *PAPER[1:]), dense=8), torch.rand(32, 3, *PAPER[1:]))
        assert not taken(network, images[:1])  # one picture does not pay for the kernels' transforms
        assert not taken(network, images.clone().requires_grad_())
        assert not taken(Koch(PAPER, dense=8).eval())
        frozen = Koch(PAPER, dense=8, batch_norm="before-relu")
        assert isinstance(frozen.norm2, nn.BatchNorm2d)
        frozen.norm2.eval()
        assert not taken(frozen)
        shared = Koch(PAPER, dense=8, batch_norm="before-relu")
        shared.norm1 = SharedBatchNorm(shared.norm1, Processes())  # type: ignore[arg-type]
        assert not taken(shared)
        with torch.no_grad():
            assert not taken(network)


def test_dropout_of_the_fourth_layer_draws_what_it_does_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    network, images = Koch(PAPER, dense=8, dropout=(0.0, 0.0, 0.0, 0.5)), torch.rand(32, *PAPER)
    seen: list[Tensor] = []
    network.dropout[3].register_forward_hook(lambda layer, given, result: seen.append(result == 0))
    with torch.autocast("cpu", torch.bfloat16):
        for _ in range(2):
            torch.manual_seed(0)
            network(images)
            ordinary(monkeypatch)
    assert (seen[0] == seen[1]).float().mean() > 0.99
