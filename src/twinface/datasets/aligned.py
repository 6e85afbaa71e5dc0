"""A data set of photos whose faces are found and aligned before they are used."""

from __future__ import annotations

from dataclasses import replace

from twinface.core.types import FaceSet, PairSet
from twinface.datasets.checked import CheckedDataset
from twinface.datasets.dataset import Dataset
from twinface.datasets.examined import Examined, examine_faces, warn_of
from twinface.datasets.lfw.dataset import TIGHT_FACE
from twinface.faces.frame import STANDARD_FRAME


class AlignedDataset(CheckedDataset):
    """A data set whose pictures are aligned to the standard frame, the one of LFW-a.

    Pictures that cannot be read, or have no face, are left out, and a warning counts them. So are the pairs that they
    are in.

    Args:
        dataset: its pictures are photos, with one face near the middle that is the person's.
    """

    def __init__(self, dataset: Dataset) -> None:
        super().__init__(dataset, _examine)
        self.region, self.frame = TIGHT_FACE, STANDARD_FRAME
        self.title = f"{dataset.title}, aligned by Twinface"
        self.claims = dataset.claims + (
            " The face detector that aligned these pictures was trained on labelled outside photos of faces."
        )
        self.source = replace(dataset.source, align=True)


def align_faces(faces: FaceSet) -> FaceSet:
    """The pictures in which a face was found, with its landmarks.

    Args:
        faces: photos with one face near the middle that is the person's.

    Raises:
        DataError: there is a face in none of them.
    """
    return _examine_and_warn(faces).usable


def align_pairs(pairs: PairSet) -> PairSet:
    """The pairs with a face on both pictures, with their landmarks; the name says how many are left out.

    Raises:
        DataError: there is a face in none of the pictures, or on both pictures of no pair.
    """
    usable = _examine_and_warn(pairs.faces).usable_pairs(pairs)
    out = len(pairs) - len(usable)
    return replace(usable, name=f"{pairs.name} without {out:,} pairs that have no face") if out else usable


def _examine(faces: FaceSet) -> Examined:
    return examine_faces(faces, TIGHT_FACE)


def _examine_and_warn(faces: FaceSet) -> Examined:
    examined = _examine(faces)
    warn_of(faces.name, len(faces), examined.notes)
    return examined
