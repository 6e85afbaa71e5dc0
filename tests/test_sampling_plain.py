"""Samplers against plain loops over the same random numbers: which pictures, in which order, in which batch."""

from pathlib import Path

import numpy as np
import pytest

from twinface.core.errors import DataError
from twinface.core.seeding import random_at
from twinface.core.types import FaceSet, PairSet, TrainingSource
from twinface.training.sampling import DrawnPairs, GivenPairs, Images, PeopleImages
from twinface.training.sampling.batch import Batch, batch_of_images, batch_of_pairs, images_by_person

# Not sorted by person, and one person (number 3) with a single picture.
PEOPLE = np.array([2, 0, 1, 0, 2, 2, 3, 1, 0, 2])
FACES = FaceSet("some", Path(), tuple(f"{n}.png" for n in range(10)), PEOPLE, tuple("abcd"))
LEFT, RIGHT = np.array([0, 1, 2, 6, 4, 3, 9]), np.array([4, 3, 7, 0, 1, 8, 6])
PAIRS = PairSet("pairs", FACES, LEFT, RIGHT, PEOPLE[LEFT] == PEOPLE[RIGHT])
SOURCE = TrainingSource(FACES, PAIRS)
SEED, EPOCH = 4, 2


def sides(batches: list[Batch]) -> list[tuple[int, int, bool]]:
    """Left picture, right picture and label of each pair, in order."""
    return [
        (int(batch.images[left]), int(batch.images[right]), bool(match))
        for batch in batches
        for left, right, match in zip(batch.left, batch.right, batch.is_match, strict=True)
    ]


def test_a_batch_of_pairs_holds_left_sides_then_right_sides() -> None:
    batch = batch_of_pairs(FACES, LEFT[:3], RIGHT[:3], PAIRS.is_match[:3])
    assert batch.images.tolist() == [0, 1, 2, 4, 3, 7]
    assert batch.people.tolist() == [2, 0, 1, 2, 0, 1]
    assert (batch.left.tolist(), batch.right.tolist()) == ([0, 1, 2], [3, 4, 5])
    assert batch.is_match.tolist() == [True] * 3
    assert batch.look_alike is None


def test_a_batch_of_pictures_has_no_pairs() -> None:
    batch = batch_of_images(FACES, np.array([9, 6]))
    assert (batch.images.tolist(), batch.people.tolist()) == ([9, 6], [2, 3])
    assert (len(batch.left), len(batch.right), len(batch.is_match)) == (0, 0, 0)
    assert (batch.left.dtype, batch.right.dtype, batch.is_match.dtype) == (np.int64, np.int64, np.bool_)


def test_pictures_of_each_person() -> None:
    assert [rows.tolist() for rows in images_by_person(FACES)] == [[1, 3, 8], [2, 7], [0, 4, 5, 9], [6]]


@pytest.mark.parametrize("batch_size", [1, 3, 7, 50])
def test_given_pairs_in_a_new_order_with_sides_swapped_at_random(batch_size: int) -> None:
    sampler = GivenPairs(SOURCE, batch_size=batch_size)
    random = random_at(SEED, "order", EPOCH)
    order, draws = random.permutation(7).tolist(), random.random(7)
    expected = []
    for place, row in enumerate(order):
        pair = (int(LEFT[row]), int(RIGHT[row]))
        expected.append((*(pair[::-1] if draws[place] < 0.5 else pair), bool(PAIRS.is_match[row])))
    batches = sampler(SEED, EPOCH)
    assert sides(batches) == expected
    assert [len(batch.left) for batch in batches[:-1]] == [batch_size] * (len(batches) - 1)
    assert 1 <= len(batches[-1].left) <= batch_size
    assert sampler.people == 4


def test_drawn_pairs_genuine_and_impostor_in_turn() -> None:
    sampler = DrawnPairs(SOURCE, batch_size=4, pairs=10)
    random, expected = random_at(SEED, "order", EPOCH), []
    people = [np.flatnonzero(np.equal(PEOPLE, person)) for person in range(4)]
    several = people[:3]
    for number in range(10):
        if number % 2 == 0:
            own = several[random.integers(len(several))]
            expected.append((*random.choice(own, 2, replace=False).tolist(), True))
        else:
            one, other = random.choice(len(people), 2, replace=False)
            expected.append((int(random.choice(people[one])), int(random.choice(people[other])), False))
    batches = sampler(SEED, EPOCH)
    assert sides(batches) == expected
    assert [len(batch.left) for batch in batches] == [4, 4, 2]
    assert sampler.people == 4


