"""Quality: each measure says what it is named for, and the word and its reasons agree."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from twinface.core.types import ByteArray
from twinface.faces.align import align
from twinface.faces.detect import DetectedFace, FaceDetector
from twinface.faces.frame import ARCFACE_FRAME
from twinface.faces.picture import load_picture
from twinface.faces.quality import Quality, grade, measure_quality

NAMES = ("Aaron_Eckhart", "Abdullah", "Adam_Sandler")


@pytest.fixture(scope="module")
def portraits(real_lfw: Path) -> list[ByteArray]:
    """Pictures of LFW-a that are good in every measure, [250, 250, 3]."""
    return [load_picture(real_lfw / "lfwa" / name / f"{name}_0001.jpg", "rgb") for name in NAMES]


def face_with(scale: float = 1.0, turn: int = 0, score: float = 0.94) -> DetectedFace:
    """A face with the landmarks of the frame that quality is measured in, times `scale`."""
    return DetectedFace((0, 0, 80, 80), ARCFACE_FRAME.landmarks * scale, score, turn)


def measured(photo: ByteArray) -> Quality:
    return measure_quality(FaceDetector().find(photo)[0], photo)


def moved(photo: ByteArray, length: int, along: int) -> ByteArray:
    """Blurred by motion over so many pixels, along rows (1) or columns (0)."""
    kernel = np.ones((1, length) if along else (length, 1), np.float32) / length
    return np.asarray(cv2.filter2D(photo, -1, kernel), np.uint8)


def test_ordinary_portraits_are_good(portraits: list[ByteArray]) -> None:
    for portrait in portraits:
        quality = measured(portrait)
        assert (quality.word, quality.reasons) == ("good", ())
        assert quality.value >= 67


@pytest.mark.parametrize(
    ("side", "word"), [(250, "good"), (64, "usable"), (36, "poor")], ids=["250", "64", "36"]
)
def test_a_small_face_is_worse(portraits: list[ByteArray], side: int, word: str) -> None:
    for portrait in portraits:
        quality = measured(cv2.resize(portrait, (side, side), interpolation=cv2.INTER_AREA))
        assert quality.word == word
        assert quality.eye_distance == pytest.approx(46 * side / 250, rel=0.2)
        assert any("pixels between the eyes, 16 or more are better" in each for each in quality.reasons) == (
            word != "good"
        )


def test_blur_is_seen_in_both_directions(portraits: list[ByteArray]) -> None:
    for portrait in portraits:
        sharp = measured(portrait)
        for worse in (cv2.GaussianBlur(portrait, (0, 0), 5), moved(portrait, 21, 0), moved(portrait, 21, 1)):
            quality = grade(
                face_with(2.23),
                align(np.asarray(worse, np.uint8), FaceDetector().find(portrait)[0].landmarks, ARCFACE_FRAME),
            )
            assert quality.sharpness < sharp.sharpness / 1.8
            assert quality.word != "good"
            assert any(reason.startswith("blurred: ") for reason in quality.reasons)


def test_sharpness_does_not_depend_on_contrast_or_size(portraits: list[ByteArray]) -> None:
    """Half the contrast, and twice the pixels of the same photo, are as sharp."""
    portrait = portraits[0]
    sharp = measured(portrait).sharpness
    flat = np.asarray(64 + portrait // 2, np.uint8)
    large = np.asarray(cv2.resize(portrait, (500, 500), interpolation=cv2.INTER_CUBIC), np.uint8)
    assert measured(flat).sharpness == pytest.approx(sharp, rel=0.1)
    assert measured(large).sharpness == pytest.approx(sharp, rel=0.25)


def test_light(portraits: list[ByteArray]) -> None:
    landmarks = FaceDetector().find(portraits[0])[0].landmarks
    aligned = align(portraits[0], landmarks, ARCFACE_FRAME)
    for change, reason in (
        (aligned * 0.08, "too dark"),
        (aligned * 0.3 + 178, "too bright"),
        (aligned * 0.05 + 120, "too little contrast"),
    ):
        quality = grade(face_with(), np.asarray(np.clip(change, 0, 255), np.uint8))
        assert quality.word != "good"
        assert any(each.startswith(reason) for each in quality.reasons)
    gray = cv2.cvtColor(aligned[38:100, 28:84], cv2.COLOR_RGB2GRAY)
    assert grade(face_with(), aligned).brightness == pytest.approx(gray.mean(), abs=0.1)
    assert grade(face_with(), aligned).contrast == pytest.approx(gray.std(), abs=0.1)


@pytest.mark.parametrize("sigma", [4.0, 10.0, 20.0])
def test_noise_is_its_standard_deviation(sigma: float) -> None:
    """Of a gradient without edges with noise of a known strength, the same in all three colors."""
    x = np.linspace(60, 190, 112)
    noise = np.random.default_rng(0).normal(0, sigma, (112, 112))
    picture = np.clip(x + noise, 0, 255).round().astype(np.uint8)
    quality = grade(face_with(), np.repeat(picture[..., np.newaxis], 3, axis=2))
    assert quality.noise * quality.contrast == pytest.approx(sigma, rel=0.1)


@pytest.mark.parametrize(("shift", "yaw"), [(0.0, 0.0), (0.25, 0.5), (-0.4, -0.8)])
def test_yaw_is_where_the_nose_is_between_the_eyes(shift: float, yaw: float) -> None:
    landmarks = ARCFACE_FRAME.landmarks
    eyes = landmarks[1] - landmarks[0]
    landmarks[2] = landmarks[:2].mean(axis=0) + shift * eyes + [0, 20]
    face = replace(face_with(), landmarks=landmarks)
    assert grade(face, np.zeros((112, 112, 3), np.uint8)).yaw == pytest.approx(yaw, abs=0.01)


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_roll_is_that_of_the_upright_photo(portraits: list[ByteArray], turn: int) -> None:
    """A photo that lies on its side has the roll of the same photo upright."""
    upright = measured(portraits[1])
    lying = np.ascontiguousarray(np.rot90(portraits[1], turn // 90))
    face = FaceDetector().find(lying)[0]
    assert face.turn == turn
    assert measure_quality(face, lying).roll == pytest.approx(upright.roll, abs=3)


def test_a_profile_is_not_called_small(portraits: list[ByteArray]) -> None:
    """Its eyes are close together in the picture; from the eyes to the mouth it is as far as ever."""
    landmarks = ARCFACE_FRAME.landmarks
    landmarks[:2, 0] = [54, 60]
    quality = grade(
        replace(face_with(), landmarks=landmarks), align(portraits[0], ARCFACE_FRAME.landmarks * 2)
    )
    assert quality.eye_distance < 8
    assert not any("too small" in reason for reason in quality.reasons)


def test_the_number_the_word_and_the_reasons_agree() -> None:
    rng = np.random.default_rng(0)
    words = set()
    for _ in range(300):
        noise = rng.normal(0, rng.uniform(0, 6), (112, 112, 3))
        waves = 128 + rng.uniform(5, 60) * np.sin(np.arange(112) * rng.uniform(0.05, 2))
        picture = np.clip(
            waves[:, np.newaxis, np.newaxis] + waves[np.newaxis, :, np.newaxis] - 128 + noise, 0, 255
        )
        face = face_with(rng.uniform(0.1, 2), score=rng.uniform(0.85, 0.95))
        quality = grade(face, picture.astype(np.uint8))
        words.add(quality.word)
        assert quality.word == (
            "good" if quality.value >= 67 else "usable" if quality.value >= 33 else "poor"
        )
        assert (quality.word == "good") == (quality.reasons == ())
        assert 0 <= quality.value <= 100
    assert words == {"good", "usable", "poor"}


def test_no_picture_breaks_it() -> None:
    """Flat pictures have no contrast, and landmarks can lie outside the photo."""
    for value in (0, 255):
        quality = grade(face_with(), np.full((112, 112, 3), value, np.uint8))
        assert quality.word == "poor"
    outside = replace(face_with(), landmarks=ARCFACE_FRAME.landmarks + 5000)
    values = measure_quality(outside, np.full((50, 50, 3), 9, np.uint8)).to_dict()
    assert all(np.isfinite(value) for value in values.values() if isinstance(value, float))


def test_a_reason_never_shows_two_numbers_that_look_alike() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (112, 112, 3), np.uint8)
    reasons = grade(face_with(score=0.9046), noise).reasons
    assert "unclear: the detector's score is 0.90460, 0.905 or more is better" in reasons
