"""Labeled Faces in the Wild: 13,233 pictures of 5,749 people, 250×250, with its two official views.

View 1 (DevTrain, DevTest) is for choosing models. View 2 is for reporting a result, once: ten folds, with everything
fitted on nine of them and tested on the tenth.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from twinface.core.errors import DataError
from twinface.core.suggestion import nearest
from twinface.core.types import FaceSet, PairSet, Region
from twinface.datasets.assemble import check_present, face_set, listed_pairs
from twinface.datasets.data_source import DataSource
from twinface.datasets.lfw.home import find_lfw
from twinface.datasets.lfw.pair_list import FOLDS, located, read_pair_list
from twinface.datasets.lfw.people_list import read_people_list
from twinface.faces.frame import Frame

# The central 115×115 of 250×250. The outer half of the picture is background and clothes. They differ between pictures
# of one person and teach a network nothing about faces. Cropping them away gains more accuracy than any setting that
# was tuned on the whole picture.
TIGHT_FACE = Region(top=0.27, left=0.27, height=0.46, width=0.46)

_NUMBERED = re.compile(r"_[0-9]{4,}\.jpg")
# Protocol → its list, its title, and its number of folds if the list's first line, which says so, is missing.
_PROTOCOLS = {
    "view1": ("pairsDevTest.txt", "View 1 test", None),
    "view2": ("pairs.txt", "View 2", FOLDS),
    "view1-train": ("pairsDevTrain.txt", "View 1 training", None),
}


class Lfw:
    """One copy of LFW.

    Args:
        root: a folder that holds the picture folder and the lists, or the picture folder itself with the lists in it or
            beside it; None looks at the usual places, see `find_lfw`.
        layout: "lfw-a", "deep-funneled", "funneled" or "original"; None takes the first of these that is there.

    Raises:
        DataError: there is no LFW, or not in this layout.
    """

    name = "lfw"
    protocols = tuple(_PROTOCOLS)
    region = TIGHT_FACE
    frame: Frame | None = None

    def __init__(self, root: Path | str | None = None, layout: str | None = None) -> None:
        self._home = find_lfw(root, layout)
        self.title = self._home.layout.title
        self.claims = self._home.layout.claims
        self.root = self._home.pictures
        self.frame = self._home.layout.frame
        self.source = DataSource(self.name, None if root is None else str(root), self._home.layout.key)

    def faces(self) -> FaceSet:
        """All pictures on the disk that are named as LFW names them: N = 13,233 of P = 5,749 people."""
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
        """The pictures of the people of an official list.

        Args:
            list_name: "peopleDevTrain.txt", "peopleDevTest.txt" or "people.txt".
            title: name of the new set.
            without: a fold whose people are left out, or None.

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

    def training_pairs(self) -> PairSet:
        """The official labelled training pairs, pairsDevTrain.txt: M = 2,200, half of them matches.

        Raises:
            DataError: the list is missing or does not fit its format, or pictures are missing.
        """
        return self.protocol("view1-train")

    def protocol(self, name: str) -> PairSet:
        """The pairs of "view1" (M = 1,000), "view2" (M = 6,000 in folds 0 to 9) or "view1-train" (M = 2,200).

        Raises:
            DataError: the name is unknown, the list is missing or does not fit its format, or pictures are missing.
        """
        if name not in _PROTOCOLS:
            raise DataError(f'no LFW protocol "{name}"{nearest(name, _PROTOCOLS)}')
        list_name, title, folds = _PROTOCOLS[name]
        file = self._home.list_file(list_name)
        records = read_pair_list(file, folds)
        return listed_pairs(
            f"{self.title} {title}", file, located(records, picture_path), self.root, TIGHT_FACE
        )


def picture_path(person: str, number: int) -> str:
    """The path of a person's picture, relative to LFW's picture folder.

    >>> picture_path("Aaron_Eckhart", 1)
    'Aaron_Eckhart/Aaron_Eckhart_0001.jpg'
    """
    return f"{person}/{person}_{number:04d}.jpg"
