"""A data set without the pictures that cannot be used, and a list of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol, runtime_checkable

from twinface.core.types import FaceSet, PairSet
from twinface.datasets.dataset import Dataset
from twinface.datasets.examined import Examine, Examined, examine_readable, warn_of
from twinface.datasets.photo_notes import PhotoNote


@runtime_checkable
class Noted(Protocol):
    """A data set that knows what is to be said of single photos."""

    def notes(self) -> list[PhotoNote]:
        """Of all photos that were looked at so far, in the order of their paths."""


def photo_notes(dataset: Dataset) -> list[PhotoNote]:
    """What is to be said of single photos of a data set; nothing for one that has all its pictures or is refused."""
    return dataset.notes() if isinstance(dataset, Noted) else []


class CheckedDataset:
    """A data set without the pictures that cannot be used. A warning counts them, once.

    Args:
        dataset: its pictures may be damaged.
        examine: tells which pictures can be used; the pictures that it returns are used from then on.
    """

    def __init__(self, dataset: Dataset, examine: Examine = examine_readable) -> None:
        self._photos, self._examine = dataset, examine
        self.name, self.title, self.protocols = dataset.name, dataset.title, dataset.protocols
        self.claims, self.region, self.frame = dataset.claims, dataset.region, dataset.frame
        self.source = dataset.source
        self._notes: dict[str, PhotoNote] = {}

    def faces(self) -> FaceSet:
        """All pictures that can be used.

        Raises:
            DataError: there are none.
        """
        return self._look(self._photos.faces()).usable

    def training_faces(self) -> FaceSet:
        """The pictures that can be used, of the people who may be used in training by name."""
        return self._look(self._photos.training_faces()).usable

    def training_pairs(self) -> PairSet | None:
        """The official labelled training pairs of two pictures that can be used, or None where there are none."""
        pairs = self._photos.training_pairs()
        return None if pairs is None else self._usable_pairs(pairs)

    def protocol(self, name: str) -> PairSet:
        """The pairs of an official protocol, of two pictures that can be used.

        Raises:
            DataError: the data set has no protocol of that name.
        """
        return self._usable_pairs(self._photos.protocol(name))

    def notes(self) -> list[PhotoNote]:
        """What is to be said of single photos that were looked at so far, in the order of their paths."""
        found = {note.path: note for note in photo_notes(self._photos)} | self._notes
        return [found[path] for path in sorted(found)]

    def _usable_pairs(self, pairs: PairSet) -> PairSet:
        return self._look(pairs.faces).usable_pairs(replace(pairs, name=self._new_name(pairs.name)))

    def _look(self, faces: FaceSet) -> Examined:
        examined = self._examine(replace(faces, name=self._new_name(faces.name)))
        new = [note for note in examined.notes if note.path not in self._notes]
        self._notes |= {note.path: note for note in new}
        warn_of(examined.faces.name, len(faces), new)
        return examined

    def _new_name(self, name: str) -> str:
        """The name of a set of pictures or pairs: "LFW original, aligned by Twinface View 1 test"."""
        return name.replace(self._photos.title, self.title, 1)
