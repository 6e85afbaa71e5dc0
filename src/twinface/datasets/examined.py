"""Which pictures of a set can be used, and what is to be said of the others."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from twinface.core.errors import DataError
from twinface.core.progress import progress_bar
from twinface.core.types import BoolArray, FaceSet, PairSet, Region
from twinface.datasets.photo_notes import PhotoNote, Reason, left_out, note_lines
from twinface.datasets.subsets import pair_subset, take_pictures
from twinface.faces.landmarks import UNREADABLE, FoundFaces, check_pictures, find_faces

log = logging.getLogger("twinface")


@dataclass(frozen=True, eq=False)
class Examined:
    """The pictures of a set after a look at each.

    Attributes:
        faces: N pictures, with landmarks if faces were looked for.
        kept: [N] whether a picture can be used.
        notes: on the pictures that cannot, or that may show somebody else.
    """

    faces: FaceSet
    kept: BoolArray
    notes: tuple[PhotoNote, ...]

    @property
    def usable(self) -> FaceSet:
        """The pictures that can be used."""
        return self.faces if self.kept.all() else take_pictures(self.faces, self.kept)

    def usable_pairs(self, pairs: PairSet) -> PairSet:
        """The pairs of two pictures that can be used.

        Args:
            pairs: over the same pictures.

        Raises:
            DataError: there is none.
        """
        pairs = replace(pairs, faces=self.faces)
        if self.kept.all():
            return pairs
        both = self.kept[pairs.left] & self.kept[pairs.right]
        if not both.any():
            raise DataError(f"{pairs.name}: of none of its {len(pairs):,} pairs can both pictures be used")
        return pair_subset(pairs, both)


Examine = Callable[[FaceSet], Examined]


def examine_readable(faces: FaceSet) -> Examined:
    """Tells which pictures can be read.

    Raises:
        DataError: none can.
    """
    with progress_bar("reading photos") as progress:
        return _examined(faces, check_pictures(faces, progress=progress), looked=False)


def examine_faces(faces: FaceSet, region: Region) -> Examined:
    """Finds the face in each picture.

    Args:
        faces: photos with one face near the middle that is the person's.
        region: where the face is in the aligned picture.

    Raises:
        DataError: there is a face in none of them.
    """
    with progress_bar("finding faces") as progress:
        found = find_faces(faces, progress=progress)
    return _examined(replace(faces, landmarks=found.landmarks, region=region), found, looked=True)


def warn_of(name: str, pictures: int, notes: Sequence[PhotoNote]) -> None:
    """Counts the pictures that are left out, in one warning.

    Args:
        name: of the pictures.
        pictures: how many there are.
        notes: on them.
    """
    missing = left_out(notes)
    if missing:
        log.warning("%s: of %s pictures %s", name, f"{pictures:,}", "; ".join(note_lines(missing)))


def _examined(faces: FaceSet, found: FoundFaces, looked: bool) -> Examined:
    notes = []
    for path, count, problem in zip(faces.paths, found.count.tolist(), found.problems, strict=True):
        if count == UNREADABLE:
            notes.append(PhotoNote(path, Reason.UNREADABLE, problem))
        elif looked and count == 0:
            notes.append(PhotoNote(path, Reason.NO_FACE))
        elif count > 1:
            notes.append(PhotoNote(path, Reason.SEVERAL, f"{count} faces"))
    out = {note.path for note in left_out(notes)}
    kept = np.array([path not in out for path in faces.paths], np.bool_)
    if not kept.any():
        advice = (
            "; pictures that are cut to the face already are taken as they are with --no-align"
            if looked
            else ""
        )
        raise DataError(
            f"{faces.name}: none of {len(faces):,} pictures can be used: {'; '.join(note_lines(notes))}{advice}"
        )
    return Examined(faces, kept, tuple(notes))
