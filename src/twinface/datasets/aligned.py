"""A data set of photos whose faces are found and aligned before they are used."""

from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np

from twinface.core.errors import DataError
from twinface.core.types import BoolArray, FaceSet, PairSet
from twinface.datasets.dataset import Dataset
from twinface.datasets.lfw.dataset import TIGHT_FACE
from twinface.datasets.subsets import pair_subset, take_pictures
from twinface.faces.frame import STANDARD_FRAME, Frame
from twinface.faces.landmarks import find_landmarks

log = logging.getLogger("twinface")


class AlignedDataset:
    """A data set whose pictures are aligned to the standard frame, the one of LFW-a.

    Pictures without a face are left out, and a warning counts them. So are the pairs that they are in.

    Args:
        dataset: its pictures are photos, with one face near the middle that is the person's.
    """

    region = TIGHT_FACE
    frame: Frame | None = STANDARD_FRAME

    def __init__(self, dataset: Dataset) -> None:
        self._photos = dataset
        self.name, self.protocols = dataset.name, dataset.protocols
        self.title = f"{dataset.title}, aligned by Twinface"
        self.claims = dataset.claims + (
            " The face detector that aligned these pictures was trained on labelled outside photos of faces."
        )
        self.source = replace(dataset.source, align=True)

    def faces(self) -> FaceSet:
        """All pictures in which a face was found.

        Raises:
            DataError: there is a face in none of them.
        """
        return self._with_landmarks(self._photos.faces())

    def training_faces(self) -> FaceSet:
        """The pictures, with a face, of the people who may be used in training by name."""
        return self._with_landmarks(self._photos.training_faces())

    def training_pairs(self) -> PairSet | None:
        """The official labelled training pairs with a face on both pictures, or None where there are none."""
        pairs = self._photos.training_pairs()
        return None if pairs is None else self._pairs_with_landmarks(pairs)

    def protocol(self, name: str) -> PairSet:
        """The pairs of an official protocol with a face on both pictures.

        Raises:
            DataError: the data set has no protocol of that name.
        """
        return self._pairs_with_landmarks(self._photos.protocol(name))

    def _with_landmarks(self, faces: FaceSet) -> FaceSet:
        return align_faces(replace(faces, name=self._new_name(faces.name)))

    def _pairs_with_landmarks(self, pairs: PairSet) -> PairSet:
        name = self._new_name(pairs.name)
        return align_pairs(replace(pairs, name=name, faces=replace(pairs.faces, name=name)))

    def _new_name(self, name: str) -> str:
        """The name of a set of pictures or pairs: "LFW original, aligned by Twinface View 1 test"."""
        return name.replace(self._photos.title, self.title, 1)


def align_faces(faces: FaceSet) -> FaceSet:
    """The pictures in which a face was found, with its landmarks.

    Args:
        faces: photos with one face near the middle that is the person's.

    Raises:
        DataError: there is a face in none of them.
    """
    faces, found = _search(faces)
    return faces if found.all() else take_pictures(faces, found)


def align_pairs(pairs: PairSet) -> PairSet:
    """The pairs with a face on both pictures, with their landmarks.

    Raises:
        DataError: there is a face in none of the pictures.
    """
    faces, found = _search(pairs.faces)
    pairs = replace(pairs, faces=faces)
    return pairs if found.all() else pair_subset(pairs, found[pairs.left] & found[pairs.right])


def _search(faces: FaceSet) -> tuple[FaceSet, BoolArray]:
    """The pictures with landmarks, and [N] whether a face was found; a warning counts those without one."""
    faces = replace(faces, landmarks=find_landmarks(faces), region=TIGHT_FACE)
    found = _has_face(faces)
    if not found.any():
        raise DataError(f"{faces.name}: no face was found in any of {len(faces):,} pictures")
    missing = np.flatnonzero(~found)
    if len(missing):
        log.warning(
            "%s: no face was found in %d of %d pictures, they are left out; the first is %s",
            *(faces.name, len(missing), len(faces), faces.paths[missing[0]]),
        )
    return faces, found


def _has_face(faces: FaceSet) -> BoolArray:
    """[N] whether there are landmarks."""
    assert faces.landmarks is not None
    return np.asarray(np.isfinite(faces.landmarks).all(axis=(1, 2)), np.bool_)
