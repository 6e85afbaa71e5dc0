"""Alignment against plain least squares, and against a warp of every pixel."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from twinface.core.types import ByteArray, FloatArray
from twinface.faces.align import align, similarity_transform, warp
from twinface.faces.frame import ARCFACE_FRAME, STANDARD_FRAME


def turned_scaled_shifted(points: FloatArray, degrees: float, scale: float, shift: FloatArray) -> FloatArray:
    angle = np.radians(degrees)
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.asarray(scale * points @ rotation.T + shift)


def smooth_picture(height: int, width: int, details: int, seed: int = 0) -> ByteArray:
    """[height, width, 3] of random colors that change smoothly, `details` times along each side."""
    coarse = np.random.default_rng(seed).integers(0, 256, (details, details, 3), np.uint8)
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


@pytest.mark.parametrize("seed", range(5))
def test_the_transform_is_that_of_least_squares(seed: int) -> None:
    rng = np.random.default_rng(seed)
    source, target = rng.normal(size=(5, 2)) * 50, rng.normal(size=(5, 2)) * 80 + 100
    # A similarity is x' = a x - b y + c, y' = b x + a y + d; the rows are these ten equations in a, b, c, d.
    rows, values = [], []
    for (x, y), (to_x, to_y) in zip(source, target, strict=True):
        rows += [[x, -y, 1, 0], [y, x, 0, 1]]
        values += [to_x, to_y]
    a, b, c, d = np.linalg.lstsq(np.array(rows), np.array(values), rcond=None)[0]
    assert similarity_transform(source, target) == pytest.approx(np.array([[a, -b, c], [b, a, d]]))


@pytest.mark.parametrize("degrees", [0, 17, 90, 180, -100])
def test_a_similarity_is_found_exactly(degrees: float) -> None:
    source = turned_scaled_shifted(STANDARD_FRAME.landmarks, degrees, 3.7, np.array([412.0, -55.0]))
    matrix = similarity_transform(source, STANDARD_FRAME.landmarks)
    back = source @ matrix[:, :2].T + matrix[:, 2]
    assert back == pytest.approx(STANDARD_FRAME.landmarks)


def test_points_in_one_place_are_refused() -> None:
    for points in (np.ones((5, 2)), np.full((5, 2), np.nan)):
        with pytest.raises(ValueError, match="in one place or no numbers"):
            similarity_transform(points, STANDARD_FRAME.landmarks)


@pytest.mark.parametrize(("degrees", "scale"), [(0, 0.8), (12, 2.3), (-35, 5.1), (90, 8.0), (171, 3.0)])
def test_align_gives_the_area_averages_of_the_photo(degrees: float, scale: float) -> None:
    """Each pixel of the aligned face against the mean of 8 x 8 samples of the photo under it."""
    frame = ARCFACE_FRAME
    side = int(112 * scale) + 60
    photo = smooth_picture(side, side + 20, details=24)
    middle = np.array([side / 2, side / 2])
    centred = frame.landmarks - [56, 56]
    landmarks = turned_scaled_shifted(centred, degrees, scale, middle)
    inverse = similarity_transform(frame.landmarks, landmarks)
    count = 8
    places = (np.arange(112 * count) + 0.5) / count - 0.5
    x, y = np.meshgrid(places, places)
    sample = np.float32(np.stack([x, y], axis=-1) @ inverse[:, :2].T + inverse[:, 2])
    samples = np.stack(
        [
            cv2.remap(photo[..., c], sample[..., 0], sample[..., 1], cv2.INTER_LINEAR, borderValue=0)
            for c in range(3)
        ],
        axis=-1,
    )
    expected = samples.reshape(112, count, 112, count, 3).mean(axis=(1, 3), dtype=np.float64)
    found = align(photo, landmarks, frame)
    inside = np.zeros((112, 112), np.bool_)
    inside[2:-2, 2:-2] = (samples.reshape(112, count, 112, count, 3).min(axis=(1, 3, 4)) > 0)[2:-2, 2:-2]
    assert inside.mean() > 0.5
    off = np.abs(found - expected)[inside]
    assert off.mean() < 2.5  # of 255
    assert np.quantile(off, 0.99) < 9


def test_fine_stripes_do_not_alias() -> None:
    """Stripes of one pixel become gray where the photo shrinks to a quarter, and no other stripes."""
    photo = np.zeros((1000, 1000, 3), np.uint8)
    photo[:, ::2] = 255
    aligned = align(photo, STANDARD_FRAME.landmarks * 4 + 1.5, STANDARD_FRAME)
    assert np.abs(aligned[5:-5, 5:-5].astype(int) - 127).max() <= 2


def test_a_framed_picture_stays_as_it_is() -> None:
    picture = smooth_picture(250, 250, details=40)
    assert np.array_equal(align(picture, STANDARD_FRAME.landmarks), picture)


@pytest.mark.parametrize("turn", [1, 2, 3])
def test_a_turned_picture_comes_back_upright(turn: int) -> None:
    """A quarter turn moves whole pixels, so nothing is lost."""
    picture = smooth_picture(250, 250, details=40)
    corners = np.array([[0.0, 0.0], [249, 0], [249, 249], [0, 249]])
    matrix = similarity_transform(np.roll(corners, turn, axis=0), corners)
    assert np.abs(warp(np.rot90(picture, turn), matrix, 250, 250).astype(int) - picture).max() <= 1


def test_outside_the_photo_is_black() -> None:
    photo = np.full((100, 100, 1), 200, np.uint8)
    shifted = warp(photo, np.array([[1.0, 0, 50], [0, 1, 50]]), 120, 120)
    assert shifted.shape == (120, 120, 1)
    assert not shifted[:50].any()
    assert not shifted[:, :50].any()
    assert (shifted[50:, 50:] == 200).all()
    far = warp(photo, np.array([[1.0, 0, 5000], [0, 1, 0]]), 30, 40)
    assert far.shape == (30, 40, 1)
    assert not far.any()
