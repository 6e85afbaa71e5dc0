"""Trained Fisher vectors: values against plain torch, gradients against differences, symmetry, a whole run."""

import numpy as np
import pytest
import torch

from conftest import train_tiny
from toy_pictures import SHAPE, pictures
from twinface.models.load import load_model
from twinface.networks.backbones import TrainedFisher, fisher
from twinface.networks.backbones.descriptors import LENGTH
from twinface.networks.backbones.trained_fisher import FLAT
from twinface.training.checkpoint import load_checkpoint

HALF = 3


@pytest.fixture(autouse=True)
def few_patches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fits to fewer patches, which takes less time and changes nothing else."""
    monkeypatch.setattr(fisher, "PATCHES_TO_FIT", 10_000)


def changed(**options) -> TrainedFisher:
    """A fitted network, as some training would leave it."""
    torch.manual_seed(0)
    network = TrainedFisher(
        SHAPE, gaussians=2 * HALF, dimensions=5, step=3, cell=4, embedding=7, **options
    ).eval()
    network.fit(pictures(20), seed=1)
    for value in (
        network.change,
        network.mean_change,
        network.variance_change,
        network.share_change,
    ):
        torch.nn.init.normal_(value, std=0.2)
    return network


def vector(network: TrainedFisher, image: torch.Tensor) -> torch.Tensor:
    """`[6, 7]`: the Fisher vector of one picture, Gaussian by Gaussian, by torch's own distributions."""
    (scale,) = network.scales
    patches = torch.cat([scale(image[None].float())[0], scale.places], dim=1).double()
    values = {name: value.detach().double() for name, value in network.state_dict().items()}
    same = values["signs"][:, None] == values["signs"]
    reduced = (patches - values["middle"]) @ values["axes"] @ (torch.eye(7) + values["change"] * same)
    means = values["means"] + values["mean_change"]
    means = torch.cat([means, means * values["signs"]])
    deviations = (values["variances"] * values["variance_change"].exp()).sqrt().repeat(2, 1)
    shares = (values["shares"] * values["share_change"].exp()).repeat(2)
    densities = [
        share.log() + torch.distributions.Normal(mean, deviation).log_prob(reduced).sum(1)
        for mean, deviation, share in zip(means, deviations, shares, strict=True)
    ]
    belonging = torch.softmax(torch.stack(densities, dim=1), dim=1)
    rows = []
    for number in range(2 * HALF):
        distances = (reduced - means[number]) / deviations[number]
        row = (belonging[:, number, None] * distances).mean(0) / shares[number].sqrt()
        rows.append(row / (row.abs() + FLAT).sqrt())
    found = torch.stack(rows)
    return found / found.norm()


def test_the_embedding_against_plain_torch() -> None:
    network, images = changed(), pictures(2, seed=3)
    signs = network.signs.double()
    for image, embedding in zip(images, network(images), strict=True):
        both = vector(network, image)
        folded = (both[:HALF] + both[HALF:] * signs) / 2
        expected = network.dense.weight.double() @ folded.flatten()
        torch.testing.assert_close(embedding.double(), expected, rtol=1e-3, atol=1e-5)


def test_a_picture_and_its_mirror_image_stay_equal() -> None:
    network, images = changed(), pictures(3, seed=4)
    torch.testing.assert_close(network(images), network(images.flip(3)), rtol=1e-3, atol=1e-5)


def test_gradients_against_differences() -> None:
    network, image = changed().double(), pictures(2, seed=5).double()
    target = torch.randn(2, 7, dtype=torch.float64)

    def loss() -> torch.Tensor:
        return (network(image) * target).sum()

    loss().backward()
    for name, value in network.named_parameters():
        assert value.grad is not None, name
        direction = torch.randn_like(value)
        step = 1e-6 * direction / direction.norm()
        with torch.no_grad():
            losses = []
            for move in (step, -2 * step, step):
                value.add_(move)
                losses.append(float(loss()))
        difference = (losses[0] - losses[1]) / 2
        assert float((value.grad * step).sum()) == pytest.approx(difference, rel=1e-3, abs=1e-12), name


def test_a_flat_picture_has_finite_gradients() -> None:
    network = changed()
    network(torch.zeros(1, *SHAPE)).sum().backward()
    assert all(torch.isfinite(value.grad).all() for value in network.parameters())


def test_gaussians_are_left_out_in_training_alone() -> None:
    network, images = changed(dropout=0.9), pictures(2, seed=6)
    assert torch.equal(network(images), network(images))
    network.train()
    assert len({network(images)[0, 0].item() for _ in range(20)}) > 2
    all_kept = changed(dropout=0.0)
    assert torch.equal(all_kept.train()(images), all_kept.eval()(images))


def test_before_training_the_mixture_is_the_one_that_was_fitted() -> None:
    network = TrainedFisher(SHAPE, gaussians=4, dimensions=5, step=3, cell=4, embedding=7)
    network.fit(pictures(20), seed=1)
    plain = fisher.Fisher(SHAPE, gaussians=4, dimensions=5, steps=(3,), cell=4)
    plain.fit(pictures(20), seed=1)
    # Roots of small values are all that differs.
    found, expected = network.vectors(pictures(3, seed=2)), plain.vectors(pictures(3, seed=2))
    cosines = torch.nn.functional.cosine_similarity(found.flatten(1), expected.flatten(1), dim=1)
    assert cosines.min() > 0.99
    assert network.middle.shape == (LENGTH + 2,)


@pytest.mark.slow
def test_a_run_trains_and_exports(tmp_path) -> None:
    options = [
        "imaging.height=40",
        "imaging.width=36",
        "trainer.epochs=2",
        "trainer.keep_state=true",
        "validation.conditions=0",
        'network.backbone={name="trained-fisher", gaussians=4, dimensions=6, step=4, cell=4, embedding=16}',
    ]
    run = train_tiny(tmp_path / "run", *options, tiny=False)
    network, _ = load_checkpoint(run.path)
    assert network.backbone.change.abs().max() > 0
    assert network.backbone.mean_change.abs().max() > 0
    faces = np.random.default_rng(0).integers(0, 256, (5, 40, 36, 1), np.uint8)
    with torch.inference_mode():
        expected = network.embed(torch.from_numpy(faces)).numpy()
    np.testing.assert_allclose(load_model(run.path)(faces), expected, atol=2e-3)
