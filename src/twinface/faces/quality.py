"""How well a face can be recognised: measures of its picture, a number, and one word for all.

Each measure has two limits, a good and a poor one. They were chosen on people of LFW's DevTrain, whose pictures were
reduced, blurred, darkened, overexposed and made noisy: the rate of rejected genuine pairs of SFace at a false accept
rate of .001 is below 3 % on the good side of each limit, and above 10 % on the poor side (5 % for yaw, of which
LFW has little). docs/quality.md has the rates that the words came to on other people.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

import cv2
import numpy as np

from twinface.core.types import ByteArray, Float32Array
from twinface.faces.align import align
from twinface.faces.detect import DetectedFace
from twinface.faces.frame import ARCFACE_FRAME

Word = Literal["good", "usable", "poor"]
# From a number on: 67 is the good limit of a measure, 33 the poor one.
_GOOD, _POOR = 67, 33


@dataclass(frozen=True)
class Quality:
    """Measures of one face.

    Sharpness, noise, brightness and contrast are taken from the face as networks see it, cut to 112 × 112 pixels, from
    the brows to the chin.

    Attributes:
        word: "good", "usable" or "poor"; what the words mean is measured, see docs/quality.md.
        value: 0 to 100, higher is better: that of the worst measure. From 67 on the word is "good", below 33 "poor".
        eye_distance: between the eyes, in pixels of the photo.
        detector: the detector's score, in [0.6, 1].
        sharpness: standard deviation of the second differences along rows or along columns, whichever is smaller, over
            `contrast`; higher is sharper. Blur by motion is in one direction alone.
        noise: standard deviation of the noise (Immerkær 1996) over `contrast`.
        brightness: mean, 0 to 255.
        contrast: standard deviation, 0 to 127.
        yaw: the head's turn to the side, -1 to 1: where the nose lies between the eyes; 0 is frontal.
        roll: degrees by which the face leans once the photo is upright; clockwise is positive. It does no harm, because
            faces are turned upright.
        reasons: why the word is not "good", as advice: "too small: 14 pixels between the eyes, 16 or more are better".
    """

    word: Word
    value: int
    eye_distance: float
    sharpness: float
    noise: float
    brightness: float
    contrast: float
    yaw: float
    roll: float
    detector: float
    reasons: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {**asdict(self), "reasons": list(self.reasons)}


@dataclass(frozen=True)
class _Grade:
    """How a measure becomes a number from 0 to 100: straight lines through four points.

    Attributes:
        places: values of the measure that get 0, 33, 67 and 100.
        advice: what is wrong beyond the good limit, with `{found}` and `{good}`.
        form: of both numbers.
    """

    places: tuple[float, float, float, float]
    advice: str
    form: str = ".0f"

    def value(self, found: float) -> float:
        """0 to 100."""
        # Of some measures less is better; numpy wants rising places.
        sign = 1 if self.places[0] < self.places[-1] else -1
        return float(np.interp(sign * found, [sign * place for place in self.places], [0, _POOR, _GOOD, 100]))

    def reason(self, found: float) -> str:
        """The advice with its numbers; a number that would print like its limit gets two more digits."""
        good = f"{self.places[2]:{self.form}}"
        printed = f"{found:{self.form}}"
        if printed == good:
            printed = f"{found:.{int(self.form[1]) + 2}f}"
        return self.advice.format(found=printed, good=good)


_GRADES = {
    "size": _Grade((4, 8, 16, 30), "too small: {found} pixels between the eyes, {good} or more are better"),
    "sharpness": _Grade(
        (0.015, 0.04, 0.06, 0.12), "blurred: sharpness {found}, {good} or more is better", ".3f"
    ),
    "noise": _Grade((0.3, 0.09, 0.05, 0.01), "noisy: noise {found}, {good} or less is better", ".3f"),
    "darkness": _Grade((5, 20, 40, 90), "too dark: brightness {found} of 255, {good} or more is better"),
    "glare": _Grade((252, 235, 215, 160), "too bright: brightness {found} of 255, {good} or less is better"),
    "contrast": _Grade((2, 5, 10, 30), "too little contrast: {found}, {good} or more is better"),
    "yaw": _Grade((1.2, 0.95, 0.7, 0.2), "turned to the side by {found}, {good} or less is better", ".2f"),
    "detector": _Grade(
        (0.6, 0.88, 0.905, 0.935), "unclear: the detector's score is {found}, {good} or more is better", ".3f"
    ),
}


def measure_quality(face: DetectedFace, photo: ByteArray) -> Quality:
    """Measures a face.

    Args:
        face: where it was found.
        photo: [H, W, 3] uint8 RGB, the photo that it was found in.
    """
    return grade(face, align(photo, face.landmarks, ARCFACE_FRAME))


def grade(face: DetectedFace, aligned: ByteArray) -> Quality:
    """Measures a face that is aligned to `ARCFACE_FRAME` already.

    Args:
        face: where it was found.
        aligned: [112, 112, 3] uint8 RGB.
    """
    left, right, nose = face.landmarks[:3]
    eyes = right - left
    distance = float(np.hypot(*eyes))
    # Where the nose falls on the line of the eyes: .5 is the middle.
    along = float((nose - left) @ eyes) / max(1e-9, distance**2)
    down = face.landmarks[3:].mean(axis=0) - face.landmarks[:2].mean(axis=0)
    of_picture = _picture_measures(aligned)
    measured = {
        # The eyes of a head in profile are close together; from the eyes to the mouth it is about as far as from eye
        # to eye.
        "size": max(distance, float(np.hypot(*down))),
        **of_picture,
        "yaw": abs(2 * along - 1),
        "detector": face.score,
    }
    grades = {name: _GRADES[name].value(found) for name, found in measured.items()}
    value = int(min(grades.values()))
    return Quality(
        word="good" if value >= _GOOD else "usable" if value >= _POOR else "poor",
        value=value,
        eye_distance=round(distance, 1),
        sharpness=round(measured["sharpness"], 3),
        noise=round(measured["noise"], 3),
        brightness=round(measured["darkness"], 1),
        contrast=round(measured["contrast"], 1),
        yaw=round(float(np.clip(2 * along - 1, -1, 1)), 3),
        roll=round(face.tilt, 1),
        detector=round(face.score, 3),
        reasons=tuple(
            _GRADES[name].reason(found) for name, found in measured.items() if int(grades[name]) < _GOOD
        ),
    )


def looks_poor(aligned: ByteArray, eye_distance: float) -> bool:
    """Whether a face is "poor" by its picture alone: by size, sharpness, noise, light or contrast.

    Args:
        aligned: [112, 112, 3] uint8 RGB, aligned to `ARCFACE_FRAME`.
        eye_distance: in pixels of the photo that it was cut from.
    """
    measured = {"size": eye_distance, **_picture_measures(aligned)}
    return min(_GRADES[name].value(found) for name, found in measured.items()) < _POOR


def _picture_measures(aligned: ByteArray) -> dict[str, float]:
    """The measures that need no detection, of a face aligned to `ARCFACE_FRAME`."""
    gray = cv2.cvtColor(aligned[38:100, 28:84], cv2.COLOR_RGB2GRAY).astype(np.float32)
    brightness, contrast = float(gray.mean()), float(gray.std())
    return {
        "sharpness": _sharpness(gray) / max(1.0, contrast),
        "noise": _noise(gray) / max(1.0, contrast),
        "darkness": brightness,
        "glare": brightness,
        "contrast": contrast,
    }


def _sharpness(gray: Float32Array) -> float:
    """The smaller standard deviation of the second differences along rows and along columns."""
    smooth = np.asarray(cv2.GaussianBlur(gray, (3, 3), 0))  # or noise would look sharp
    across = smooth[:, 2:] - 2 * smooth[:, 1:-1] + smooth[:, :-2]
    down = smooth[2:] - 2 * smooth[1:-1] + smooth[:-2]
    return float(min(across.std(), down.std()))


def _noise(gray: Float32Array) -> float:
    """The standard deviation of noise that is independent in each pixel (Immerkær 1996)."""
    mask = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    return float(np.abs(cv2.filter2D(gray, -1, mask)).mean() * np.sqrt(np.pi / 2) / 6)
