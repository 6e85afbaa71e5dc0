"""Splits and drawn pairs, step by step: names of the sets, who is held out for a seed, the order of the pairs."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from twinface.core.errors import DataError
from twinface.core.types import FaceSet, PairSet
from twinface.datasets import draw_pairs as drawing
from twinface.datasets.draw_pairs import draw_pairs
from twinface.datasets.splits import _nearest_share, linked_people, split_pairs, split_people
from twinface.datasets.subsets import pair_subset, take_people, take_pictures


def faces_of(counts: list[int], names: str = "") -> FaceSet:
    people = np.repeat(np.arange(len(counts)), counts)
    paths = tuple(f"{person}-{number}" for number, person in enumerate(people))
    return FaceSet("toy", Path("root"), paths, people, tuple(names or map(str, range(len(counts)))))


def pairs_of(faces: FaceSet, sides: list[tuple[int, int]]) -> PairSet:
    left, right = np.array(sides, np.int64).T
    return PairSet(
        "pairs", faces, left, right, faces.people[left] == faces.people[right], np.arange(len(left)) % 2
    )


# --- people ---


@pytest.mark.parametrize(
    ("held_out", "part", "wanted"), [(2, 0, 2), (2, 2, 2), (0.3, 1, 2), (6, 0, 6), (1, 6, 1)]
)
def test_who_is_held_out(held_out: float, part: int, wanted: int) -> None:
    """A permutation of the people in the order of their names, cut into parts of equal size."""
    faces = faces_of([2, 1, 3, 1, 2, 1, 1], "gbfdace")
    order = np.random.default_rng(9).permutation(7).tolist()
    expected = {"abcdefg"[place] for place in order[part * wanted : (part + 1) * wanted]}
    rest, held = split_people(faces, held_out, 9, part)
    assert set(held.names) == expected
    assert set(rest.names) == set("abcdefg") - expected
    assert (rest.name, held.name) == (f"{7 - wanted} people of toy", f"{wanted} held-out people of toy")
    assert split_people(faces, held_out, 9)[1].names == split_people(faces, held_out, 9, 0)[1].names


def test_numbers_of_people_and_of_parts() -> None:
    faces = faces_of([1] * 7)
    with pytest.raises(
        DataError, match="0 of 7 people cannot be held out of toy: need 1 or more on each side"
    ):
        split_people(faces, 0.05, 0)
    with pytest.raises(DataError, match="7 of 7 people"):
        split_people(faces, 7, 0)
    assert len(split_people(faces, 6, 0)[0].names) == 1
    assert len(split_people(faces, 3, 0, part=1)[1].names) == 3
    with pytest.raises(
        DataError, match="there is no part 2 of 3 people: toy has people for 2 parts, numbered from 0"
    ):
        split_people(faces, 3, 0, part=2)


def test_names_may_come_in_any_form() -> None:
    faces = faces_of([1, 2, 1], "abc")
    for names in (["c", "a"], ("c", "a"), np.array(["c", "a"])):
        assert take_people(faces, names).names == ("a", "c")
    mask = take_people(faces, np.array([True, False, True]), "two")
    assert (mask.names, mask.people.tolist(), mask.paths) == (("a", "c"), [0, 1], ("0-0", "2-3"))
    assert (mask.name, take_people(faces, ["b"]).name) == ("two", "toy")
    with pytest.raises(DataError, match=r"toy has no x \(2 of 3 names unknown\)"):
        take_people(faces, ["y", "a", "x"])


def test_pictures_are_taken_with_their_people() -> None:
    faces = faces_of([2, 1, 2], "abc")
    some = take_pictures(faces, np.array([False, True, False, True, True]))
    assert (some.paths, some.people.tolist(), some.names, some.name) == (
        ("0-1", "2-3", "2-4"), [0, 1, 1], ("a", "c"), "toy",
    )  # fmt: skip
    assert take_pictures(faces, np.ones(5, np.bool_), "all").name == "all"
    assert some.landmarks is None
    landmarks = np.random.default_rng(0).random((5, 5, 2))
    marked = take_pictures(replace(faces, landmarks=landmarks), np.array([False, True, False, True, True]))
    np.testing.assert_array_equal(marked.landmarks, landmarks[[1, 3, 4]])


# --- pairs ---


def test_a_subset_of_pairs_keeps_their_order_and_folds() -> None:
    faces = faces_of([2, 2, 2, 1], "abcd")
    pairs = pairs_of(faces, [(0, 1), (4, 6), (2, 3), (1, 5)])
    some = pair_subset(pairs, np.array([3, 0]))
    assert (some.name, some.faces.name) == ("pairs", "toy")
    assert some.faces.names == ("a", "c")
    sides = [[some.faces.paths[place] for place in side] for side in (some.left, some.right)]
    assert sides == [["0-1", "0-0"], ["2-5", "0-1"]]
    assert some.is_match.tolist() == [False, True]
    assert some.fold is not None
    assert some.fold.tolist() == [1, 0]
    named = pair_subset(pairs, np.array([True, False, False, False]), "one")
    assert (named.name, named.faces.name, len(named)) == ("one", "one", 1)
    without = PairSet("p", faces, pairs.left, pairs.right, pairs.is_match)
    assert pair_subset(without, np.array([0])).fold is None


def test_chains_of_pairs_link_people() -> None:
    faces = faces_of([2] * 7)
    pairs = pairs_of(faces, [(0, 2), (6, 8), (3, 7), (10, 11), (8, 12)])
    group = linked_people(pairs)
    assert group.dtype == np.int64
    assert group.shape == (7,)
    assert len({group[0], group[1], group[3], group[4], group[6]}) == 1
    assert len(set(group.tolist())) == 3


@pytest.mark.parametrize(
    ("sizes", "share", "order", "chosen"),
    [
        ([[1, 1]] * 4, 0.5, [2, 0, 1, 3], [2, 0]),
        # Taken only if that brings both numbers nearer together; an equal distance is not nearer.
        ([[2, 0], [0, 2], [2, 2], [4, 4]], 0.5, [3, 0, 1, 2], [3]),
        ([[1, 0], [1, 0], [1, 0], [1, 0]], 0.25, [3, 2, 1, 0], [3]),
        ([[2, 0], [2, 0]], 0.5, [1, 0], [1]),
        ([[1, 0], [1, 0], [1, 0]], 0.5, [2, 0, 1], [2]),
        ([[2, 2], [4, 0]], 0.5, [0, 1], [0]),
        # Every group is too large: the one that comes nearest, and of equal ones the first in the order.
        ([[10, 10], [8, 8], [9, 9]], 0.05, [0, 1, 2], [1]),
        ([[8, 8], [8, 8], [9, 9]], 0.05, [1, 0, 2], [1]),
        # All would be taken: all but the one that is missed least.
        ([[1, 1], [9, 9]], 0.95, [0, 1], [1]),
        ([[9, 9], [1, 1], [1, 1]], 0.99, [2, 1, 0], [0, 1]),
        ([[1, 1], [2, 2], [7, 7]], 0.8, [0, 1, 2], [0, 2]),
    ],
)
def test_groups_that_come_near_a_share(
    sizes: list[list[int]], share: float, order: list[int], chosen: list[int]
) -> None:
    found = _nearest_share(np.array(sizes), share, np.array(order))
    assert found.dtype == np.bool_
    assert sorted(chosen) == np.flatnonzero(found).tolist()


def test_pairs_are_held_out_by_groups_in_the_order_of_the_seed() -> None:
    faces = faces_of([2] * 12)
    genuine = [(2 * person, 2 * person + 1) for person in range(0, 12, 2)]
    pairs = pairs_of(faces, [*genuine, *[(4 * n, 4 * n + 2) for n in range(6)]])
    for seed in range(3):
        rest, held = split_pairs(pairs, 0.5, seed)
        groups = np.random.default_rng(seed).permutation(6)[:3]
        assert {name for group in groups for name in (str(2 * group), str(2 * group + 1))} == set(
            held.faces.names
        )
        assert (rest.name, held.name) == ("6 pairs of pairs", "6 held-out pairs of pairs")
        assert held.is_match.sum() == rest.is_match.sum() == 3
    rest, held = split_pairs(pairs, 0.34, 0)
    assert (rest.name, held.name) == ("8 pairs of pairs", "4 held-out pairs of pairs")


@pytest.mark.parametrize("share", [0, 1, -0.5, 2])
def test_shares_of_pairs(share: float) -> None:
    pairs = pairs_of(faces_of([2, 2]), [(0, 1), (2, 3)])
    with pytest.raises(DataError, match=f"a share of {share} of the pairs"):
        split_pairs(pairs, share, 0)
    assert len(split_pairs(pairs, 0.5, 0)[0]) == 1
    with pytest.raises(DataError, match="pairs: its 1 pairs link all 2 people"):
        split_pairs(pairs_of(faces_of([2, 2]), [(0, 2)]), 0.5, 0)


# --- drawing ---


def test_the_name_and_the_defaults_of_drawn_pairs() -> None:
    faces = faces_of([12, 12, 12])
    pairs = draw_pairs(faces, 5)
    assert pairs.name == "60 pairs drawn from toy with seed 5"
    assert pairs.faces is faces
    assert pairs.fold is None
    assert pairs.is_match.tolist() == [True] * 30 + [False] * 30
    assert np.bincount(pairs.people[:30, 0]).tolist() == [10, 10, 10]
    assert (pairs.left.base, pairs.right.base) == (None, None)  # no view that keeps both sides in memory
    assert draw_pairs(faces, 5, limit=9).name == "8 pairs drawn from toy with seed 5"
    assert len(draw_pairs(faces, 5, limit=2)) == 2
    assert len(draw_pairs(faces, 5, max_per_person=1)) == 6


def test_genuine_pairs_come_in_rounds() -> None:
    """First one pair of each person, then a second of each, as far as they have as many."""
    faces = faces_of([2, 4, 1, 3])
    people = draw_pairs(faces, 3, max_per_person=4).people
    genuine = people[: len(people) // 2, 0].tolist()
    assert set(genuine[:3]) == {0, 1, 3}
    assert set(genuine[3:5]) == set(genuine[5:7]) == {1, 3}
    assert genuine[7:] == [1]


def test_pairs_of_a_person_are_numbered_without_gap_or_repeat() -> None:
    own = np.arange(100, 107)
    found = drawing._genuine([own], 21, np.random.default_rng(0))
    assert {frozenset(pair) for pair in found.tolist()} == {
        frozenset((one, other)) for one in own.tolist() for other in own.tolist() if one != other
    }
    assert found.shape == (21, 2)


@pytest.mark.parametrize("people", [2, 3, 6, 7])
def test_a_tournament_lets_everybody_meet_everybody_once(people: int) -> None:
    meetings = list(drawing._tournament(people, np.random.default_rng(1)))
    assert len(meetings) == people * (people - 1) // 2
    assert len({frozenset(meeting[1:]) for meeting in meetings}) == len(meetings)
    assert [turn for turn, _, _ in meetings] == sorted(turn for turn, _, _ in meetings)
    rounds = people - 1 + people % 2
    for turn in range(rounds):
        playing = [person for meeting in meetings if meeting[0] == turn for person in meeting[1:]]
        assert len(playing) == len(set(playing)) == people - people % 2


def test_impostor_pairs_use_pictures_evenly_and_none_twice() -> None:
    faces = faces_of([3, 2, 4, 1])
    pictures = drawing._pictures_by_person(faces, np.random.default_rng(0))
    assert [sorted(own.tolist()) for own in pictures] == [[0, 1, 2], [3, 4], [5, 6, 7, 8], [9]]
    assert any(own.tolist() != sorted(own.tolist()) for own in pictures)
    many = faces_of([20, 1, 30])
    shuffled = np.random.default_rng(4).permutation(51).tolist()
    assert [own.tolist() for own in drawing._pictures_by_person(many, np.random.default_rng(4))] == [
        [place for place in shuffled if many.people[place] == person] for person in range(3)
    ]
    every = 3 * 2 + 3 * 4 + 3 + 2 * 4 + 2 + 4
    for wanted in (1, 6, 7, every):
        found = drawing._impostors(pictures, wanted, np.random.default_rng(2))
        assert found.shape == (wanted, 2)
        assert found.dtype == np.int64
        assert len({frozenset(pair) for pair in found.tolist()}) == wanted
        assert all(faces.people[one] != faces.people[other] for one, other in found.tolist())
    # Of six people with two pictures each, who meet in five rounds, each picture is in two or three pairs.
    six = drawing._pictures_by_person(faces_of([2] * 6), np.random.default_rng(0))
    uses = np.bincount(drawing._impostors(six, 15, np.random.default_rng(2)).ravel(), minlength=12)
    assert set(uses.tolist()) == {2, 3}


def test_refused_draws_say_why() -> None:
    with pytest.raises(DataError, match="max_per_person 0, limit None: need 1 or more and 2 or more"):
        draw_pairs(faces_of([2, 2]), 0, max_per_person=0)
    with pytest.raises(DataError, match="max_per_person 10, limit 1"):
        draw_pairs(faces_of([2, 2]), 0, limit=1)
    with pytest.raises(DataError, match="toy: 2 people, 0 with two or more pictures: need 2 people"):
        draw_pairs(faces_of([1, 1]), 0)
    with pytest.raises(DataError, match="toy: 1 people, 1 with two"):
        draw_pairs(faces_of([3]), 0)
    assert len(draw_pairs(faces_of([2, 1]), 0)) == 2
