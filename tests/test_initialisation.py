"""Initial weights have the distributions that their names promise."""

import pytest
import torch

from twinface.networks.build import build_network
from twinface.networks.initial_weights import INITIALISATIONS
from twinface.networks.siamese import SiameseNetwork
from twinface.training.recipe import load_recipe


def koch_with(initialisation: str) -> SiameseNetwork:
    settings = load_recipe("koch", [f"network.initialisation={initialisation}", "network.backbone.dense=256"])
    return build_network(settings.network, settings.imaging, seed=3)


def close(tensor: torch.Tensor, mean: float, spread: float) -> bool:
    few = 4 * spread / tensor.numel() ** 0.5  # four standard errors
    return (
        abs(tensor.mean().item() - mean) <= few + 1e-7 and abs(tensor.std().item() - spread) <= 3 * few + 1e-7
    )


def test_the_papers() -> None:
    network = koch_with("paper").backbone
    for number in range(1, 5):
        convolution = network.get_submodule(f"conv{number}")
        assert close(convolution.weight, 0.0, 0.01)
        assert close(convolution.bias, 0.5, 0.01)
    assert close(network.dense.weight, 0.0, 0.2)
    assert close(network.dense.bias, 0.5, 0.01)


def test_seed_a_has_keras_dense_layers() -> None:
    network = koch_with("seed-a").backbone
    assert close(network.conv2.weight, 0.0, 0.01)
    assert network.dense.weight.abs().max() <= (6 / (9216 + 256)) ** 0.5
    assert not network.dense.bias.any()


def test_seed_b_as_written_starts_every_filter_alike() -> None:
    written, meant = koch_with("seed-b-as-written").backbone, koch_with("seed-b-meant").backbone
    for number in range(1, 5):
        weights = written.get_submodule(f"conv{number}").weight
        assert (weights == weights[:1]).all()
        assert (weights == torch.tensor(0.01)).all()
        assert close(written.get_submodule(f"conv{number}").bias, 0.01, 0.5)
        assert close(meant.get_submodule(f"conv{number}").weight, 0.0, 0.01)
        assert close(meant.get_submodule(f"conv{number}").bias, 0.5, 0.01)
    assert (written.dense.weight == torch.tensor(0.05)).all()
    assert close(written.dense.bias, 0.05, 0.5)
    assert close(meant.dense.weight, 0.0, 0.05)
    assert close(meant.dense.bias, 0.5, 0.05)


def test_the_last_dense_layer_of_seed_b_is_drawn_as_the_other() -> None:
    """Its weights are those of a dense layer with the sign turned, since a distance lowers a score here."""
    written, meant = koch_with("seed-b-as-written").distance, koch_with("seed-b-meant").distance
    assert (written["weight"] == torch.tensor(-0.05)).all()
    assert close(meant["weight"], 0.0, 0.05)
    assert abs(meant["bias"].item() - 0.5) < 0.25


@pytest.mark.parametrize("name", sorted(INITIALISATIONS))
def test_the_seed_decides(name: str) -> None:
    first, again = koch_with(name).state_dict(), koch_with(name).state_dict()
    assert all(torch.equal(first[key], again[key]) for key in first)
