"""Convolutions by Fourier transforms equal direct convolutions."""

from __future__ import annotations

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from pair_gradients import gradients, relative
from twinface.networks.backbones import fourier, koch
from twinface.networks.backbones.fourier import convolve, fourier_convolution
from twinface.networks.backbones.koch import Koch
from twinface.networks.siamese import SiameseNetwork


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 3),
    st.integers(1, 4),
    st.integers(1, 3),
    st.integers(3, 12),
    st.integers(3, 12),
    st.integers(1, 3),
    st.integers(1, 3),
    st.booleans(),
)
def test_values_and_gradients_are_those_of_a_convolution(
    count: int, channels: int, filters: int, height: int, width: int, tall: int, wide: int, biased: bool
) -> None:
    torch.manual_seed(count * height + width)
    maps = torch.randn(count, channels, height, width, dtype=torch.float64, requires_grad=True)
    kernels = torch.randn(filters, channels, tall, wide, dtype=torch.float64, requires_grad=True)
    bias = torch.randn(filters, dtype=torch.float64, requires_grad=True) if biased else None
    learnt = [tensor for tensor in (maps, kernels, bias) if tensor is not None]
    ours, theirs = fourier_convolution(maps, kernels, bias), functional.conv2d(maps, kernels, bias)
    assert ours.shape == theirs.shape
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)
    towards = torch.randn_like(theirs)
    for mine, other in zip(
        torch.autograd.grad(ours, learnt, towards), torch.autograd.grad(theirs, learnt, towards), strict=True
    ):
        torch.testing.assert_close(mine, other, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("kind", "most"), [(torch.float32, 1e-6), (torch.bfloat16, 0.01)])
def test_the_error_is_what_the_docstring_says(kind: torch.dtype, most: float) -> None:
    torch.manual_seed(0)
    maps, kernels = torch.randn(4, 64, 48, 48).relu(), torch.randn(32, 64, 7, 7) * 0.02
    exact = functional.conv2d(maps.double(), kernels.double())
    error = fourier_convolution(maps.to(kind), kernels.to(kind)).double() - exact
    assert float(error.square().mean().sqrt() / exact.square().mean().sqrt()) < most


@pytest.mark.slow
def test_loss_and_gradients_of_the_network_are_as_near_to_the_exact_ones_as_bfloat16_allows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    torch.manual_seed(0)
    shape = (1, 105, 105)
    network = SiameseNetwork(
        Koch(shape, dense=64, batch_norm="before-relu"), "weighted-l1", "unit", flip_average=False
    )
    nn.init.normal_(network.distance["weight"], std=0.3)
    # Enough pictures for both large kernels to be transformed.
    images, truth = torch.rand(20, *shape), (torch.arange(10) % 2).float()
    exact_loss, exact = gradients(copy.deepcopy(network).double(), images.double(), truth.double())
    with torch.autocast("cpu", torch.bfloat16):
        loss, fast = gradients(network, images, truth)
        monkeypatch.setattr(koch, "convolve", lambda layer, maps: layer(maps))
        direct_loss, direct = gradients(network, images, truth)
    assert loss == pytest.approx(exact_loss, abs=2e-3)
    assert direct_loss == pytest.approx(exact_loss, abs=2e-3)
    for name, gradient in exact.items():
        if gradient.norm() > 1e-6:  # a bias before a normalisation has none
            assert relative(fast[name], gradient) < 1.6 * relative(direct[name], gradient) + 0.02, name
    monkeypatch.setattr(
        koch, "convolve", lambda layer, maps: fourier_convolution(maps, layer.weight, layer.bias)
    )
    loss, found = gradients(copy.deepcopy(network).double(), images.double(), truth.double())
    assert loss == pytest.approx(exact_loss, abs=1e-12)
    for name, gradient in exact.items():
        torch.testing.assert_close(found[name], gradient, rtol=1e-8, atol=1e-10)


def test_a_layer_is_transformed_only_where_that_is_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = []

    def watched(maps: Tensor, kernels: Tensor, bias: Tensor | None = None) -> Tensor:
        taken.append((len(maps), kernels.shape[2]))
        return fourier_convolution(maps, kernels, bias)

    monkeypatch.setattr(fourier, "fourier_convolution", watched)
    network = Koch((1, 105, 105), dense=8)
    images = torch.rand(32, 1, 105, 105)
    network(images)
    assert taken == [(32, 7), (32, 4), (32, 4)]  # float32: all but the first layer, in training
    taken.clear()
    network.eval()(images)
    assert taken == []  # and none in use
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        network(images)
        assert taken == [(32, 7), (32, 4)]  # the second and third layer
        network(images[:1])
        assert len(taken) == 2  # one picture does not pay for the kernels' transforms
        convolve(nn.Conv2d(64, 128, 7, padding=3), torch.rand(16, 64, 48, 48))
        assert len(taken) == 2  # nor is padding known


def test_a_network_that_was_used_first_can_still_be_trained() -> None:
    """A run that goes on right after an epoch's last step begins with validation."""
    kernels = torch.randn(2, 1, 3, 3, requires_grad=True)
    maps = torch.randn(1, 1, 17, 19)  # sizes that no other test has
    with torch.inference_mode():
        expected = fourier_convolution(maps, kernels.detach())
    found = fourier_convolution(maps, kernels)
    torch.testing.assert_close(found.detach(), expected.clone())
    found.sum().backward()  # type: ignore[no-untyped-call]
    assert kernels.grad is not None
    assert kernels.grad.abs().sum() > 0
