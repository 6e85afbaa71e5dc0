"""Splits and drawn pairs: nobody on two sides, nothing lost, the same again for the same seed."""

import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twinface.core.errors import DataError
from twinface.core.types import FaceSet, PairSet, Region
from twinface.datasets.draw_pairs import draw_pairs, draw_pairs_in_groups
from twinface.datasets.load import load_dataset
from twinface.datasets.splits import deal_people, linked_people, split_in_parts, split_pairs, split_people
from twinface.datasets.subsets import pair_subset, take_people

SEEDS = st.integers(0, 2**32)
COUNTS = st.lists(st.integers(1, 6), min_size=2, max_size=12)


def faces_of(counts: list[int]) -> FaceSet:
    people = np.repeat(np.arange(len(counts)), counts)
    paths = tuple(f"p{person}/{number}.jpg" for number, person in enumerate(people))
    names = tuple(f"p{person}" for person in range(len(counts)))
    return FaceSet("toy", Path("root"), paths, people, names, Region(0.1, 0.1, 0.5, 0.5))


@st.composite
def pair_sets(draw: st.DrawFn) -> PairSet:
    faces = faces_of(draw(COUNTS))
    picture = st.integers(0, len(faces) - 1)
    sides = draw(
        st.lists(st.tuples(picture, picture).filter(lambda pair: pair[0] != pair[1]), min_size=1, max_size=40)
    )
    left, right = np.array(sides, dtype=np.int64).T
    fold = np.arange(len(left)) % 3 if draw(st.booleans()) else None
    return PairSet("toy pairs", faces, left, right, faces.people[left] == faces.people[right], fold)


def rows(pairs: PairSet) -> list[tuple[str, str, str, str, bool, int | None]]:
    """Everything that a pair says, without indices."""
    faces = pairs.faces
    found = []
    for row in range(len(pairs)):
        left, right = int(pairs.left[row]), int(pairs.right[row])
        names = faces.names[faces.people[left]], faces.names[faces.people[right]]
        fold = None if pairs.fold is None else int(pairs.fold[row])
        found.append((faces.paths[left], faces.paths[right], *names, bool(pairs.is_match[row]), fold))
    return found


def check_faces(faces: FaceSet) -> None:
    assert len(faces.paths) == len(faces.people) == len(set(faces.paths))
    assert len(set(faces.names)) == len(faces.names)
    assert sorted(set(faces.people.tolist())) == list(range(len(faces.names)))
    assert faces.people.dtype == np.int64
    for path, person in zip(faces.paths, faces.people, strict=True):
        assert path.startswith(f"{faces.names[person]}/")


# --- people ---


@given(counts=COUNTS, seed=SEEDS, data=st.data())
def test_people_are_split_without_loss(counts: list[int], seed: int, data: st.DataObject) -> None:
    faces = faces_of(counts)
    held_out = data.draw(st.integers(1, len(counts) - 1))
    rest, held = split_people(faces, held_out, seed)
    check_faces(rest)
    check_faces(held)
    assert len(held.names) == held_out
    assert not set(rest.names) & set(held.names)
    assert sorted(rest.paths + held.paths) == sorted(faces.paths)
    assert rest.region == held.region == faces.region
    again = split_people(faces, held_out, seed)
    assert again[1].paths == held.paths


def test_who_is_held_out_depends_on_names_and_seed_alone() -> None:
    few, many = faces_of([1] * 30), faces_of([3] * 30)
    backwards = FaceSet(
        "toy", few.root, few.paths[::-1], np.arange(30), tuple(reversed(few.names)), few.region
    )
    held = set(split_people(few, 7, seed=1)[1].names)
    assert set(split_people(many, 7, seed=1)[1].names) == held
    assert set(split_people(backwards, 7, seed=1)[1].names) == held
    assert set(split_people(few, 7, seed=2)[1].names) != held


def test_a_share_is_of_people() -> None:
    rest, held = split_people(faces_of([2] * 20), 0.25, seed=0)
    assert (len(rest.names), len(held.names)) == (15, 5)


@pytest.mark.parametrize("held_out", [0, 4, 5, -1, 0.0, 1.0])
def test_both_sides_need_somebody(held_out: float) -> None:
    with pytest.raises(DataError, match="of 4 people cannot be held out of toy"):
        split_people(faces_of([1, 1, 1, 1]), held_out, seed=0)


