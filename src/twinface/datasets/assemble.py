"""From rows of names and paths to the `FaceSet` and `PairSet` records that every later stage takes."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from twinface.core.errors import DataError
from twinface.core.types import WHOLE_FRAME, FaceSet, PairSet, Region


class ListedPair(NamedTuple):
    """A pair with the paths of its pictures.

    Attributes:
        line: of the list that pairs them, from 1.
        left, right: paths relative to the root.
        left_person, right_person: who is on each picture.
        fold: from 0, or None.
    """

    line: int
    left: str
    left_person: str
    right: str
    right_person: str
    fold: int | None = None


def face_set(name: str, root: Path, person_of: Mapping[str, str], region: Region = WHOLE_FRAME) -> FaceSet:
    """Faces from a mapping.

    Args:
        name: what the set is, for people.
        root: the folder that the paths are relative to.
        person_of: path → person. The pictures keep its order; people are numbered in order of their first picture.
        region: where the face is in these pictures.
    """
    number: dict[str, int] = {}
    people = [number.setdefault(person, len(number)) for person in person_of.values()]
    return FaceSet(
        name=name,
        root=root,
        paths=tuple(person_of),
        people=np.array(people, dtype=np.int64),
        names=tuple(number),
        region=region,
    )


def listed_pairs(name: str, file: Path, rows: Sequence[ListedPair], root: Path, region: Region) -> PairSet:
    """M listed pairs as a `PairSet`, in the list's order.

    Its faces are the pictures that occur in the pairs, each once, sorted by path.

    Args:
        name: what the pairs are, for people.
        file: the list, for messages.
        rows: the pairs; folds are kept if every row has one.
        root: the folder that the paths are relative to.
        region: where the face is in these pictures.

    Raises:
        DataError: pictures are missing; the message names the line of the first and counts all of them.
    """
    person_of: dict[str, str] = {}
    line: dict[str, int] = {}
    for row in rows:
        for path, person in ((row.left, row.left_person), (row.right, row.right_person)):
            person_of[path] = person
            line.setdefault(path, row.line)
    faces = face_set(name, root, {path: person_of[path] for path in sorted(person_of)}, region)
    check_present(faces, file, line.__getitem__)
    index = {path: position for position, path in enumerate(faces.paths)}
    folds = [row.fold for row in rows if row.fold is not None]
    return PairSet(
        name=name,
        faces=faces,
        left=np.array([index[row.left] for row in rows], dtype=np.int64),
        right=np.array([index[row.right] for row in rows], dtype=np.int64),
        is_match=np.array([row.left_person == row.right_person for row in rows], dtype=np.bool_),
        fold=np.array(folds, dtype=np.int64) if len(folds) == len(rows) else None,
    )


def check_present(faces: FaceSet, file: Path, line: Callable[[str], int]) -> None:
    """Checks that every picture is on the disk: 2 µs a picture, 20 ms for all of DevTrain.

    Args:
        faces: the listed pictures.
        file: the list, for messages.
        line: path → the line that lists it; called for missing pictures only.

    Raises:
        DataError: pictures are missing; the message names the line of the first and counts all of them.
    """
    root = os.fspath(faces.root)
    missing = [path for path in faces.paths if not os.access(f"{root}/{path}", os.F_OK)]
    if missing:
        first = min(missing, key=line)
        raise DataError(
            f"{file.name} line {line(first)}: the picture {first} is not in {root} "
            f"({len(missing)} of {len(faces)} pictures missing in total): complete the pictures or "
            "correct the list"
        )
