"""Which pictures make a batch: a pure function of (seed, epoch).

Every sampler is built from a `TrainingSource` and gives, for an epoch, all of its batches at once. A
new way to sample is one class and one line in `SAMPLERS`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated, Protocol

import numpy as np
from pydantic import Field

from twinface.core.errors import DataError
from twinface.core.fields import PositiveInt
from twinface.core.seeding import random_at
from twinface.core.types import BoolArray, FaceSet, IntArray, TrainingSource

AtLeastTwo = Annotated[int, Field(ge=2)]


@dataclass(frozen=True, eq=False)
class Batch:
    """N pictures, and P labelled pairs among them (P may be 0).

    Attributes:
        images: [N] rows of the prepared faces.
        people: [N] index of the person on each picture.
        left, right: [P] positions in this batch.
        is_match: [P] bool.
        look_alike: [N] numbers for `augment.look_alike_map`, or None where people are shown as they are.
    """

    images: IntArray
    people: IntArray
    left: IntArray
    right: IntArray
    is_match: BoolArray
    look_alike: IntArray | None = None


class Sampler(Protocol):
    """Draws the batches of an epoch.

    Attributes:
        people: how many different people its batches tell apart.
    """

    people: int

    def __call__(self, seed: int, epoch: int) -> list[Batch]:
        """All batches of this epoch, in order; equal arguments give equal batches."""
        ...


def _batch_of_pairs(faces: FaceSet, left: IntArray, right: IntArray, is_match: BoolArray) -> Batch:
    images = np.concatenate([left, right])
    count = len(left)
    positions = np.arange(count)
    return Batch(images, faces.people[images], positions, positions + count, is_match)


def _batch_of_images(faces: FaceSet, images: IntArray) -> Batch:
    none = np.zeros(0, np.int64)
    return Batch(images, faces.people[images], none, none, np.zeros(0, np.bool_))


class GivenPairs:
    """Each labelled pair once an epoch, in a new order: what the image-restricted protocol allows."""

    def __init__(self, source: TrainingSource, *, batch_size: PositiveInt = 32) -> None:
        if source.pairs is None:
            raise DataError(f"{source.faces.name} has no labelled training pairs; sample people instead")
        self.pairs, self.batch_size, self.people = source.pairs, batch_size, len(source.pairs.faces.names)

    def __call__(self, seed: int, epoch: int) -> list[Batch]:
        """Shuffled pairs; the two pictures of a pair change sides at random."""
        random = random_at(seed, "order", epoch)
        order = random.permutation(len(self.pairs))
        swap = random.random(len(order)) < 0.5
        left = np.where(swap, self.pairs.right[order], self.pairs.left[order])
        right = np.where(swap, self.pairs.left[order], self.pairs.right[order])
        is_match = self.pairs.is_match[order]
        cuts = range(0, len(order), self.batch_size)
        return [
            _batch_of_pairs(self.pairs.faces, left[i:j], right[i:j], is_match[i:j])
            for i in cuts
            for j in [i + self.batch_size]
        ]


class DrawnPairs:
    """New pairs every epoch, half of each batch genuine: people and then pictures drawn evenly."""

    def __init__(
        self, source: TrainingSource, *, batch_size: AtLeastTwo = 32, pairs: AtLeastTwo = 2000
    ) -> None:
        self.faces, self.batch_size, self.count = source.faces, batch_size, pairs
        self.people = len(source.faces.names)
        self.of_person = _images_by_person(source.faces)
        self.with_two = [images for images in self.of_person if len(images) > 1]
        if not self.with_two or len(self.of_person) < 2:
            raise DataError(
                f"{source.faces.name}: found {len(self.of_person)} people, {len(self.with_two)} of them with two "
                "pictures; need at least two people, and one with two pictures, to draw pairs"
            )

    def __call__(self, seed: int, epoch: int) -> list[Batch]:
        """Alternating genuine and impostor pairs."""
        random = random_at(seed, "order", epoch)
        pairs = np.empty((self.count, 2), np.int64)
        is_match = np.arange(self.count) % 2 == 0
        for row, genuine in enumerate(is_match):
            if genuine:
                images = self.with_two[random.integers(len(self.with_two))]
                pairs[row] = random.choice(images, 2, replace=False)
            else:
                one, other = random.choice(len(self.of_person), 2, replace=False)
                pairs[row] = random.choice(self.of_person[one]), random.choice(self.of_person[other])
        return [
            _batch_of_pairs(self.faces, pairs[i:j, 0], pairs[i:j, 1], is_match[i:j])
            for i in range(0, self.count, self.batch_size)
            for j in [i + self.batch_size]
        ]


class Images:
    """Each picture once an epoch, for losses that sort pictures by person.

    A last batch that is not full is left out: the order is new each epoch, so no picture misses twice for long.

    Args:
        source: the faces.
        batch_size: pictures in a batch.
        repeats: how often an epoch goes through all of them.
        look_alikes: as how many people each person is shown: themselves, and others with the same pictures under a warp
            of their own (`augment.look_alike_map`). Where people are few, a network that has to tell these apart as
            well looks at the face more closely.
    """

    def __init__(
        self,
        source: TrainingSource,
        *,
        batch_size: AtLeastTwo = 128,
        repeats: PositiveInt = 1,
        look_alikes: Annotated[int, Field(ge=1, le=100)] = 1,
    ) -> None:
        self.faces, self.repeats, self.look_alikes = source.faces, repeats, look_alikes
        self.batch_size = min(batch_size, len(source.faces) * look_alikes)
        self.people = len(source.faces.names) * look_alikes

    def __call__(self, seed: int, epoch: int) -> list[Batch]:
        """Shuffled pictures, the whole set `repeats` times."""
        random = random_at(seed, "order", epoch)
        count = len(self.faces) * self.look_alikes
        order = np.concatenate([random.permutation(count) for _ in range(self.repeats)])
        cuts = range(0, len(order) - self.batch_size + 1, self.batch_size)
        return [self._batch(order[i : i + self.batch_size]) for i in cuts]

    def _batch(self, rows: IntArray) -> Batch:
        look_alike, images = np.divmod(rows, len(self.faces))
        plain = _batch_of_images(self.faces, images)
        if self.look_alikes == 1:
            return plain
        people = plain.people + len(self.faces.names) * look_alike
        return replace(plain, people=people, look_alike=look_alike)


class PeopleImages:
    """`people` people with `images` pictures each, for losses that compare within a batch.

    Everyone with two pictures or more comes once an epoch; who has fewer than `images` is repeated.
    """

    def __init__(self, source: TrainingSource, *, people: AtLeastTwo = 32, images: AtLeastTwo = 4) -> None:
        self.faces, self.images, self.people = source.faces, images, len(source.faces.names)
        self.with_two = [rows for rows in _images_by_person(source.faces) if len(rows) > 1]
        if len(self.with_two) < 2:
            raise DataError(
                f"{source.faces.name}: found {len(self.with_two)} people with two pictures; need two or more"
            )
        self.people_in_batch = min(people, len(self.with_two))

    def __call__(self, seed: int, epoch: int) -> list[Batch]:
        """People in a new order, pictures drawn without repeats while they last."""
        random = random_at(seed, "order", epoch)
        order = random.permutation(len(self.with_two))
        batches = []
        for i in range(0, len(order) - self.people_in_batch + 1, self.people_in_batch):
            people = order[i : i + self.people_in_batch]
            chosen = [_draw(random, self.with_two[person], self.images) for person in people]
            batches.append(_batch_of_images(self.faces, np.concatenate(chosen)))
        return batches


def _images_by_person(faces: FaceSet) -> list[IntArray]:
    order = np.argsort(faces.people, kind="stable")
    return np.split(order, np.cumsum(np.bincount(faces.people, minlength=len(faces.names)))[:-1])


def _draw(random: np.random.Generator, images: IntArray, count: int) -> IntArray:
    """`count` of `images`, each used as often as any other, give or take one."""
    whole, rest = divmod(count, len(images))
    return np.concatenate([*[images] * whole, random.choice(images, rest, replace=False)])


SAMPLERS: dict[str, Callable[..., Sampler]] = {
    "given-pairs": GivenPairs,
    "drawn-pairs": DrawnPairs,
    "images": Images,
    "people-images": PeopleImages,
}
