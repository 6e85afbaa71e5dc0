"""Some of the people of a set of faces, or some of its pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from twinface.core.errors import DataError
from twinface.core.types import BoolArray, FaceSet, IntArray, PairSet


def take_people(faces: FaceSet, people: BoolArray | Sequence[str], name: str | None = None) -> FaceSet:
    """The pictures of some people, in the same order; the people are numbered anew.

    Args:
        faces: N pictures of P people.
        people: [P] bool, or names.
        name: of the new set; None keeps the old name.

    Raises:
        DataError: a name is not in `faces`, or nobody is taken.
        ValueError: the bool array has another length than P.
    """
    if isinstance(people, np.ndarray) and people.dtype == np.bool_:
        wanted = people
    else:
        wanted = np.isin(np.array(faces.names), np.array(people))
        unknown = sorted(set(people) - set(faces.names))
        if unknown:
            raise DataError(
                f"{faces.name} has no {unknown[0]} ({len(unknown)} of {len(people)} names unknown)"
            )
    if wanted.shape != (len(faces.names),):
        raise ValueError(f"the mask has shape {wanted.shape}, need ({len(faces.names)},), one value a person")
    if not wanted.any():
        raise DataError(f"nobody of the {len(faces.names)} people of {faces.name} is taken: need 1 or more")
    return take_pictures(faces, wanted[faces.people], name)


def pair_subset(pairs: PairSet, chosen: BoolArray | IntArray, name: str | None = None) -> PairSet:
    """Some of the pairs, with the pictures and people that occur in them and no others.

    Args:
        pairs: M pairs.
        chosen: [M] bool, or positions in the wanted order.
        name: of the new set; None keeps the old name.
    """
    left, right = pairs.left[chosen], pairs.right[chosen]
    used = np.zeros(len(pairs.faces), dtype=np.bool_)
    used[left] = used[right] = True
    position = np.cumsum(used) - 1
    return PairSet(
        name=name or pairs.name,
        faces=take_pictures(pairs.faces, used, name),
        left=position[left],
        right=position[right],
        is_match=pairs.is_match[chosen],
        fold=None if pairs.fold is None else pairs.fold[chosen],
    )


def take_pictures(faces: FaceSet, chosen: BoolArray, name: str | None = None) -> FaceSet:
    """Some of the pictures, in the same order, with the people who are on them and no others.

    Args:
        faces: N pictures.
        chosen: [N] bool.
        name: of the new set; None keeps the old name.
    """
    used = np.zeros(len(faces.names), dtype=np.bool_)
    used[faces.people[chosen]] = True
    return replace(
        faces,
        name=name or faces.name,
        paths=tuple(path for path, keep in zip(faces.paths, chosen.tolist(), strict=True) if keep),
        people=(np.cumsum(used) - 1)[faces.people[chosen]],
        names=tuple(person for person, keep in zip(faces.names, used.tolist(), strict=True) if keep),
        landmarks=None if faces.landmarks is None else faces.landmarks[chosen],
    )
