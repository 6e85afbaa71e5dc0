"""Samplers of single pictures, for losses that need to know people and not pairs."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import numpy as np
from pydantic import Field

from twinface.core.errors import DataError
from twinface.core.fields import PositiveInt
from twinface.core.seeding import random_at
from twinface.core.types import IntArray, TrainingSource
from twinface.training.sampling.batch import AtLeastTwo, Batch, batch_of_images, images_by_person


class Images:
    """Each picture once an epoch, in a new order.

    A last batch that is not full is left out. The order changes every epoch, so no picture is left out for long.

    Args:
        source: the faces.
        batch_size: pictures in a batch.
        repeats: how often an epoch goes through all pictures.
        look_alikes: the number of people that each person is shown as: themselves, and others with the same pictures
            under a warp of their own (see `look_alikes`). Where people are few, a network that has to tell these apart
            too looks at faces more closely.
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
        plain = batch_of_images(self.faces, images)
        if self.look_alikes == 1:
            return plain
        people = plain.people + len(self.faces.names) * look_alike
        return replace(plain, people=people, look_alike=look_alike)


class PeopleImages:
    """Batches of `people` people with `images` pictures each, for losses that compare pictures within a batch.

    Everyone with two pictures or more is in one batch of an epoch; a last batch that is not full is left out. Pictures
    are repeated for a person with fewer than `images`.

    Args:
        source: the faces.
        people: in a batch.
        images: of each person in a batch.

    Raises:
        DataError: fewer than two people have two pictures.
    """

    def __init__(self, source: TrainingSource, *, people: AtLeastTwo = 32, images: AtLeastTwo = 4) -> None:
        self.faces, self.images, self.people = source.faces, images, len(source.faces.names)
        self.with_two = [rows for rows in images_by_person(source.faces) if len(rows) > 1]
        if len(self.with_two) < 2:
            raise DataError(
                f"{source.faces.name}: found {len(self.with_two)} people with two pictures; need two or more"
            )
        self.people_in_batch = min(people, len(self.with_two))

    def __call__(self, seed: int, epoch: int) -> list[Batch]:
        """People in a new order; pictures of a person are drawn without repeats while they last."""
        random = random_at(seed, "order", epoch)
        order = random.permutation(len(self.with_two))
        batches = []
        for i in range(0, len(order) - self.people_in_batch + 1, self.people_in_batch):
            people = order[i : i + self.people_in_batch]
            chosen = [_draw(random, self.with_two[person], self.images) for person in people]
            batches.append(batch_of_images(self.faces, np.concatenate(chosen)))
        return batches


def _draw(random: np.random.Generator, images: IntArray, count: int) -> IntArray:
    """Draws `count` of `images`; the numbers of times that two of them are drawn differ by at most one."""
    whole, rest = divmod(count, len(images))
    return np.concatenate([*[images] * whole, random.choice(images, rest, replace=False)])
