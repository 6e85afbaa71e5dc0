"""Keeping people apart: subsets of people and of pairs, and splits without a common person.

A network that has seen a person scores pairs of that person too well, so nothing here ever puts one
person on two sides. Everything random is a pure function of its arguments and a seed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from twinface.core.errors import DataError
from twinface.core.types import BoolArray, FaceSet, IntArray, PairSet
from twinface.datasets.drawing import draw_pairs

__all__ = ["draw_pairs", "linked_people", "pair_subset", "split_pairs", "split_people", "take_people"]


def take_people(faces: FaceSet, people: BoolArray | Sequence[str], name: str | None = None) -> FaceSet:
    """The pictures of some people, in the same order, people renumbered.

    Args:
        faces: N pictures of P people.
        people: [P] bool, or names.
        name: of the new set; None keeps the old one.

    Raises:
        DataError: a name is not in `faces`, or nobody is taken.
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
    return _take_pictures(faces, wanted[faces.people], name)


def split_people(faces: FaceSet, held_out: int | float, seed: int, part: int = 0) -> tuple[FaceSet, FaceSet]:
    """People in two groups: (the rest, the held out).

    Who is held out depends on the names and the seed alone, not on the order or number of pictures.

    Args:
        faces: pictures of P people.
        held_out: how many people (int), or which share of them (float between 0 and 1).
        seed: other seeds hold other people out.
        part: with one seed, no person is held out in two parts, so that parts can be the folds of a cross-validation.

    Raises:
        DataError: one of the two groups would be empty, or there are not that many parts.
    """
    total = len(faces.names)
    wanted = round(held_out * total) if isinstance(held_out, float) else held_out
    if not 1 <= wanted <= total - 1:
        raise DataError(
            f"{wanted} of the {total} people of {faces.name} cannot be held out: need 1 or more on each side"
        )
    if (part + 1) * wanted > total:
        raise DataError(
            f"part {part} of {wanted} people each: the {total} people of {faces.name} are enough for "
            f"{total // wanted} parts, numbered from 0"
        )
    by_name = np.argsort(np.array(faces.names))
    chosen = np.zeros(total, dtype=np.bool_)
    chosen[by_name[np.random.default_rng(seed).permutation(total)[part * wanted : (part + 1) * wanted]]] = (
        True
    )
    rest = take_people(faces, ~chosen, f"{total - wanted} people of {faces.name}")
    return rest, take_people(faces, chosen, f"{wanted} held-out people of {faces.name}")


def pair_subset(pairs: PairSet, chosen: BoolArray | IntArray, name: str | None = None) -> PairSet:
    """Some of the pairs, with only the pictures and people that occur in them.

    Args:
        pairs: M pairs.
        chosen: [M] bool, or positions in the wanted order.
        name: of the new set; None keeps the old one.
    """
    left, right = pairs.left[chosen], pairs.right[chosen]
    used = np.zeros(len(pairs.faces), dtype=np.bool_)
    used[left] = used[right] = True
    position = np.cumsum(used) - 1
    return PairSet(
        name=name or pairs.name,
        faces=_take_pictures(pairs.faces, used, name),
        left=position[left],
        right=position[right],
        is_match=pairs.is_match[chosen],
        fold=None if pairs.fold is None else pairs.fold[chosen],
    )


def split_pairs(pairs: PairSet, held_out: float, seed: int) -> tuple[PairSet, PairSet]:
    """Labelled pairs in two groups without a common person and without losing a pair: (rest, held out).

    Mismatches link people, so whole connected groups of people go to one side. Groups are taken in a
    random order, each if it brings the numbers of held-out matches and mismatches closer to the wanted
    share; on pairsDevTrain (1,032 groups) that meets both.

    Args:
        pairs: M pairs.
        held_out: share of the matches and of the mismatches to hold out, between 0 and 1.
        seed: other seeds hold other groups out.

    Raises:
        DataError: the share is not between 0 and 1, or all people are linked, so that nothing can be
            held out.
    """
    if not 0 < held_out < 1:
        raise DataError(f"a share of {held_out} of the pairs cannot be held out: need one between 0 and 1")
    # Numbered anew, because people without a pair are groups of their own that cannot be held out.
    found, group = np.unique(linked_people(pairs)[pairs.people[:, 0]], return_inverse=True)
    groups = len(found)
    if groups < 2:
        raise DataError(
            f"{pairs.name}: its {len(pairs)} pairs link all {len(np.unique(pairs.people))} people, so none "
            "can be held out without common people: give separate validation pairs, or hold people out by "
            "name"
        )
    # [groups, 2]: matches and mismatches of each group.
    sizes = np.stack(
        [np.bincount(group[pairs.is_match == kind], minlength=groups) for kind in (True, False)], 1
    )
    chosen = _nearest_share(sizes, held_out, np.random.default_rng(seed).permutation(groups))
    held = chosen[group]
    return (
        pair_subset(pairs, ~held, f"{np.count_nonzero(~held)} pairs of {pairs.name}"),
        pair_subset(pairs, held, f"{np.count_nonzero(held)} held-out pairs of {pairs.name}"),
    )


def linked_people(pairs: PairSet) -> IntArray:
    """[P] group of each person, numbered from 0: people are in one group if a chain of pairs links them."""
    leader = list(range(len(pairs.faces.names)))

    def lead(person: int) -> int:
        while leader[person] != person:
            leader[person] = leader[leader[person]]
            person = leader[person]
        return person

    for left, right in pairs.people.tolist():
        leader[lead(right)] = lead(left)
    _, group = np.unique([lead(person) for person in range(len(leader))], return_inverse=True)
    return group.astype(np.int64).reshape(-1)


def _nearest_share(sizes: IntArray, share: float, order: IntArray) -> BoolArray:
    """[G] groups to hold out so that the column sums come close to `share` of the whole.

    Args:
        sizes: [G, 2] matches and mismatches of each group.
        share: wanted, between 0 and 1.
        order: [G] in which the groups are tried.
    """
    wanted = share * sizes.sum(axis=0)

    def distance(held: IntArray) -> float:
        return float(np.abs(held - wanted).sum())

    chosen = np.zeros(len(sizes), dtype=np.bool_)
    held = np.zeros(2, dtype=np.int64)
    for group in order:
        if distance(held + sizes[group]) < distance(held):
            chosen[group] = True
            held = held + sizes[group]
    if not chosen.any():  # every group is too large: the nearest one is better than none
        chosen[min(order, key=lambda group: distance(sizes[group]))] = True
    elif chosen.all():
        chosen[min(order, key=lambda group: distance(held - sizes[group]))] = False
    return chosen


def _take_pictures(faces: FaceSet, chosen: BoolArray, name: str | None) -> FaceSet:
    """The chosen pictures, [N] bool, with only the people who are on them."""
    used = np.zeros(len(faces.names), dtype=np.bool_)
    used[faces.people[chosen]] = True
    return replace(
        faces,
        name=name or faces.name,
        paths=tuple(path for path, keep in zip(faces.paths, chosen.tolist(), strict=True) if keep),
        people=(np.cumsum(used) - 1)[faces.people[chosen]],
        names=tuple(person for person, keep in zip(faces.names, used.tolist(), strict=True) if keep),
    )
