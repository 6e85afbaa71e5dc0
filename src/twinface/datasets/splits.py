"""Splits: people in two groups or several, or labelled pairs in two groups.

A network scores pairs of people that it was trained on too well, so nobody is in both groups. `split_pairs_at_random`
is the exception; it is there to repeat published experiments. Everything random depends on the arguments and a seed
only.
"""

from __future__ import annotations

import math

import numpy as np

from twinface.core.errors import DataError
from twinface.core.types import BoolArray, FaceSet, IntArray, PairSet
from twinface.datasets.subsets import pair_subset, take_people


def split_people(
    faces: FaceSet, held_out: int | float, seed: int, part: int = 0, stratified: bool = False
) -> tuple[FaceSet, FaceSet]:
    """People in two groups: (the rest, the held out).

    Who is held out depends on the names and the seed, not on the order or, unless `stratified`, the number of pictures.

    Args:
        faces: pictures of P people.
        held_out: how many people (int), or the fraction of them (float between 0 and 1).
        seed: another seed holds out other people.
        part: which people of one seed, from 0. No person is held out in two parts, so that the parts can be the folds
            of a cross-validation.
        stratified: of the people with several pictures, hold out the same share as of all people, but at least two
            where there are four. Without it, and where few people have several pictures, there may be nobody with a
            genuine pair. Where everybody has several, it changes nothing.

    Raises:
        DataError: one of the two groups would be empty, or there are not that many parts.
    """
    total = len(faces.names)
    wanted = round(held_out * total) if isinstance(held_out, float) else held_out
    if not 1 <= wanted <= total - 1:
        raise DataError(
            f"{wanted} of {total} people cannot be held out of {faces.name}: need 1 or more on each side"
        )
    first, others = _strata(faces, seed, stratified)
    share = max(wanted * len(first) / total, min(2, len(first) // 2, wanted))
    if (part + 1) * wanted > total or round((part + 1) * share) > len(first):
        parts = min(total // wanted, int(len(first) / share) if share else total)
        raise DataError(
            f"there is no part {part} of {wanted} people: {faces.name} has people for {parts} parts, numbered from 0"
        )
    begin, end = round(part * share), round((part + 1) * share)
    held = np.concatenate([first[begin:end], others[part * wanted - begin : (part + 1) * wanted - end]])
    return _in_two(faces, held)


def split_in_parts(faces: FaceSet, parts: int, seed: int) -> list[tuple[FaceSet, FaceSet]]:
    """Everybody held out once: (the rest, the held out) of each part of a cross-validation.

    The parts are of equal size, but for one person or two, and so are their numbers of people with several pictures.

    Args:
        faces: pictures of P people.
        parts: how many, at most P.
        seed: another seed makes other parts.
    """
    first, others = _strata(faces, seed, stratified=True)
    # The first parts have the people who are left over of the one kind, and the last parts those of the other.
    dealt = zip(np.array_split(first, parts), reversed(np.array_split(others, parts)), strict=True)
    return [_in_two(faces, np.concatenate(held)) for held in dealt]


def _strata(faces: FaceSet, seed: int, stratified: bool) -> tuple[IntArray, IntArray]:
    """The numbers of all people in a random order, which depends on names: those with several pictures, the others.

    If not `stratified`, all are in the first group.
    """
    total = len(faces.names)
    order = np.argsort(np.array(faces.names))[np.random.default_rng(seed).permutation(total)]
    first = np.bincount(faces.people, minlength=total)[order] > 1 if stratified else np.ones(total, np.bool_)
    return order[first], order[~first]


def _in_two(faces: FaceSet, held: IntArray) -> tuple[FaceSet, FaceSet]:
    """(the rest, the held out), by numbers of people."""
    chosen = np.zeros(len(faces.names), dtype=np.bool_)
    chosen[held] = True
    rest = take_people(faces, ~chosen, f"{len(chosen) - len(held)} people of {faces.name}")
    return rest, take_people(faces, chosen, f"{len(held)} held-out people of {faces.name}")


def deal_people(several: BoolArray, groups: int, seed: int) -> IntArray:
    """[P] the group of each person, from 0; the groups are of equal size, but for one person.

    People with several pictures are dealt first, so that each group has genuine pairs.

    Args:
        several: [P] whether a person has a genuine pair.
        groups: how many.
        seed: another seed deals in another order.
    """
    order = np.random.default_rng(seed).permutation(len(several))
    order = order[np.argsort(~several[order], kind="stable")]
    group = np.empty(len(several), np.int64)
    group[order] = np.arange(len(several)) % groups
    return group


def split_pairs(pairs: PairSet, held_out: float, seed: int) -> tuple[PairSet, PairSet]:
    """Labelled pairs in two groups without a common person and without losing a pair: (the rest, the held out).

    Mismatches link people, so whole connected groups of people go to one side. The groups are tried in a random order,
    and a group is held out if that brings the numbers of held-out matches and mismatches closer to the wanted fraction.
    On pairsDevTrain (1,032 groups) both numbers are met.

    Args:
        pairs: M pairs.
        held_out: fraction of the matches and of the mismatches to hold out, between 0 and 1.
        seed: another seed holds out other groups.

    Raises:
        DataError: the fraction is not between 0 and 1, or all people are linked, so that no pair can be held out.
    """
    if not 0 < held_out < 1:
        raise DataError(f"a share of {held_out} of the pairs cannot be held out: need one between 0 and 1")
    # Numbered anew, because a person without a pair is a group too, and there is nothing of it to hold out.
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


def split_pairs_at_random(
    pairs: PairSet, held_out: float, seed: int, by_label: bool = False
) -> tuple[PairSet, PairSet]:
    """Labelled pairs in two groups at random, with the same people in both: (the rest, the held out).

    Figures on the held-out pairs are too good. Without `by_label` they are the pairs that `train_test_split` of
    scikit-learn holds out with the same seed as its `random_state`.

    Args:
        pairs: M pairs.
        held_out: fraction of the pairs to hold out, between 0 and 1; the number is rounded up.
        seed: of the permutation.
        by_label: hold out that fraction of the genuine pairs, and then of the impostor pairs.

    Raises:
        DataError: one of the two groups would be empty.
    """
    random = np.random.RandomState(seed % 2**32)  # scikit-learn's generator
    groups = [np.flatnonzero(pairs.is_match), np.flatnonzero(~pairs.is_match)]
    held = np.zeros(len(pairs), np.bool_)
    for rows in groups if by_label else [np.arange(len(pairs))]:
        held[rows[random.permutation(len(rows))[: math.ceil(held_out * len(rows))]]] = True
    count = np.count_nonzero(held)
    if not 0 < count < len(pairs):
        raise DataError(f"{pairs.name}: {count} of {len(pairs)} pairs held out, need 1 or more on each side")
    return (
        pair_subset(pairs, ~held, f"{len(pairs) - count} pairs of {pairs.name}"),
        pair_subset(
            pairs, held, f"{count} held-out pairs of {pairs.name}, of people who are in training too"
        ),
    )


def linked_people(pairs: PairSet) -> IntArray:
    """[P] the group of each person, numbered from 0. Two people are in one group if a chain of pairs links them."""
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
    """[G] which groups to hold out, so that the column sums come close to a fraction of the whole.

    Args:
        sizes: [G, 2] matches and mismatches of each group.
        share: the wanted fraction, between 0 and 1.
        order: [G] the order in which the groups are tried.
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
    if not chosen.any():  # every group is too large: the one that comes nearest is better than none
        chosen[min(order, key=lambda group: distance(sizes[group]))] = True
    elif chosen.all():
        chosen[min(order, key=lambda group: distance(held - sizes[group]))] = False
    return chosen
