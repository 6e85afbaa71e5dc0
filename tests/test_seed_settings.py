"""The settings that repeat published experiments, each against a plain computation."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.model_selection import train_test_split
from torch import nn
from torch.nn import functional

from toy_training import PEOPLE, toy_network, toy_plan, toy_state
from twinface.core.errors import DataError, SettingsError
from twinface.core.types import WHOLE_FRAME, FaceSet, PairSet, TrainingSource
from twinface.datasets.load import load_dataset
from twinface.datasets.splits import split_pairs_at_random
from twinface.datasets.subsets import take_pictures
from twinface.faces.cache import prepare_faces
from twinface.faces.crop import resize
from twinface.faces.preparation import build_preparation
from twinface.networks.backbones import Koch
from twinface.training.batch_norms import SideBatchNorm, part_sides
from twinface.training.build import build_training_state, check_components
from twinface.training.losses import LOSSES, labels_of
from twinface.training.machine import Machine
from twinface.training.optimizers import adam, keras_adam, l2_penalty
from twinface.training.plan import TrainingPosition
from twinface.training.recipe import load_recipe
from twinface.training.sampling import GivenPairs
from twinface.training.step import training_step

SIZES = [(250, 250, 105, 105), (40, 90, 105, 33), (17, 23, 40, 60), (105, 105, 105, 50), (8, 9000, 90, 105)]
PAIRS = PairSet(
    "toys",
    FaceSet("toys", Path(), tuple(map(str, range(120))), np.arange(120) // 6, tuple(map(str, range(20)))),
    np.arange(0, 120, 2),
    np.r_[np.arange(1, 61, 2), np.arange(1, 61, 2)],
    np.arange(60) < 30,
)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("height", "width", "high", "wide"), SIZES)
def test_bicubic_is_pillows_to_the_bit(height: int, width: int, high: int, wide: int, channels: int) -> None:
    image = np.random.default_rng(0).integers(0, 256, (height, width, channels), np.uint8)
    expected = np.asarray(Image.fromarray(image[:, :, 0] if channels == 1 else image).resize((wide, high)))
    found = resize(image, high, wide, "bicubic")
    assert found.flags.c_contiguous
    assert np.array_equal(found, expected.reshape(high, wide, channels))


@pytest.mark.parametrize(("height", "width", "high", "wide"), SIZES)
def test_bilinear_is_that_of_the_four_nearest_pixels(height: int, width: int, high: int, wide: int) -> None:
    """TensorFlow's default, without antialiasing: pixels are squares, and the border is repeated."""
    image = np.random.default_rng(0).integers(0, 256, (height, width, 1), np.uint8)
    planes = torch.from_numpy(image[None, None, :, :, 0]).double()
    exact = functional.interpolate(
        planes, (high, wide), mode="bilinear", align_corners=False, antialias=False
    )
    found = resize(image, high, wide, "bilinear")
    assert found.shape == (high, wide, 1)
    assert (
        np.abs(found[:, :, 0] - exact[0, 0].numpy()).max() <= 1
    )  # half a grey level, and OpenCV's own rounding


def test_random_splits_are_those_of_scikit_learn() -> None:
    rest, held = split_pairs_at_random(PAIRS, 0.2, seed=42)
    rows_rest, rows_held = train_test_split(np.arange(60), test_size=0.2, random_state=42)
    for found, rows in ((rest, rows_rest), (held, rows_held)):
        paths = [found.faces.paths[place] for place in found.left]
        assert paths == [PAIRS.faces.paths[place] for place in PAIRS.left[np.sort(rows)]]
    assert "of people who are in training too" in held.name


def test_random_splits_by_label_hold_out_the_same_share_of_both() -> None:
    rest, held = split_pairs_at_random(PAIRS, 0.25, seed=3, by_label=True)
    assert (int(held.is_match.sum()), int((~held.is_match).sum())) == (8, 8)
    assert len(rest) == 60 - 16
    for share in (1e-9, 1.0):
        with pytest.raises(DataError, match="pairs held out, need 1 or more on each side"):
            split_pairs_at_random(replace(PAIRS, left=PAIRS.left[:1], right=PAIRS.right[:1]), share, 0)


