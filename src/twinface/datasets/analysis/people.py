"""How many pictures people have."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from twinface.core.types import FaceSet
from twinface.datasets.analysis.spread import Spread

_TOP = 10


@dataclass(frozen=True)
class PeopleAnalysis:
    """How many pictures people have.

    Attributes:
        pictures, people: N and P.
        with_two_or_more: people with two or more pictures, who can form a genuine pair.
        per_person: spread of pictures a person.
        histogram: (pictures, people who have that many), by pictures.
        top: the people with the most pictures, (name, pictures).
    """

    pictures: int
    people: int
    with_two_or_more: int
    per_person: Spread
    histogram: tuple[tuple[int, int], ...]
    top: tuple[tuple[str, int], ...]


def analyse_people(faces: FaceSet) -> PeopleAnalysis:
    """Counts the pictures of each person."""
    counts = np.bincount(faces.people, minlength=len(faces.names))
    numbers, people = np.unique(counts, return_counts=True)
    most = np.argsort(-counts, kind="stable")[:_TOP].tolist()
    return PeopleAnalysis(
        pictures=len(faces),
        people=len(faces.names),
        with_two_or_more=int(np.count_nonzero(counts >= 2)),
        per_person=Spread.of(counts),
        histogram=tuple(zip(numbers.tolist(), people.tolist(), strict=True)),
        top=tuple((faces.names[person], int(counts[person])) for person in most),
    )
