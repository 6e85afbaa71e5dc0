"""The contents of a data set, counted before anything is trained. Every honest report begins with these counts.

Numbers only; `reports` draws the plots. Counts are over everything. Sizes in pixels, brightness and contrast come from
decoding a seeded sample of the pictures, and the result says how many that was.

people    pictures a person
pairs     one list of pairs
pictures  files, sizes, brightness, contrast
spread    quartiles and histograms
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, cast

from twinface.core.errors import DataError
from twinface.core.types import FaceSet, PairSet
from twinface.datasets.analysis.pairs import PairsAnalysis, analyse_pairs
from twinface.datasets.analysis.people import PeopleAnalysis, analyse_people
from twinface.datasets.analysis.pictures import PicturesAnalysis, analyse_pictures
from twinface.datasets.dataset import Dataset


@dataclass(frozen=True)
class DataAnalysis:
    """The contents of a data set and of L lists of pairs.

    Attributes:
        name: of the data set.
        faces: pictures a person.
        pairs: one record for each list.
        pictures: files, sizes, brightness, contrast.
        shared_people: [L, L] the number of people that two lists have in common, by name; on the diagonal the number
            of people of a list.
        shared_pictures: [L, L] the same for pictures.
    """

    name: str
    faces: PeopleAnalysis
    pairs: tuple[PairsAnalysis, ...]
    pictures: PicturesAnalysis
    shared_people: tuple[tuple[int, ...], ...]
    shared_pictures: tuple[tuple[int, ...], ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return cast("dict[str, Any]", _plain(asdict(self)))


def analyse(
    data: Dataset | FaceSet, pair_sets: Sequence[PairSet] = (), sample: int = 500, seed: int = 0
) -> DataAnalysis:
    """Counts what is in `data` and in the lists of pairs.

    Args:
        data: a data set, all of whose pictures are counted, or some faces.
        pair_sets: L lists of pairs.
        sample: how many pictures to decode at most.
        seed: chooses them.

    Raises:
        DataError: there are no pictures, or one is missing.
        ImageError: a picture of the sample is damaged.
    """
    faces = data if isinstance(data, FaceSet) else data.faces()
    if not len(faces) or sample < 1:
        raise DataError(
            f"{faces.name}: {len(faces)} pictures and a sample of {sample}, need 1 or more of each"
        )
    return DataAnalysis(
        name=faces.name,
        faces=analyse_people(faces),
        pairs=tuple(analyse_pairs(pairs) for pairs in pair_sets),
        pictures=analyse_pictures(faces, sample, seed),
        shared_people=_shared([set(pairs.faces.names) for pairs in pair_sets]),
        shared_pictures=_shared([_paths(pairs) for pairs in pair_sets]),
    )


def _paths(pairs: PairSet) -> set[str]:
    return {os.path.join(pairs.faces.root, path) for path in pairs.faces.paths}  # noqa: PTH118


def _shared(sets: Sequence[set[str]]) -> tuple[tuple[int, ...], ...]:
    """How many elements each two sets have in common."""
    return tuple(tuple(len(one & other) for other in sets) for one in sets)


def _plain(value: Any) -> Any:
    """Tuples as lists, at every depth."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    return value