def order_of(buffer: int | None, seed: int = 0, epoch: int = 0, **settings: Any) -> list[int]:
    sampler = GivenPairs(TrainingSource(PAIRS.faces, PAIRS), batch_size=7, buffer=buffer, **settings)
    batches = sampler(seed, epoch)
    assert [len(batch.left) for batch in batches] == [7] * 8 + [4]
    rights = [int(picture) for batch in batches for picture in batch.images[batch.right]]
    lefts = [int(picture) for batch in batches for picture in batch.images[batch.left]]
    if not settings.get("swap", True):
        assert all(left % 2 == 0 for left in lefts)
        assert rights == [int(PAIRS.right[left // 2]) for left in lefts]
    return lefts


def test_sides_are_swapped_only_if_asked_for() -> None:
    assert any(left % 2 for left in order_of(None))
    assert sorted(order_of(None, swap=False)) == PAIRS.left.tolist()


def test_a_shuffle_buffer_lets_early_pairs_out_first() -> None:
    """A pair cannot come out before it is in the buffer: at place p, the first p + size pairs have been in it."""
    assert order_of(1, swap=False) == PAIRS.left.tolist()
    for size in (5, 40, 60, 1000):
        order = order_of(size, swap=False)
        assert sorted(order) == PAIRS.left.tolist()
        assert all(left // 2 < place + size for place, left in enumerate(order))
    assert order_of(40, swap=False) != order_of(40, epoch=1, swap=False)
    early = np.mean([np.mean(np.array(order_of(10, seed, swap=False))[:20]) < 60 for seed in range(20)])
    assert early == 1


def test_grey_values_stay_as_they_are() -> None:
    network, images = toy_network(), torch.tensor([[[[0.0, 255.0], [3.0, 7.0]]]])
    network.normalisation = "none"
    assert torch.equal(network.normalise(images), images)


def test_dropout_of_the_difference() -> None:
    """The elements of |a - b| are kept or left out together on both sides; in evaluation mode nothing is."""
    network = toy_network(distance="weighted-l1")
    network.difference_dropout = 0.4
    left, right = torch.rand(50, 4), torch.rand(50, 4)
    torch.manual_seed(3)
    found = network.train().score(left, right)
    torch.manual_seed(3)
    difference = functional.dropout((left - right).abs(), 0.4)
    expected = network.distance["bias"] - (difference * network.distance["weight"]).sum(1)
    torch.testing.assert_close(found, expected)
    whole = network.distance["bias"] - ((left - right).abs() * network.distance["weight"]).sum(1)
    torch.testing.assert_close(network.eval().score(left, right), whole)


@pytest.mark.parametrize(("library", "epsilon", "momentum"), [("torch", 1e-5, 0.1), ("keras", 1e-3, 0.01)])
def test_batch_norm_has_the_epsilon_and_momentum_of_a_library(
    library: Any, epsilon: float, momentum: float
) -> None:
    backbone = Koch((1, 40, 40), kernels=(5, 3, 2, 2), batch_norm="after-relu", batch_norm_as=library)
    maps = 0.1 * torch.relu(torch.randn(2, 64, 3, 3) + 1)
    found = backbone.train().norm1(maps)
    mean, variance = maps.mean((0, 2, 3)), maps.var((0, 2, 3), unbiased=False)
    shape = (1, 64, 1, 1)
    torch.testing.assert_close(found, (maps - mean.view(shape)) / (variance.view(shape) + epsilon).sqrt())
    torch.testing.assert_close(backbone.norm1.running_mean, momentum * mean)


def test_sides_apart_have_statistics_of_their_own() -> None:
    """The running statistics move twice a step, once for each side."""
    for sides, moves in (("together", 1), ("apart", 2)):
        state, plan = toy_state(loss="bce"), toy_plan(2)
        if sides == "apart":
            part_sides(state.network)
        counter = state.network.backbone.stem_norm.num_batches_tracked
        before = int(counter)
        training_step(state, plan, plan.sampler(plan.seed, 0)[0], TrainingPosition(), 3)
        assert int(counter) - before == moves


@pytest.mark.parametrize("size", [(8, 4), (8, 4, 6, 5)])
def test_sides_apart_in_one_pass_are_two_passes(size: tuple[int, ...]) -> None:
    """Results, gradients and running statistics are those of torch's layer that sees one side after the other."""
    kind = nn.BatchNorm1d if len(size) == 2 else nn.BatchNorm2d
    plain, apart = kind(4), SideBatchNorm(kind(4))
    for _ in range(3):
        maps, slopes = torch.randn(size, requires_grad=True), torch.randn(size)
        left, right = maps.chunk(2)
        expected = torch.cat([plain(left), plain(right)])
        found = apart(maps)
        torch.testing.assert_close(found, expected)
        wanted = torch.autograd.grad(expected, [maps, *plain.parameters()], slopes)
        torch.testing.assert_close(torch.autograd.grad(found, [maps, *apart.parameters()], slopes), wanted)
    torch.testing.assert_close(apart.state_dict(), plain.state_dict())
    torch.testing.assert_close(apart.eval()(maps), plain.eval()(maps))


def test_a_single_pair_of_vectors_has_no_statistics_of_its_sides() -> None:
    with pytest.raises(SettingsError, match=r'trainer\.sides = "apart": found a batch of one pair'):
        SideBatchNorm(nn.BatchNorm1d(4))(torch.randn(2, 4))
    assert SideBatchNorm(nn.BatchNorm2d(4))(torch.randn(2, 4, 3, 3)).isfinite().all()


def test_cross_entropy_of_probabilities() -> None:
    """It is torch's `BCELoss`: a pair whose probability is 1 in float32 has no gradient and a loss of at most 100."""
    network, loss = toy_network(), LOSSES["bce"](4, PEOPLE, from_probabilities=True)
    network.score = lambda left, right: left[:, 0]  # type: ignore[method-assign]
    place = np.arange(3)
    labels = labels_of(place, place, place, np.array([True, False, False]), "cpu")
    logits = torch.tensor([[0.3, 0], [-1.2, 0], [200.0, 0]], requires_grad=True)
    found = loss(network, logits, labels)
    expected = [-np.log(1 / (1 + np.exp(-0.3))), -np.log(1 - 1 / (1 + np.exp(1.2))), 100]
    assert found.item() == pytest.approx(np.mean(expected), rel=1e-5)
    found.backward()
    assert logits.grad is not None
    assert logits.grad[2, 0] == 0
    of_logits = LOSSES["bce"](4, PEOPLE)(network, logits, labels)
    assert of_logits.item() == pytest.approx(np.mean([*expected[:2], 200]), rel=1e-5)


def test_a_test_loss_of_25_7_is_an_error_rate_of_25_7_percent() -> None:
    """Seed B's "test loss" is the cross-entropy of its thresholded answers; torch bounds each logarithm at -100."""
    labels = torch.arange(1000) % 2
    for published, accuracy in ((25.7, 0.743), (26.8, 0.732), (26.1, 0.739), (25.1, 0.749)):
        answers = labels.clone()
        answers[: round(1000 * (1 - accuracy))] ^= 1
        found = torch.nn.BCELoss()(answers.float(), labels.float())
        assert found.item() == pytest.approx(published, abs=1e-3)


def parameters(values: dict[str, torch.Tensor]) -> list[tuple[str, torch.nn.Parameter]]:
    return [(name, torch.nn.Parameter(value.clone())) for name, value in values.items()]


def test_the_penalty_is_what_weight_decay_descends() -> None:
    """In seed B's Adam on every parameter, in Keras's on kernels alone, and there `l2` counts twice."""
    torch.manual_seed(0)
    values = {"layer.weight": torch.randn(3, 2), "layer.bias": torch.randn(4)}
    for optimizer, decays, epsilon in (
        (adam(parameters(values), learning_rate=0.1, weight_decay=0.02), [0.02, 0.02], 1e-8),
        (keras_adam(parameters(values), learning_rate=0.1, l2=0.01), [0.02, 0.0], 1e-7 / 0.001**0.5),
    ):
        squares = [float(value.square().sum()) for value in values.values()]
        expected = sum(decay / 2 * square for decay, square in zip(decays, squares, strict=True))
        assert l2_penalty(optimizer) == pytest.approx(expected)
        own = [parameter for group in optimizer.param_groups for parameter in group["params"]]
        for parameter in own:
            parameter.grad = torch.zeros_like(parameter)
        optimizer.step()
        for parameter, value, decay in zip(own, values.values(), decays, strict=True):
            moved = 0.1 * decay * value / ((decay * value).abs() + epsilon)
            torch.testing.assert_close(parameter.detach(), value - moved)


def test_the_epsilon_of_keras_is_added_before_the_correction() -> None:
    value, slope = torch.nn.Parameter(torch.tensor([1.0])), 1e-6
    optimizer = keras_adam([("layer.bias", value)], learning_rate=0.1)
    mean = square = 0.0
    expected = 1.0
    for step in range(1, 4):
        value.grad = torch.tensor([slope])
        optimizer.step()
        mean, square = 0.9 * mean + 0.1 * slope, 0.999 * square + 0.001 * slope**2
        rate = 0.1 * (1 - 0.999**step) ** 0.5 / (1 - 0.9**step)
        expected -= rate * mean / (square**0.5 + 1e-7)
        assert value.item() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("recipe", "lost"), [("seed-a-plain", True), ("seed-a-batchnorm", False), ("seed-b-2", False)]
)
def test_bfloat16_is_too_coarse_only_for_the_network_that_trains_in_float32(recipe: str, lost: bool) -> None:
    """What products in bfloat16 change of the difference of two faces' embeddings, before training."""
    settings = load_recipe(recipe)
    assert settings.trainer.precision == ("float32" if lost else "auto")
    preparation = build_preparation(settings.imaging, WHOLE_FRAME)
    orl = load_dataset("orl").faces()
    faces = prepare_faces(take_pictures(orl, np.arange(len(orl)) % 25 == 0), preparation).images
    network = build_training_state(settings, 16, Machine("cpu", 1, "float32"), 0, faces).network
    images = torch.from_numpy(faces.copy()).permute(0, 3, 1, 2)
    with torch.no_grad():
        exact = network.features(images)
        with torch.autocast("cpu", torch.bfloat16):
            coarse = network.features(images)
    difference, found = exact[:8] - exact[8:], coarse[:8] - coarse[8:]
    assert bool((found - difference).abs().mean() > 0.5 * difference.abs().mean()) is lost


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["validation.threshold=even"], r'threshold = "even" needs loss.name = "bce".* found "cosface"'),
        (["trainer.sides=apart"], r'sides = "apart" needs batches of pairs, found sampling.name = "images"'),
    ],
)
def test_settings_that_do_not_go_together(overrides: list[str], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        check_components(load_recipe("demo", overrides))
