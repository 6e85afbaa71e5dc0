"""Which of several faces in a photo is meant."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Literal

from twinface.core.errors import FaceNotFoundError, SeveralFacesError
from twinface.faces.detect import DetectedFace

# "largest", "one" (refuse a photo with several faces), or the number of a face, from 1, the largest first.
Choice = Literal["largest", "one"] | int


def choose_face(faces: Sequence[DetectedFace], choice: Choice, name: str) -> DetectedFace:
    """The face that is meant.

    Args:
        faces: of one photo, the largest first.
        choice: which of them.
        name: of the photo, for errors.

    Raises:
        FaceNotFoundError: there is no face, or none of this number.
        SeveralFacesError: there are several, and `choice` is "one".
        ValueError: it is no such choice.
    """
    if not faces:
        raise FaceNotFoundError(
            f"{name}: no face was found: need a photo in which a face is at least about 20 pixels wide, or take the "
            "picture as it is if it is aligned already"
        )
    if choice == "one" and len(faces) > 1:
        raise SeveralFacesError(
            f"{name}: {len(faces)} faces, need one: choose one by its number, or the largest",
            found=len(faces),
        )
    if choice in ("largest", "one"):
        return faces[0]
    if isinstance(choice, Integral) and not isinstance(choice, bool):
        if not 1 <= choice <= len(faces):
            raise FaceNotFoundError(
                f"{name}: no face number {choice}, found {len(faces)}, the largest is number 1",
                found=len(faces),
            )
        return faces[choice - 1]
    raise ValueError(f'faces: found {choice!r}, need "largest", "one" or a number from 1')


def central_face(faces: Sequence[DetectedFace], height: int, width: int) -> DetectedFace | None:
    """The largest face near the middle of a picture, or None. It is the one that a picture of a data set is named for.

    Args:
        faces: of one picture.
        height, width: of the picture, in pixels.
    """

    def weight(face: DetectedFace) -> float:
        left, top, across, down = face.box
        # In fifths of the picture, so that a face half a picture off the middle must be over seven times as large.
        x, y = 5 * (left + across / 2) / width - 2.5, 5 * (top + down / 2) / height - 2.5
        return face.area / (1 + x * x + y * y)

    return max(faces, key=weight, default=None)
