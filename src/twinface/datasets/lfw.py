"""Labeled Faces in the Wild: 13,233 pictures of 5,749 people, 250×250, with its two official views.

View 1 (DevTrain, DevTest) is for choosing models. View 2 is for reporting, once: ten folds, everything
fitted on nine and tested on the tenth.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from twinface.core.errors import DataError
from twinface.core.types import FaceSet, PairSet, Region
from twinface.datasets.assemble import check_present, face_set, listed_pairs, located
from twinface.datasets.lfw_layouts import find_lfw
from twinface.datasets.lfw_lists import FOLDS, read_pair_list, read_people_list
from twinface.datasets.names import unknown_choice
from twinface.datasets.splits import pair_subset

# The central 115×115 of 250×250. The outer half of the frame is background and clothes, which differ
# between pictures of one person and teach a network nothing about faces: cutting them off is worth
# more accuracy than any setting that was tuned on the whole frame.
TIGHT_FACE = Region(top=0.27, left=0.27, height=0.46, width=0.46)

_NUMBERED = re.compile(r"_[0-9]{4,}\.jpg")
_PROTOCOLS = {
    "view1": ("pairsDevTest.txt", "View 1 test", None),
    "view2": ("pairs.txt", "View 2", FOLDS),
    "view1-train": ("pairsDevTrain.txt", "View 1 training", None),
}


class Lfw:
    """One copy of LFW.

    Args:
        root: a folder that holds the picture folder and the lists, or the picture folder itself with
            the lists in or beside it; None looks at the usual places, see `find_lfw`.
        layout: "lfw-a", "deep-funneled", "funneled" or "original"; None takes the first that is there.

    Raises:
        DataError: there is no LFW, or not in this layout.
    """

    name = "lfw"
    protocols = tuple(_PROTOCOLS)
    region = TIGHT_FACE

    def __init__(self, root: Path | str | None = None, layout: str | None = None) -> None:
        self._home = find_lfw(root, layout)
        self.title = self._home.layout.title
        self.claims = self._home.layout.claims
        self.root = self._home.pictures

    def faces(self) -> FaceSet:
        """Every picture on the disk that is named as LFW names them: N = 13,233 of P = 5,749 people."""
        person_of: dict[str, str] = {}
        with os.scandir(self.root) as folders:
            people = sorted(entry.name for entry in folders if entry.is_dir())
        for person in people:
            with os.scandir(f"{self.root}/{person}") as files:
                names = [entry.name for entry in files if entry.name.startswith(person)]
            for name in sorted(names):
                if _NUMBERED.fullmatch(name, len(person)):
                    person_of[f"{person}/{name}"] = person
        return face_set(self.title, self.root, person_of, TIGHT_FACE)

    def training_faces(self) -> FaceSet:
        """The pictures of DevTrain, whose names may be used in training: N = 9,525 of P = 4,038 people.

        Raises:
            DataError: peopleDevTrain.txt is missing or does not fit its format, or pictures are missing.
        """
        return self.listed_faces("peopleDevTrain.txt", f"{self.title} DevTrain")

    def listed_faces(self, list_name: str, title: str, without: int | None = None) -> FaceSet:
        """All pictures of the people of an official list, but for one of its folds.

        Args:
            list_name: "peopleDevTrain.txt", "peopleDevTest.txt" or "people.txt".
            title: what to call them.
            without: a fold, or None.

        Raises:
            DataError: the list is missing or does not fit its format, or pictures are missing.
        """
        file = self._home.list_file(list_name)
        records = read_people_list(file)
        person_of = {
            picture_path(record.person, number): record.person
            for record in sorted(records, key=lambda record: record.person)
            if without is None or record.fold != without
            for number in range(1, record.pictures + 1)
        }
        faces = face_set(title, self.root, person_of, TIGHT_FACE)
        line = {record.person: record.line for record in records}
        check_present(faces, file, lambda path: line[person_of[path]])
        return faces

    def without_fold(self, fold: int) -> NineFolds:
        """This data set as View 2 lets one train for a fold: on the people of the other nine.

        Raises:
            DataError: there is no such fold.
        """
        return NineFolds(self, fold)

    def training_pairs(self) -> PairSet:
        """The official labelled training pairs, pairsDevTrain.txt: M = 2,200, half of them matches."""
        return self.protocol("view1-train")

    def protocol(self, name: str) -> PairSet:
        """The pairs of "view1" (M = 1,000), "view2" (M = 6,000 in folds 0 to 9) or "view1-train" (M = 2,200).

        Raises:
            DataError: the name is unknown, or the list or its pictures are missing or do not fit.
        """
        if name not in _PROTOCOLS:
            raise unknown_choice("LFW protocol", name, _PROTOCOLS)
        list_name, title, folds = _PROTOCOLS[name]
        file = self._home.list_file(list_name)
        records = read_pair_list(file, folds)
        return listed_pairs(
            f"{self.title} {title}", file, located(records, picture_path), self.root, TIGHT_FACE
        )


class NineFolds:
    """LFW where all that may be trained on leaves out the people of one fold of View 2.

    No person is in two folds, neither in people.txt nor in pairs.txt, and both lists have the same people in a fold.

    Args:
        lfw: the data set.
        fold: the one that is left out, 0 to 9.

    Raises:
        DataError: there is no such fold.
    """

    name = Lfw.name
    protocols = Lfw.protocols
    region = TIGHT_FACE

    def __init__(self, lfw: Lfw, fold: int) -> None:
        if not 0 <= fold < FOLDS:
            raise DataError(f"View 2: found fold {fold}, need 0 to {FOLDS - 1}")
        self._lfw, self.fold = lfw, fold
        self.title = f"{lfw.title} without fold {fold + 1} of View 2"
        self.claims, self.root = lfw.claims, lfw.root

    def faces(self) -> FaceSet:
        """Every picture, those of the fold included."""
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
        """As `Lfw.protocol`."""
        return self._lfw.protocol(name)


def picture_path(person: str, number: int) -> str:
    """Where LFW keeps a person's picture, relative to its picture folder.

    >>> picture_path("Aaron_Eckhart", 1)
    'Aaron_Eckhart/Aaron_Eckhart_0001.jpg'
    """
    return f"{person}/{person}_{number:04d}.jpg"
