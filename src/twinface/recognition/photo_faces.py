"""The faces of a photo, aligned to the frame that a model takes."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass

from twinface.core.errors import SeveralFacesError
from twinface.core.types import ByteArray
from twinface.faces.align import align
from twinface.faces.choose import Choice, choose_face
from twinface.faces.detect import DetectedFace, FaceDetector
from twinface.faces.frame import Frame
from twinface.faces.picture import Picture, load_picture
from twinface.faces.quality import Quality, measure_quality


@dataclass(frozen=True, eq=False)
class AlignedFace:
    """A face that a model can take.

    Attributes:
        pixels: [H, W, 3] uint8 RGB; the face in the model's frame, or the whole picture if it was taken as it is.
        detected: where it was found in the photo; None if the picture was taken as it is.
        number: of this face in the photo, from 1, the largest first.
        found: how many faces the photo has; 1 if the picture was taken as it is.
        quality: how well it can be recognised; None if the picture was taken as it is.
    """

    pixels: ByteArray
    detected: DetectedFace | None = None
    number: int = 1
    found: int = 1
    quality: Quality | None = None


class FaceReader:
    """Finds faces in photos and aligns them.

    Args:
        frame: that the faces are aligned to, or None to take pictures as they are.
        choice: which of several faces is meant; see `faces.choose.choose_face`.
        most: refuse a photo with more faces than this.

    Raises:
        ModelError: the detector's weights are missing.
    """

    def __init__(self, frame: Frame | None, choice: Choice = "largest", most: int | None = None) -> None:
        self.frame, self.choice, self.most = frame, choice, most
        self._detector = None if frame is None else FaceDetector()

    def read(self, picture: Picture, name: str | None = None) -> AlignedFace:
        """The face that is meant in a picture.

        Args:
            picture: in any form that `load_picture` takes.
            name: what to call it in an error.

        Raises:
            ImageError: the picture cannot be read.
            FaceNotFoundError: there is no face in it, or none of the wanted number.
            SeveralFacesError: there are several, and exactly one was asked for.
        """
        pixels = load_picture(picture, "rgb", name)
        if self._detector is None or self.frame is None:
            return AlignedFace(pixels)
        faces = self._find(self._detector, pixels, name or _name_of(picture))
        face = choose_face(faces, self.choice, name or _name_of(picture))
        return _aligned(pixels, face, self.frame, faces.index(face) + 1, len(faces))

    def read_all(self, picture: Picture, name: str | None = None) -> tuple[AlignedFace, ...]:
        """All faces of a picture, the largest first; none if there is no face.

        Raises:
            ImageError: the picture cannot be read.
            SeveralFacesError: it has more faces than are taken.
        """
        pixels = load_picture(picture, "rgb", name)
        if self._detector is None or self.frame is None:
            return (AlignedFace(pixels),)
        faces = self._find(self._detector, pixels, name or _name_of(picture))
        return tuple(
            _aligned(pixels, face, self.frame, number, len(faces))
            for number, face in enumerate(faces, start=1)
        )

    def _find(self, detector: FaceDetector, pixels: ByteArray, name: str) -> tuple[DetectedFace, ...]:
        faces = detector.find(pixels)
        if self.most is not None and len(faces) > self.most:
            raise SeveralFacesError(
                f"{name}: has {len(faces)} faces, at most {self.most} are taken", len(faces)
            )
        return faces

    def choosing(self, choice: Choice) -> FaceReader:
        """The same with another choice, without loading the detector again."""
        other = copy.copy(self)
        other.choice = choice
        return other

    def taking(self, most: int) -> FaceReader:
        """The same with another limit on the faces of a photo, without loading the detector again."""
        other = copy.copy(self)
        other.most = most
        return other

    def choose(self, faces: Sequence[AlignedFace], name: str) -> AlignedFace:
        """The face that is meant, of all faces of a picture.

        Args:
            faces: as `read_all` returns them.
            name: of the picture, for an error.

        Raises:
            FaceNotFoundError, SeveralFacesError: see `read`.
        """
        if len(faces) == 1 and faces[0].detected is None:
            return faces[0]
        found = [face.detected for face in faces if face.detected is not None]
        return faces[found.index(choose_face(found, self.choice, name))]


def _aligned(pixels: ByteArray, face: DetectedFace, frame: Frame, number: int, found: int) -> AlignedFace:
    cut = align(pixels, face.landmarks, frame)
    return AlignedFace(cut, face, number, found, measure_quality(face, pixels))


def _name_of(picture: Picture) -> str:
    return str(picture) if isinstance(picture, str) or hasattr(picture, "__fspath__") else "a picture"
