"""What is shown of a photo and of a pair: plain records that a picture and a page are drawn from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import TypeAlias

import cv2
import numpy as np

from twinface.core.errors import FaceNotFoundError, SeveralFacesError
from twinface.core.types import ByteArray, ProgressCallback
from twinface.faces.frame import STANDARD_FRAME
from twinface.faces.picture import Picture, load_picture
from twinface.models.card import ModelCard
from twinface.models.committee import COMMITTEE_PREPARATION, Committee
from twinface.recognition.explanation import Explanation, explain_faces
from twinface.recognition.face_window import face_window
from twinface.recognition.occlusion import COARSE, COARSEST
from twinface.recognition.photo_faces import AlignedFace, FaceReader
from twinface.recognition.show.score_scale import ScoreScale, score_scale
from twinface.recognition.verdict import Verdict, VerdictFace
from twinface.recognition.verifier import FaceProblem, Verifier

_LONG_SIDE = 1000  # of a photo that is shown, in pixels
_STANDARD_WINDOW = face_window(COMMITTEE_PREPARATION, STANDARD_FRAME)


@dataclass(frozen=True, eq=False)
class PhotoView:
    """A photo with its faces.

    Attributes:
        name: for people.
        pixels: `[h, w, 3]` uint8 RGB, the photo with at most 1000 pixels on its long side.
        height, width: of the photo itself, in pixels.
        faces: all faces, the largest first, in pixels of the photo itself. A picture that was taken as it is has one
            without a box.
        compared: the number of the face that was compared, from 1, or None.
    """

    name: str
    pixels: ByteArray
    height: int
    width: int
    faces: tuple[VerdictFace, ...]
    compared: int | None = None

    @property
    def scale(self) -> float:
        """Pixels of `pixels` for one pixel of the photo."""
        return float(self.pixels.shape[1] / self.width)

    @property
    def chosen(self) -> VerdictFace | None:
        """The face that was compared."""
        return None if self.compared is None else self.faces[self.compared - 1]


@dataclass(frozen=True, eq=False)
class PairView:
    """Two photos, the verdict on them, and why.

    Attributes:
        photos: the first and the second.
        verdict: on them.
        explanation: maps of both faces; None if there is no score, or if they were not wanted.
        scale: the score between both distributions; None if there is no score.
    """

    photos: tuple[PhotoView, PhotoView]
    verdict: Verdict
    explanation: Explanation | None
    scale: ScoreScale | None


Side: TypeAlias = tuple[PhotoView, AlignedFace | FaceProblem]


def view_photo(picture: Picture, reader: FaceReader, name: str | None = None) -> PhotoView:
    """A photo with all its faces.

    Args:
        picture: in any form that `load_picture` takes.
        reader: finds its faces.
        name: for people; None takes the file's.

    Raises:
        ImageError: the photo cannot be read.
    """
    return view_side(picture, reader, name or name_of(picture, "photo"))[0]


def view_pair(
    verifier: Verifier,
    left: Picture,
    right: Picture,
    card: ModelCard | None = None,
    progress: ProgressCallback | None = None,
) -> PairView:
    """Two photos, the verdict on them, and why.

    Args:
        verifier: decides.
        left, right: the photos, each in a form that `load_picture` takes.
        card: of the verifier's model, for the distributions of its scores.
        progress: called with (embeddings done, in total); the maps take 72, those of a committee 50.

    Raises:
        ImageError: a photo cannot be read.
        DivergedError: an embedding is not finite.
    """
    first = view_side(left, verifier.reader, name_of(left, "first photo"))
    second = view_side(right, verifier.reader, name_of(right, "second photo"))
    return view_sides(verifier, first, second, card, progress)


def view_sides(
    verifier: Verifier,
    first: Side,
    second: Side,
    card: ModelCard | None = None,
    progress: ProgressCallback | None = None,
    *,
    explained: bool = True,
) -> PairView:
    """The same for photos that are read already.

    Args:
        first, second: of `view_side`.
        verifier, card, progress: see `view_pair`.
        explained: make the maps.
    """
    (photo, one), (other_photo, other) = first, second
    if not isinstance(one, AlignedFace) or not isinstance(other, AlignedFace):
        return PairView((photo, other_photo), verifier.compare(one, other), None, None)
    photos = replace(photo, compared=one.number), replace(other_photo, compared=other.number)
    explanation = None
    if explained:
        patches = COARSEST if isinstance(verifier.model, Committee) else COARSE
        explanation = explain_faces(verifier, one, other, patches, progress)
    verdict = explanation.verdict if explanation else verifier.compare(one, other)
    scale = None if verdict.score is None else score_scale(verdict.score, verifier.record, card)
    return PairView(photos, verdict, explanation, scale)


def name_of(picture: Picture, otherwise: str) -> str:
    """The file name of a picture, or another name for one that is no file."""
    return PurePath(picture).name if isinstance(picture, (str, PurePath)) else otherwise


def cut_face(aligned: ByteArray) -> ByteArray:
    """The face without the background, from a face in the standard frame `[250, 250, 3]`."""
    return aligned[_STANDARD_WINDOW]


def view_side(picture: Picture, reader: FaceReader, name: str) -> Side:
    """A photo with all its faces, and the face that is meant, or why there is none.

    Args, Raises: see `view_photo`.
    """
    pixels = load_picture(picture, "rgb", name if isinstance(picture, bytes) else None)
    faces = reader.read_all(pixels, name)
    height, width = pixels.shape[:2]
    view = PhotoView(name, _reduced(pixels), height, width, tuple(map(VerdictFace.of, faces)))
    try:
        return view, reader.choose(faces, name)
    except (FaceNotFoundError, SeveralFacesError) as error:
        return view, error


def _reduced(pixels: ByteArray) -> ByteArray:
    """A copy with at most 1000 pixels on its long side."""
    factor = _LONG_SIDE / max(pixels.shape[:2])
    if factor >= 1:
        return pixels.copy()
    size = max(1, round(factor * pixels.shape[1])), max(1, round(factor * pixels.shape[0]))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