def test_sizes_unless_others_are_asked_for() -> None:
    many = FaceSet("m", Path(), tuple(map(str, range(400))), np.arange(400) // 4, tuple(map(str, range(100))))
    pairs = PairSet("p", many, np.arange(0, 400, 4), np.arange(1, 400, 4), np.ones(100, np.bool_))
    source = TrainingSource(many, pairs)
    assert [len(batch.left) for batch in GivenPairs(source)(0, 0)] == [32, 32, 32, 4]
    assert [len(batch.left) for batch in DrawnPairs(source)(0, 0)] == [32] * 62 + [16]
    assert [len(batch.images) for batch in Images(source)(0, 0)] == [128] * 3
    assert all(batch.look_alike is None for batch in Images(source)(0, 0))
    assert [len(set(batch.people.tolist())) for batch in PeopleImages(source)(0, 0)] == [32] * 3
    assert {len(batch.images) for batch in PeopleImages(source)(0, 0)} == {32 * 4}


@pytest.mark.parametrize(("names", "counts"), [(1, [5]), (2, [1, 1])])
def test_drawn_pairs_need_two_people_and_two_pictures(names: int, counts: list[int]) -> None:
    people = np.repeat(np.arange(len(counts)), counts)
    faces = FaceSet("few", Path(), tuple(map(str, people)), people, tuple("ab"[:names]))
    with pytest.raises(
        DataError, match=f"few: found {names} people, {sum(n > 1 for n in counts)} of them with two"
    ):
        DrawnPairs(TrainingSource(faces))
    enough = FaceSet("few", Path(), ("1", "2", "3"), np.array([0, 0, 1]), ("a", "b"))
    assert len(DrawnPairs(TrainingSource(enough), pairs=2)(0, 0)) == 1


@pytest.mark.parametrize(
    ("repeats", "look_alikes", "batch_size"), [(1, 1, 4), (3, 1, 7), (2, 3, 8), (1, 1, 99)]
)
def test_pictures_in_a_new_order(repeats: int, look_alikes: int, batch_size: int) -> None:
    sampler = Images(SOURCE, batch_size=batch_size, repeats=repeats, look_alikes=look_alikes)
    random, count = random_at(SEED, "order", EPOCH), 10 * look_alikes
    order = [row for _ in range(repeats) for row in random.permutation(count).tolist()]
    size = min(batch_size, count)
    batches = sampler(SEED, EPOCH)
    assert len(batches) == len(order) // size
    assert {len(batch.images) for batch in batches} == {size}
    drawn = [row for batch in batches for row in batch.images.tolist()]
    assert drawn == [row % 10 for row in order][: len(drawn)]
    people = [person for batch in batches for person in batch.people.tolist()]
    assert people == [int(PEOPLE[row % 10]) + 4 * (row // 10) for row in order][: len(people)]
    if look_alikes > 1:
        numbers = [number for batch in batches for number in batch.look_alike.tolist()]
        assert numbers == [row // 10 for row in order][: len(numbers)]
    else:
        assert all(batch.look_alike is None for batch in batches)
    assert sampler.people == 4 * look_alikes


@pytest.mark.parametrize(("people", "images"), [(2, 2), (2, 5), (3, 3), (9, 2)])
def test_people_with_their_pictures(people: int, images: int) -> None:
    """Whoever has fewer pictures than asked for is shown all of them again, and the rest by draw."""
    sampler = PeopleImages(SOURCE, people=people, images=images)
    several = [np.flatnonzero(np.equal(PEOPLE, person)) for person in (0, 1, 2)]
    random, expected = random_at(SEED, "order", EPOCH), []
    order, size = random.permutation(3).tolist(), min(people, 3)
    for start in range(0, 3 - size + 1, size):
        batch: list[int] = []
        for place in order[start : start + size]:
            own = several[place]
            batch += own.tolist() * (images // len(own))
            batch += random.choice(own, images % len(own), replace=False).tolist()
        expected.append(batch)
    assert [batch.images.tolist() for batch in sampler(SEED, EPOCH)] == expected
    assert sampler.people == 4


def test_two_people_with_two_pictures_are_enough() -> None:
    def faces(people: list[int]) -> TrainingSource:
        return TrainingSource(FaceSet("few", Path(), tuple(map(str, people)), np.array(people), ("a", "b")))

    assert len(PeopleImages(faces([0, 0, 1, 1]), people=2, images=2)(0, 0)) == 1
    with pytest.raises(DataError, match="few: found 1 people with two pictures; need two or more"):
        PeopleImages(faces([0, 0, 1]))