def test_parts_hold_out_everybody_once() -> None:
    faces = faces_of([2] * 20)
    parts = [set(split_people(faces, 6, seed=4, part=part)[1].names) for part in range(3)]
    assert all(len(part) == 6 for part in parts)
    assert len(set.union(*parts)) == 18
    with pytest.raises(DataError, match=r"there is no part 3 of 6 people: .* has people for 3 parts"):
        split_people(faces, 6, seed=4, part=3)


def test_people_are_taken_by_mask_or_by_name() -> None:
    faces = faces_of([2, 1, 3])
    by_mask = take_people(faces, np.array([True, False, True]), "two of them")
    by_name = take_people(faces, ["p2", "p0"])
    assert by_mask.paths == by_name.paths == tuple(p for p in faces.paths if not p.startswith("p1/"))
    assert by_mask.names == ("p0", "p2")
    assert by_mask.people.tolist() == [0, 0, 1, 1, 1]
    assert (by_mask.name, by_name.name) == ("two of them", "toy")
    with pytest.raises(DataError, match="toy has no Eve"):
        take_people(faces, ["p0", "Eve"])
    with pytest.raises(DataError, match="nobody of the 3 people"):
        take_people(faces, [])
    with pytest.raises(ValueError, match=r"shape \(2,\), need \(3,\)"):
        take_people(faces, np.array([True, False]))


# --- pairs ---


@given(pairs=pair_sets(), data=st.data())
def test_a_subset_says_the_same_of_each_pair(pairs: PairSet, data: st.DataObject) -> None:
    chosen = np.array(data.draw(st.lists(st.integers(0, len(pairs) - 1), unique=True, min_size=1)))
    subset = pair_subset(pairs, chosen, "some")
    whole = rows(pairs)
    assert rows(subset) == [whole[row] for row in chosen]
    check_faces(subset.faces)
    assert set(subset.faces.paths) == {path for row in rows(subset) for path in row[:2]}
    mask = np.zeros(len(pairs), dtype=bool)
    mask[chosen] = True
    assert rows(pair_subset(pairs, mask)) == [whole[row] for row in sorted(chosen)]


@given(pairs=pair_sets())
def test_linked_people_are_what_a_plain_search_finds(pairs: PairSet) -> None:
    group = linked_people(pairs)
    reached = {person: {person} for person in range(len(pairs.faces.names))}
    for _ in reached:
        for left, right in pairs.people.tolist():
            both = reached[left] | reached[right]
            for person in both:
                reached[person] = both | reached[person]
    for one, other in itertools.product(reached, repeat=2):
        assert (group[one] == group[other]) == (other in reached[one])
    assert sorted(set(group.tolist())) == list(range(group.max() + 1))


@given(pairs=pair_sets(), held_out=st.floats(0.05, 0.95), seed=SEEDS)
def test_pairs_are_split_without_loss_and_without_common_people(
    pairs: PairSet, held_out: float, seed: int
) -> None:
    if len(set(linked_people(pairs)[pairs.people].ravel().tolist())) < 2:
        with pytest.raises(DataError, match="so none can be held out"):
            split_pairs(pairs, held_out, seed)
        return
    rest, held = split_pairs(pairs, held_out, seed)
    assert len(rest) > 0
    assert len(held) > 0
    assert not set(rest.faces.names) & set(held.faces.names)
    assert sorted(map(repr, rows(rest) + rows(held))) == sorted(map(repr, rows(pairs)))
    assert rows(split_pairs(pairs, held_out, seed)[1]) == rows(held)
    check_faces(rest.faces)
    check_faces(held.faces)


def test_the_share_is_met_in_both_kinds() -> None:
    counts = [2] * 90
    left = np.concatenate([np.arange(0, 60, 2), np.arange(60, 180, 4)])
    right = np.concatenate([np.arange(1, 61, 2), np.arange(62, 182, 4)])
    faces = faces_of(counts)
    pairs = PairSet("toy", faces, left, right, faces.people[left] == faces.people[right])
    assert pairs.is_match.sum() == 30
    for seed in range(5):
        _, held = split_pairs(pairs, 0.2, seed)
        assert (len(held), held.is_match.sum()) == (12, 6)
    assert rows(split_pairs(pairs, 0.2, 0)[1]) != rows(split_pairs(pairs, 0.2, 1)[1])


