"""Draws genuine and impostor pairs from pictures whose people are known."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

from twinface.core.errors import DataError
from twinface.core.types import FaceSet, IntArray, PairSet
from twinface.datasets.splits import deal_people
from twinface.datasets.subsets import take_people


def draw_pairs(faces: FaceSet, seed: int, max_per_person: int = 10, limit: int | None = None) -> PairSet:
    """As many genuine as impostor pairs, none of them twice; the genuine pairs come first.

    A person gives at most `max_per_person` genuine pairs, so that people with hundreds of pictures do not dominate. In
    the impostor pairs all people occur equally often, within two, as long as they have enough pictures.

    Args:
        faces: N pictures of P people.
        seed: another seed draws other pairs.
        max_per_person: the most genuine pairs of one person.
        limit: the most pairs of both kinds together, or None; all people lose pairs evenly.

    Returns:
        M pairs over `faces`, M even.

    Raises:
        DataError: there are no two pictures of one person, or fewer than two people.
    """
    if max_per_person < 1 or (limit is not None and limit < 2):
        raise DataError(f"max_per_person {max_per_person}, limit {limit}: need 1 or more and 2 or more")
    random = np.random.default_rng(seed)
    pictures = _pictures_by_person(faces, random)
    counts = np.array([len(own) for own in pictures])
    possible = (len(faces) ** 2 - int((counts**2).sum())) // 2
    genuine = _genuine(pictures, max_per_person, random)
    if not len(genuine) or not possible:
        raise DataError(
            f"{faces.name}: {len(pictures)} people, {np.count_nonzero(counts > 1)} with two or more "
            "pictures: need 2 people, one of them with two pictures, to draw genuine and impostor pairs"
        )
    wanted = min(len(genuine), possible, len(faces) ** 2 if limit is None else limit // 2)
    sides = np.concatenate([genuine[:wanted], _impostors(pictures, wanted, random)])
    return PairSet(
        name=f"{2 * wanted} pairs drawn from {faces.name} with seed {seed}",
        faces=faces,
        left=sides[:, 0].copy(),
        right=sides[:, 1].copy(),
        is_match=np.arange(2 * wanted) < wanted,
    )


def draw_pairs_in_groups(
    faces: FaceSet, groups: int, seed: int, max_per_person: int = 10, limit: int | None = None
) -> PairSet:
    """As `draw_pairs`, where both people of a pair are in the same group of people.

    People with several pictures are dealt to the groups first, so that each group has genuine pairs.

    Args:
        faces: N pictures of P people.
        groups: how many; fewer are made where a group would have less than two people, or nobody with two pictures.
        seed, max_per_person: see `draw_pairs`.
        limit: the most pairs of all groups together, or None; but each group has a genuine and an impostor pair.

    Returns:
        M pairs over `faces`; `fold` is the group of each.

    Raises:
        DataError: there are no two pictures of one person, or fewer than two people.
    """
    counts = np.bincount(faces.people, minlength=len(faces.names))
    groups = max(1, min(groups, len(counts) // 2, int((counts > 1).sum())))
    group = deal_people(counts > 1, groups, seed)
    most = None if limit is None else max(2, limit // groups)
    parts, rows = [], []
    for number in range(groups):
        inside = group == number
        rows.append(np.flatnonzero(inside[faces.people]))
        parts.append(draw_pairs(take_people(faces, inside), seed, max_per_person, most))
    return PairSet(
        name=f"{sum(map(len, parts))} pairs drawn within {groups} groups of {faces.name} with seed {seed}",
        faces=faces,
        left=np.concatenate([own[part.left] for own, part in zip(rows, parts, strict=True)]),
        right=np.concatenate([own[part.right] for own, part in zip(rows, parts, strict=True)]),
        is_match=np.concatenate([part.is_match for part in parts]),
        fold=np.repeat(np.arange(groups), [len(part) for part in parts]),
    )


def _pictures_by_person(faces: FaceSet, random: np.random.Generator) -> list[IntArray]:
    """The pictures of each person, shuffled."""
    shuffled = random.permutation(len(faces))
    order = shuffled[np.argsort(faces.people[shuffled], kind="stable")]
    return np.split(order, np.cumsum(np.bincount(faces.people, minlength=len(faces.names)))[:-1])


def _genuine(pictures: list[IntArray], most: int, random: np.random.Generator) -> IntArray:
    """[M, 2] pictures of one person: first one pair of each person, then a second pair of each, and so on."""
    rows, rounds = [], []
    for own in pictures:
        possible = len(own) * (len(own) - 1) // 2
        number = random.choice(possible, min(possible, most), replace=False) if possible else np.empty(0, int)
        # Pair number k of n pictures: `second` is the largest with second (second - 1) / 2 <= k.
        second = ((1 + np.sqrt(1 + 8 * number)) / 2).astype(np.int64)
        rows.append(np.stack([own[number - second * (second - 1) // 2], own[second]], axis=1))
        rounds.append(np.arange(len(number)))
    sides, turn = np.concatenate(rows), np.concatenate(rounds)
    order = random.permutation(len(sides))
    return sides[order[np.argsort(turn[order], kind="stable")]]


def _impostors(pictures: list[IntArray], wanted: int, random: np.random.Generator) -> IntArray:
    """[wanted, 2] pictures of two people, no pair twice; there must be that many pairs."""
    meetings = list(itertools.islice(_tournament(len(pictures), random), wanted))
    found: list[tuple[int, int]] = []
    sweep = (
        0  # when everybody has met everybody and more pairs are wanted, they meet again with other pictures
    )
    while len(found) < wanted:
        meetings = [meeting for meeting in meetings if _possible(pictures, meeting) > sweep]
        for meeting in meetings:
            turn, left, right = meeting
            mine, theirs = pictures[left], pictures[right]
            # In each round a person takes the next picture, so that all pictures are used evenly.
            number = (turn % len(mine)) * len(theirs) + turn % len(theirs) + sweep
            first, second = divmod(number % _possible(pictures, meeting), len(theirs))
            found.append((int(mine[first]), int(theirs[second])))
        sweep += 1
    return np.array(found[:wanted], dtype=np.int64)


def _possible(pictures: list[IntArray], meeting: tuple[int, int, int]) -> int:
    return len(pictures[meeting[1]]) * len(pictures[meeting[2]])


def _tournament(people: int, random: np.random.Generator) -> Iterator[tuple[int, int, int]]:
    """(round, person, person): in each round everybody meets one other person, until everybody has met everybody.

    This is the circle method for round-robin tournaments: one person stays seated, the others move round the table.
    """
    seats: list[int] = random.permutation(people).tolist()
    if people % 2:
        seats.append(-1)  # an empty seat: who meets it has no partner in this round
    for turn, step in enumerate(random.permutation(len(seats) - 1).tolist()):
        circle = [seats[0], *seats[1 + step :], *seats[1 : 1 + step]]
        for left, right in zip(circle[: len(circle) // 2], reversed(circle), strict=False):
            if left >= 0 and right >= 0:
                yield turn, left, right
