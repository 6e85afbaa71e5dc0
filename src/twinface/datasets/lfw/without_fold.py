"""LFW as View 2 allows it for training: without the people of one fold."""

from __future__ import annotations

from dataclasses import replace

from twinface.core.errors import DataError
from twinface.core.types import FaceSet, PairSet
from twinface.datasets.lfw.dataset import TIGHT_FACE, Lfw
from twinface.datasets.lfw.pair_list import FOLDS
from twinface.datasets.subsets import pair_subset
from twinface.faces.frame import Frame


class LfwWithoutFold:
    """LFW with the people of one fold of View 2 left out of everything that may be trained on.

    No person is in two folds, neither in people.txt nor in pairs.txt, and a fold has the same people in both lists.

    Args:
        lfw: the data set.
        fold: the one that is left out, 0 to 9.

    Raises:
        DataError: there is no such fold.
    """

    name = Lfw.name
    protocols = Lfw.protocols
    region = TIGHT_FACE
    frame: Frame | None = None

    def __init__(self, lfw: Lfw, fold: int) -> None:
        if not 0 <= fold < FOLDS:
            raise DataError(f"View 2: found fold {fold}, need 0 to {FOLDS - 1}")
        self._lfw, self.fold = lfw, fold
        self.title = f"{lfw.title} without fold {fold + 1} of View 2"
        self.claims, self.root, self.frame = lfw.claims, lfw.root, lfw.frame
        self.source = replace(lfw.source, without_fold=fold)

    def faces(self) -> FaceSet:
        """All pictures, those of the fold included."""
        return self._lfw.faces()

    def training_faces(self) -> FaceSet:
        """The pictures of the people of the other nine folds.

        Raises:
            DataError: people.txt is missing or does not fit its format, or pictures are missing.
        """
        return self._lfw.listed_faces("people.txt", self.title, without=self.fold)

    def training_pairs(self) -> PairSet:
        """The labelled pairs of the other nine folds: M = 5,400, half of them matches."""
        pairs = self._lfw.protocol("view2")
        assert pairs.fold is not None
        return pair_subset(pairs, pairs.fold != self.fold, f"{self.title}: labelled pairs")

    def protocol(self, name: str) -> PairSet:
        """The pairs of an official protocol; see `Lfw.protocol`."""
        return self._lfw.protocol(name)
