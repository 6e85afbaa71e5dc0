"""Simulated conditions: each does what it says, none changes the shape, and the same seed gives the same photo."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinface.core.types import WHOLE_FRAME, ByteArray, Region
from twinface.faces.align import align
from twinface.faces.conditions import (
    Condition,
    apply_condition,
    draw_condition,
    eye_distance_of,
    prepared_frame,
)
from twinface.faces.frame import ARCFACE_FRAME, STANDARD_FRAME
from twinface.faces.preparation import Preparation

EYES = 46.0


def some_face(channels: int = 3, side: int = 120) -> ByteArray:
    """Smooth gray values with some detail."""
    random = np.random.default_rng(1)
    rows, columns = np.mgrid[0:side, 0:side] / side
    picture = 120 + 60 * np.sin(9 * rows) * np.cos(7 * columns) + random.normal(0, 6, (side, side))
    return np.repeat(np.clip(picture, 0, 255).astype(np.uint8)[:, :, None], channels, axis=2)


def seen(condition: Condition, face: ByteArray | None = None, eyes: float = EYES) -> ByteArray:
    face = some_face() if face is None else face
    return apply_condition(face, condition, eyes, np.random.default_rng(0))


@given(st.integers(0, 10_000), st.sampled_from([1, 3]), st.floats(12, 90))
def test_any_condition_keeps_shape_and_type(seed: int, channels: int, eyes: float) -> None:
    face = some_face(channels, 64)
    condition = draw_condition(np.random.default_rng(seed))
    photo = apply_condition(face, condition, eyes, np.random.default_rng(seed))
    assert (photo.shape, photo.dtype) == (face.shape, np.uint8)
    again = apply_condition(face, condition, eyes, np.random.default_rng(seed))
    np.testing.assert_array_equal(photo, again)


def test_the_plain_condition_changes_nothing_but_the_size_of_some_photos() -> None:
    face = some_face()
    photos = [apply_condition(face, Condition(), EYES, np.random.default_rng(seed)) for seed in range(20)]
    same = [photo for photo in photos if np.array_equal(photo, face)]
    assert 5 < len(same) < 15
    assert all(abs(photo.mean() - face.mean()) < 1 and photo.shape == face.shape for photo in photos)


def detail(picture: ByteArray) -> float:
    return float(np.abs(np.diff(picture.astype(float), axis=1)).mean())


def test_each_effect_does_what_it_says() -> None:
    face = some_face()
    mean, spread = face.mean(), face.std()
    assert seen(Condition(gamma=2.0)).mean() < mean - 20
    assert seen(Condition(gamma=0.5)).mean() > mean + 20
    assert seen(Condition(contrast=0.5)).std() == pytest.approx(spread / 2, rel=0.15)
    assert detail(seen(Condition(blur=0.1))) < detail(face) / 2
    assert detail(seen(Condition(reduction=0.2))) < detail(face) / 2
    assert detail(seen(Condition(noise=20.0))) > 2 * detail(face)
    lit = seen(Condition(light=(0.0, 0.8))).astype(float) - face  # from the right
    assert lit[:, -20:].mean() > 10
    assert lit[:, :20].mean() < -10
    packed = seen(Condition(jpeg=8)).astype(float) - face
    assert 0 < np.abs(packed).mean() < 20


def test_something_before_the_face_covers_its_place_alone() -> None:
    photo = seen(Condition(cover=(0.5, 0.5, 0.0, 0.0, 200.0)))
    changed = (photo != some_face()).any(axis=2)
    rows, columns = np.nonzero(changed & (photo[:, :, 0] == 200))
    assert len(rows) == pytest.approx((0.5 * EYES) ** 2, rel=0.15)
    assert rows.mean() == pytest.approx(60, abs=8)
    assert columns.mean() == pytest.approx(60, abs=8)
    assert not changed[:30].any()


def test_framing_moves_the_face() -> None:
    face = np.zeros((120, 120, 1), np.uint8)
    face[58:62, 58:62] = 255
    moved = seen(Condition(shift=(0.5, -0.25)), face)
    rows, columns = np.nonzero(moved[:, :, 0] > 100)
    assert rows.mean() == pytest.approx(59.5 + 23, abs=1)
    assert columns.mean() == pytest.approx(59.5 - 11.5, abs=1)
    larger = seen(Condition(zoom=2.0), face)
    assert np.sum(larger > 100) == pytest.approx(4 * np.sum(face > 100), rel=0.4)


def test_a_small_prepared_face_has_the_noise_of_the_photo_that_it_comes_from() -> None:
    face = np.full((60, 60, 1), 128, np.uint8)
    noise = Condition(noise=20.0)
    assert seen(noise, face, eyes=23.0).std() == pytest.approx(seen(noise, face).std() / 2, rel=0.3)


def test_a_large_face_does_not_alias() -> None:
    """Stripes of one pixel become an even gray where the face is made smaller."""
    stripes = np.tile(np.array([0, 255], np.uint8), (200, 100))[:, :, None]
    assert seen(Condition(), stripes, eyes=92.0).std() < 2


def test_landmarks_in_a_prepared_face() -> None:
    cropped = Preparation(Region(0.2, 0.2, 0.6, 0.4), height=120, width=80, color="gray")
    frame = prepared_frame(cropped, STANDARD_FRAME)
    (x, y), (left, top) = frame.points[0], STANDARD_FRAME.points[0]
    assert (x, y) == pytest.approx((0.8 * (left + 0.5 - 50) - 0.5, 0.8 * (top + 0.5 - 50) - 0.5))
    assert eye_distance_of(frame) == pytest.approx(0.8 * eye_distance_of(STANDARD_FRAME))
    warped = Preparation(WHOLE_FRAME, 112, 112, "rgb", points=ARCFACE_FRAME.points)
    assert prepared_frame(warped, STANDARD_FRAME).points == ARCFACE_FRAME.points
    face = some_face(side=120)
    assert align(
        face, prepared_frame(replace(cropped, width=120), STANDARD_FRAME).landmarks, ARCFACE_FRAME
    ).shape == (*(112, 112, 3),)
