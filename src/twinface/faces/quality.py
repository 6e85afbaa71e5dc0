"""How well a face can be recognised: its size, sharpness, light and pose, and one word for all."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

import cv2
import numpy as np

from twinface.core.types import ByteArray
from twinface.faces.detect import DetectedFace

Word = Literal["good", "usable", "poor"]


@dataclass(frozen=True)
class Quality:
    """Measures of one face. The names are those of ISO/IEC 29794-5 where it has them.

    Attributes:
        word: "good", "usable" or "poor"; what the words mean is measured, see docs/quality.md.
        eye_distance: between the eyes, in pixels of the photo.
        sharpness: standard deviation of the Laplacian of the aligned face over that of its pixels; higher is sharper.
        brightness: mean of the aligned face, 0 to 255.
        contrast: standard deviation of the aligned face's pixels.
        yaw: the head's turn to the side, -1 to 1: where the nose lies between the eyes; 0 is frontal.
        roll: degrees by which the line of the eyes is off the horizontal, once the photo is upright.
        detector: the detector's score, in [0.6, 1].
        reasons: why the word is not "good", as advice: "too small: 14 pixels between the eyes, 24 are better".
    """

    word: Word
    eye_distance: float
    sharpness: float
    brightness: float
    contrast: float
    yaw: float
    roll: float
    detector: float
    reasons: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {**asdict(self), "reasons": list(self.reasons)}


def measure_quality(face: DetectedFace, aligned: ByteArray) -> Quality:
    """Measures a face.

    Args:
        face: where it was found.
        aligned: [H, W, 3] uint8, the face in the standard frame or one like it.
    """
    left, right, nose = face.landmarks[:3]
    eyes = right - left
    distance = float(np.hypot(*eyes))
    # Where the nose falls on the line of the eyes: .5 is the middle.
    along = float((nose - left) @ eyes) / max(1e-9, distance**2)
    roll = (float(np.degrees(np.arctan2(eyes[1], eyes[0]))) + face.turn + 180) % 360 - 180
    gray = cv2.cvtColor(_core(aligned), cv2.COLOR_RGB2GRAY).astype(np.float32)
    contrast = float(gray.std())
    edges = float(cv2.Laplacian(cv2.GaussianBlur(gray, (3, 3), 0), cv2.CV_32F).std())
    values = Quality(
        word="good",
        eye_distance=round(distance, 1),
        sharpness=round(edges / max(1.0, contrast), 3),
        brightness=round(float(gray.mean()), 1),
        contrast=round(contrast, 1),
        yaw=round(float(np.clip(2 * along - 1, -1, 1)), 3),
        roll=round(roll, 1),
        detector=round(face.score, 3),
    )
    return values


def _core(aligned: ByteArray) -> ByteArray:
    """The face from the brows to the chin, without hair and background."""
    height, width = aligned.shape[:2]
    return aligned[int(0.36 * height) : int(0.7 * height), int(0.35 * width) : int(0.65 * width)]