@pytest.mark.parametrize("share", [0.0, 1.0, -0.1, 1.5, float("nan")])
def test_a_share_of_pairs_lies_between_none_and_all(share: float) -> None:
    faces = faces_of([2, 2])
    pairs = PairSet("toy", faces, np.array([0, 2]), np.array([1, 3]), np.array([True, True]))
    with pytest.raises(DataError, match="need one between 0 and 1"):
        split_pairs(pairs, share, 0)
    assert [len(side) for side in split_pairs(pairs, 0.01, 0)] == [1, 1], "too large is better than none"
    assert [len(side) for side in split_pairs(pairs, 0.99, 0)] == [1, 1]


# --- drawing ---


def check_drawn(pairs: PairSet, faces: FaceSet, max_per_person: int, limit: int | None) -> None:
    """A plain loop over everything that is promised."""
    seen = set()
    genuine_of = [0] * len(faces.names)
    for left, right, is_match in zip(
        pairs.left.tolist(), pairs.right.tolist(), pairs.is_match.tolist(), strict=True
    ):
        assert left != right
        assert is_match == (faces.people[left] == faces.people[right])
        assert frozenset((left, right)) not in seen
        seen.add(frozenset((left, right)))
        genuine_of[faces.people[left]] += is_match
    assert max(genuine_of) <= max_per_person
    assert pairs.is_match.sum() * 2 == len(pairs)
    assert limit is None or len(pairs) <= limit
    assert pairs.left.dtype == pairs.right.dtype == np.int64


def possible(faces: FaceSet) -> tuple[list[int], int]:
    """Genuine pairs of each person, and impostor pairs, by counting them all."""
    genuine, impostors = [0] * len(faces.names), 0
    for left, right in itertools.combinations(faces.people.tolist(), 2):
        if left == right:
            genuine[left] += 1
        else:
            impostors += 1
    return genuine, impostors


