"""Distortions: the right picture moves, by the right amount, and only by what the settings say."""

import numpy as np
import pytest
import torch

from twinface.core.seeding import random_at
from twinface.core.settings_sections import AugmentSettings
from twinface.training.augmentation import affine_matrices, augment
from twinface.training.look_alikes import look_alike_map
from twinface.training.processes import Processes

ALL = AugmentSettings(
    probability=1,
    rotation=10,
    shear=0.3,
    scale=0.2,
    shift=2,
    flip=0.5,
    brightness=0.2,
    contrast=0.3,
    erase=0.5,
)


def faces(count: int = 4, size: int = 32) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).integers(0, 256, (count, 1, size, size))).float()


def test_nothing_is_set_nothing_changes() -> None:
    images = faces()
    assert torch.equal(augment(images, AugmentSettings(), random_at(0, "augment")), images)


@pytest.mark.parametrize("count", [1, 3])
def test_a_pure_function_that_keeps_shape_range_and_input(count: int) -> None:
    images = faces(count)
    before = images.clone()
    first = augment(images, ALL, random_at(5, "augment", 1, 2))
    assert torch.equal(first, augment(images, ALL, random_at(5, "augment", 1, 2)))
    assert not torch.equal(first, augment(images, ALL, random_at(5, "augment", 1, 3)))
    assert torch.equal(images, before)
    assert first.shape == images.shape
    assert first.min() >= 0
    assert first.max() <= 255


@pytest.mark.parametrize("count", [1, 2, 3, 9])
def test_shares_are_distorted_as_in_the_whole(count: int) -> None:
    images, look_alike = faces(7), np.arange(7)
    whole = augment(images, ALL, random_at(5, "augment"), look_alike)
    parts = []
    for rank in range(count):
        share = Processes(rank, count).share_of(7)
        rows = share.rows
        parts.append(augment(images[rows], ALL, random_at(5, "augment"), look_alike[rows], share))
    torch.testing.assert_close(torch.cat(parts), whole, rtol=0, atol=1e-4)


def test_flip_mirrors_exactly() -> None:
    images = faces()
    flipped = augment(images, AugmentSettings(flip=1), random_at(0, "augment"))
    assert torch.allclose(flipped, images.flip(3), atol=1e-2)


def test_shift_is_in_pixels() -> None:
    settings = AugmentSettings(probability=1, shift=3)
    matrices = affine_matrices(1000, 40, 20, settings, random_at(0, "augment"))
    pixels = matrices[:, :, 2] * [20 / 2, 40 / 2]
    assert np.abs(pixels).max() <= 3
    assert np.abs(pixels).max() > 2.9
    assert np.allclose(matrices[:, :, :2], np.eye(2))


def test_rotation_turns_a_bright_spot_by_its_angle() -> None:
    images = torch.zeros(1, 1, 65, 33)
    images[0, 0, 32, 28] = 255.0  # 12 pixels right of the centre
    for seed in range(5):
        settings = AugmentSettings(probability=1, rotation=30)
        matrix = affine_matrices(1, 65, 33, settings, random_at(seed, "augment"))[0]
        turned = augment(images, settings, random_at(seed, "augment"))[0, 0]
        weights = turned / turned.sum()
        x = float((weights * torch.arange(33)).sum()) - 16
        y = float((weights.T * torch.arange(65)).sum()) - 32
        angle = np.arctan2(matrix[1, 0] * 65 / 33, matrix[0, 0])
        # The map goes from output to input, so that the picture turns the other way.
        assert (x, y) == pytest.approx((12 * np.cos(angle), -12 * np.sin(angle)), abs=0.3)


def test_each_warp_happens_as_often_as_it_should() -> None:
    settings = AugmentSettings(probability=0.5, shift=2)
    matrices = affine_matrices(4000, 32, 32, settings, random_at(1, "augment"))
    assert np.mean(matrices[:, 0, 2] != 0) == pytest.approx(0.5, abs=0.04)


def test_erasing_paints_one_rectangle() -> None:
    images = faces(200)
    erased = augment(images, AugmentSettings(erase=0.5), random_at(2, "augment"))
    changed = (erased != images).flatten(1).float().mean(1)
    assert (changed > 0).float().mean().item() == pytest.approx(0.5, abs=0.12)
    for share, image in zip(changed, (erased != images)[:, 0], strict=True):
        if share:
            rows, columns = torch.nonzero(image, as_tuple=True)
            box = (rows.max() - rows.min() + 1) * (columns.max() - columns.min() + 1)
            assert box / image.numel() <= 0.22
            assert image.sum() > 0.9 * box  # a pixel may have had the mean's value before


def test_zoom_keeps_proportions() -> None:
    matrices = affine_matrices(500, 40, 20, AugmentSettings(probability=1, zoom=0.2), random_at(3, "augment"))
    assert np.allclose(matrices[:, 0, 0], matrices[:, 1, 1])
    assert 1 / 1.2 <= matrices[:, 0, 0].min() < 0.85
    assert 1.2 < matrices[:, 0, 0].max() <= 1 / 0.8


def test_a_look_alike_is_one_warp_for_all_pictures_of_a_person() -> None:
    images = faces(3, size=48)
    plain = augment(images, AugmentSettings(), random_at(0, "augment"), np.zeros(3, np.int64))
    assert torch.allclose(plain, images, atol=0.05)
    one = augment(images[:1].repeat(2, 1, 1, 1), AugmentSettings(), random_at(0, "augment"), np.array([5, 5]))
    assert torch.equal(one[0], one[1])
    other = augment(
        images[:1].repeat(2, 1, 1, 1), AugmentSettings(), random_at(0, "augment"), np.array([5, 7])
    )
    assert (other[0] - other[1]).abs().mean() > 5


def test_look_alikes_bend_smoothly_and_odd_ones_are_mirrored() -> None:
    for number in range(1, 40):
        place = look_alike_map(number, 60, 40)
        across, down = place[0].diff(dim=1) * 40 / 2, place[1].diff(dim=0) * 60 / 2
        sign = -1 if number % 2 else 1
        # One step in the look-alike is about one step in the picture, and never a fold.
        assert 0.1 < (sign * across).min() < (sign * across).max() < 2
        assert 0.1 < down.min() < down.max() < 2


def test_distortions_move_a_look_alike_as_they_move_a_picture() -> None:
    images = torch.zeros(1, 1, 60, 40)
    images[0, 0, 20:40, 10:30] = 255.0
    shift = AugmentSettings(probability=1, shift=6)
    by_hand = augment(
        augment(images, AugmentSettings(), random_at(0, "augment"), np.array([4])),
        shift,
        random_at(1, "augment"),
    )
    in_one_step = augment(images, shift, random_at(1, "augment"), np.array([4]))
    assert (by_hand - in_one_step).abs().mean() < 2
