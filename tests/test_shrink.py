"""Pictures are made smaller by area averages, and places in them are kept."""

from __future__ import annotations

import numpy as np
import pytest

from twinface.faces.align import warp
from twinface.faces.shrink import shrink


@pytest.mark.parametrize(
    ("before", "after"),
    [((64, 48), (8, 6)), ((101, 83), (20, 16)), ((50, 40), (49, 39)), ((9, 7), (9, 7)), ((9, 9), (1, 1))],
)
def test_places_and_means_are_kept(before: tuple[int, int], after: tuple[int, int]) -> None:
    # A slope: the value of a pixel tells its place. It rises by one from pixel to pixel.
    slope = np.broadcast_to(np.arange(before[1])[None, :, None], (*before, 3)).astype(np.uint8)
    small, across, down = shrink(slope, *after)
    assert small.shape == (*after, 3)
    places = (np.arange(after[1]) + 0.5) * across - 0.5
    assert np.abs(small[:, :, 0] - places).max() <= 1.01
    tall, _, down = shrink(np.ascontiguousarray(slope.transpose(1, 0, 2)), *after[::-1])
    places = (np.arange(after[1]) + 0.5) * down - 0.5
    assert np.abs(tall[:, :, 0] - places[:, None]).max() <= 1.01


def test_no_stripe_becomes_a_pattern() -> None:
    stripes = np.zeros((512, 512, 3), np.uint8)
    stripes[::2] = 255
    small = shrink(stripes, 100, 90)[0]
    assert small.min() >= 110
    assert small.max() <= 145


def test_a_strided_part_of_a_photo_is_the_same_as_its_copy() -> None:
    photo = np.random.default_rng(0).integers(0, 256, (300, 400, 3), dtype=np.uint8)
    matrix = np.array([[0.21, 0.02, -10.0], [-0.02, 0.21, 4.0]])
    whole = warp(photo, matrix, 40, 50)
    framed = np.zeros((320, 420, 3), np.uint8)
    framed[10:310, 10:410] = photo
    assert np.array_equal(warp(framed[10:310, 10:410], matrix, 40, 50), whole)


def test_gray_pictures_keep_their_channel() -> None:
    assert shrink(np.full((64, 64, 1), 7, np.uint8), 10, 10)[0].shape == (10, 10, 1)