@given(counts=COUNTS, seed=SEEDS, max_per_person=st.integers(1, 20), limit=st.none() | st.integers(2, 60))
def test_drawn_pairs_keep_every_promise(
    counts: list[int], seed: int, max_per_person: int, limit: int | None
) -> None:
    faces = faces_of(counts)
    genuine, impostors = possible(faces)
    if not any(genuine):
        with pytest.raises(DataError, match="0 with two or more pictures"):
            draw_pairs(faces, seed, max_per_person, limit)
        return
    pairs = draw_pairs(faces, seed, max_per_person, limit)
    check_drawn(pairs, faces, max_per_person, limit)
    of_each = min(sum(min(own, max_per_person) for own in genuine), impostors)
    assert len(pairs) == 2 * min(of_each, of_each if limit is None else limit // 2)
    again = draw_pairs(faces, seed, max_per_person, limit)
    assert np.array_equal(again.left, pairs.left)
    assert np.array_equal(again.right, pairs.right)


@settings(max_examples=30)
@given(people=st.integers(3, 40), seed=SEEDS)
def test_people_occur_evenly_in_impostor_pairs(people: int, seed: int) -> None:
    faces = faces_of([4] * people)
    pairs = draw_pairs(faces, seed, max_per_person=min(6, (people - 1) // 2))
    uses = np.bincount(pairs.people[~pairs.is_match].ravel(), minlength=people)
    assert uses.max() - uses.min() <= 2


def test_a_limit_takes_pairs_from_everybody_alike() -> None:
    faces = faces_of([100] + [5] * 9)
    pairs = draw_pairs(faces, seed=0, max_per_person=10, limit=60)
    assert np.bincount(pairs.people[pairs.is_match][:, 0]).tolist() == [3] * 10


def test_other_seeds_draw_other_pairs() -> None:
    faces = faces_of([5] * 10)
    assert rows(draw_pairs(faces, 0)) != rows(draw_pairs(faces, 1))


def test_every_possible_pair_can_be_drawn() -> None:
    faces = faces_of([4, 2, 1])
    pairs = draw_pairs(faces, seed=0, max_per_person=100)
    assert len(pairs) == 14
    check_drawn(pairs, faces, 100, None)


def test_impossible_draws_are_refused() -> None:
    with pytest.raises(DataError, match="1 people, 1 with two"):
        draw_pairs(faces_of([5]), seed=0)
    with pytest.raises(DataError, match="max_per_person 0"):
        draw_pairs(faces_of([2, 2]), seed=0, max_per_person=0)
    with pytest.raises(DataError, match="limit 1"):
        draw_pairs(faces_of([2, 2]), seed=0, limit=1)


def test_people_with_several_pictures_are_dealt_first() -> None:
    several = np.arange(11) % 3 == 0
    group = deal_people(several, 4, seed=5)
    assert sorted(group[several].tolist()) == [0, 1, 2, 3]
    assert np.bincount(group).tolist() == [3, 3, 3, 2]
    assert group.tolist() != deal_people(several, 4, seed=6).tolist()


@given(COUNTS, SEEDS, st.data())
def test_people_with_several_pictures_are_held_out_evenly(
    counts: list[int], seed: int, data: st.DataObject
) -> None:
    faces = faces_of(counts)
    wanted = data.draw(st.integers(1, len(counts) - 1))
    several = sum(count > 1 for count in counts)
    seen: set[str] = set()
    for part in range(len(counts) // wanted):
        try:
            rest, held = split_people(faces, wanted, seed, part, stratified=True)
        except DataError:
            assert part, "there is a first part"
            assert several * wanted < 2 * len(counts), (
                "each part has two of them, which are more than its share"
            )
            break
        check_faces(held)
        check_faces(rest)
        assert (len(held.names), len(rest.names)) == (wanted, len(counts) - wanted)
        assert not seen & set(held.names)
        seen |= set(held.names)
        own = int((np.bincount(held.people) > 1).sum())
        wished = max(several * wanted / len(counts), min(2, several // 2, wanted))
        assert abs(own - wished) <= 1 if part else own == round(wished)


@given(st.integers(2, 30), SEEDS)
def test_where_everybody_has_several_pictures_the_split_is_as_before(people: int, seed: int) -> None:
    faces = faces_of([2] * people)
    for part in range(3):
        if (part + 1) * (people // 3 or 1) <= people > 1:
            plain, even = (split_people(faces, people // 3 or 1, seed, part, even) for even in (False, True))
            assert [group.names for group in plain] == [group.names for group in even]


def test_parts_hold_out_everybody_once_and_people_with_several_pictures_evenly() -> None:
    faces = faces_of([1] * 24 + [3] * 6 + [1] * 2)
    parts = split_in_parts(faces, 3, seed=1)
    held = [set(test.names) for _, test in parts]
    assert sorted(name for names in held for name in names) == sorted(faces.names)
    assert [len(names) for names in held] == [10, 11, 11]
    for rest, test in parts:
        assert set(rest.names) == set(faces.names) - set(test.names)
        assert int((np.bincount(test.people) > 1).sum()) == 2
    assert [set(split_people(faces_of([2] * 9), 3, 1, part)[1].names) for part in range(3)] == [
        set(test.names) for _, test in split_in_parts(faces_of([2] * 9), 3, seed=1)
    ]
    sizes = [len(test.names) for _, test in split_in_parts(faces_of([2] * 5 + [1] * 5), 3, seed=1)]
    assert sorted(sizes) == [3, 3, 4]


def test_each_group_has_pairs_whatever_the_limit() -> None:
    faces = faces_of([2] * 20)
    assert [len(draw_pairs_in_groups(faces, 5, 0, limit=limit)) for limit in (2, 6, 10, 20)] == [
        10,
        10,
        10,
        20,
    ]


# --- the real thing ---


def test_dev_train_pairs_split_to_the_pair(real_lfw: Path) -> None:
    pairs = load_dataset("lfw", real_lfw, "lfw-a").training_pairs()
    assert pairs is not None
    sizes = np.bincount(linked_people(pairs))
    assert (len(sizes), sizes.max()) == (1_032, 18)
    for share, seed in itertools.product((0.1, 0.2, 0.3), range(3)):
        rest, held = split_pairs(pairs, share, seed)
        assert len(rest) + len(held) == 2_200
        assert not set(rest.faces.names) & set(held.faces.names)
        assert not set(rest.faces.paths) & set(held.faces.paths)
        matches = int(held.is_match.sum())
        assert abs(matches - share * 1_100) <= 10
        assert abs(len(held) - matches - share * 1_100) <= 10


def test_pairs_of_held_out_dev_train_people(real_lfw: Path) -> None:
    faces = load_dataset("lfw", real_lfw, "lfw-a").training_faces()
    _, held = split_people(faces, 500, seed=0)
    pairs = draw_pairs(held, seed=0)
    check_drawn(pairs, held, 10, None)
    assert len(pairs) > 400
