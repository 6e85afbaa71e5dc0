"""Samplers: pure functions of (seed, epoch), and every picture or pair as often as promised."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinface.core.errors import DataError
from twinface.core.types import FaceSet, PairSet, TrainingSource
from twinface.training.sampling import SAMPLERS, DrawnPairs, GivenPairs, Images, PeopleImages


def source(counts: list[int]) -> TrainingSource:
    people = np.repeat(np.arange(len(counts)), counts)
    paths = tuple(f"{person}/{row}.png" for row, person in enumerate(people))
    faces = FaceSet("some", Path(), paths, people, tuple(f"p{n}" for n in range(len(counts))))
    random = np.random.default_rng(0)
    left, right = random.integers(0, len(people), (2, 50))
    return TrainingSource(faces, PairSet("pairs", faces, left, right, people[left] == people[right]))


MANY = source([1, 5, 2, 9, 3, 4, 2, 1, 6, 7])


@pytest.mark.parametrize("name", sorted(SAMPLERS))
def test_pure_and_new_each_epoch(name: str) -> None:
    sampler, again = SAMPLERS[name](MANY), SAMPLERS[name](MANY)

    def drawn(batches):
        return [batch.images.tolist() for batch in batches]

    assert drawn(sampler(3, 1)) == drawn(again(3, 1))
    assert drawn(sampler(3, 1)) != drawn(sampler(3, 2))
    assert drawn(sampler(3, 1)) != drawn(sampler(4, 1))


@pytest.mark.parametrize("name", sorted(SAMPLERS))
def test_labels_are_true(name: str) -> None:
    for batch in SAMPLERS[name](MANY)(0, 0):
        assert np.array_equal(batch.people, MANY.faces.people[batch.images])
        same = batch.people[batch.left] == batch.people[batch.right]
        assert np.array_equal(same, batch.is_match)


@given(st.integers(1, 60))
def test_given_pairs_come_once_each(batch_size: int) -> None:
    batches = GivenPairs(MANY, batch_size=batch_size)(0, 0)
    seen = Counter(
        frozenset((int(batch.images[i]), int(batch.images[j])))
        for batch in batches
        for i, j in zip(batch.left, batch.right, strict=True)
    )
    wanted = Counter(
        frozenset(pair) for pair in zip(MANY.pairs.left.tolist(), MANY.pairs.right.tolist(), strict=True)
    )
    assert seen == wanted
    assert all(len(batch.left) == batch_size for batch in batches[:-1])


def test_drawn_pairs_are_half_genuine_and_never_a_picture_with_itself() -> None:
    batches = DrawnPairs(MANY, batch_size=20, pairs=200)(0, 0)
    assert sum(len(batch.left) for batch in batches) == 200
    for batch in batches:
        assert batch.is_match.mean() == 0.5
        assert (batch.images[batch.left] != batch.images[batch.right]).all()


def test_images_come_once_each() -> None:
    batches = Images(MANY, batch_size=8, repeats=2)(0, 0)
    seen = Counter(np.concatenate([batch.images for batch in batches]).tolist())
    assert max(seen.values()) <= 2
    assert sum(seen.values()) == 80
    assert {len(batch.images) for batch in batches} == {8}


def test_fewer_images_than_a_batch_make_one_batch() -> None:
    assert len(Images(MANY, batch_size=1000)(0, 0)) == 1


def test_people_images_draws_everyone_with_two_once() -> None:
    batches = PeopleImages(MANY, people=4, images=3)(0, 0)
    for batch in batches:
        assert Counter(Counter(batch.people.tolist()).values()) == {3: 4}
        for person in set(batch.people.tolist()):
            own = Counter(batch.images[batch.people == person].tolist())
            assert max(own.values()) - min(own.values()) <= 1 or len(own) < 3
    people = [person for batch in batches for person in set(batch.people.tolist())]
    assert len(people) == len(set(people))
    assert not {0, 7} & set(people)  # they have one picture each


@pytest.mark.parametrize(
    ("sampler", "counts"), [(DrawnPairs, [1, 1, 1]), (DrawnPairs, [5]), (PeopleImages, [1, 3])]
)
def test_too_few_people_are_refused(sampler, counts: list[int]) -> None:
    with pytest.raises(DataError, match="need"):
        sampler(source(counts))


def test_given_pairs_need_pairs() -> None:
    with pytest.raises(DataError, match="no labelled training pairs"):
        GivenPairs(TrainingSource(MANY.faces))


def test_look_alikes_are_people_of_their_own() -> None:
    sampler = Images(MANY, batch_size=8, look_alikes=3)
    batches = sampler(0, 0)
    assert sampler.people == 30
    seen = Counter()
    for batch in batches:
        person, picture = batch.people % 10, batch.images
        assert np.array_equal(person, MANY.faces.people[picture])
        assert np.array_equal(batch.people // 10, batch.look_alike)
        seen.update(zip(picture.tolist(), batch.look_alike.tolist(), strict=True))
    assert max(seen.values()) == 1
    assert len(seen) == 3 * 40
