"""Samplers of labelled pairs."""

from __future__ import annotations

import numpy as np

from twinface.core.errors import DataError
from twinface.core.fields import PositiveInt
from twinface.core.seeding import random_at
from twinface.core.types import IntArray, TrainingSource
from twinface.training.sampling.batch import AtLeastTwo, Batch, batch_of_pairs, images_by_person


class GivenPairs:
    """Each labelled pair once an epoch, in a new order: all that the image-restricted protocol allows.

    Args:
        source: with labelled pairs.
        batch_size: pairs in a batch.
        swap: whether the two pictures of a pair are swapped at random; otherwise they stay as the list has them.
        buffer: None shuffles all pairs. A number shuffles as TensorFlow does with a buffer of that size: the next pair
            is drawn from the buffer, and the pair after the buffer takes its place. The list's order, genuine pairs
            first, then shows through.

    Raises:
        DataError: the source has no labelled pairs.
    """

    def __init__(
        self,
        source: TrainingSource,
        *,
        batch_size: PositiveInt = 32,
        swap: bool = True,
        buffer: PositiveInt | None = None,
    ) -> None:
        if source.pairs is None:
            raise DataError(f"{source.faces.name} has no labelled training pairs; sample people instead")
        self.pairs, self.batch_size, self.people = source.pairs, batch_size, len(source.pairs.faces.names)
        self.swap, self.buffer = swap, buffer

    def __call__(self, seed: int, epoch: int) -> list[Batch]:
        """Shuffled pairs."""
        random = random_at(seed, "order", epoch)
        if self.buffer is None:
            order = random.permutation(len(self.pairs))
        else:
            order = _through_buffer(len(self.pairs), self.buffer, random)
        swap = (random.random(len(order)) < 0.5) & self.swap
        left = np.where(swap, self.pairs.right[order], self.pairs.left[order])
        right = np.where(swap, self.pairs.left[order], self.pairs.right[order])
        is_match = self.pairs.is_match[order]
        return [
            batch_of_pairs(self.pairs.faces, left[i:j], right[i:j], is_match[i:j])
            for i in range(0, len(order), self.batch_size)
            for j in [i + self.batch_size]
        ]


def _through_buffer(count: int, size: int, random: np.random.Generator) -> IntArray:
    """[count] the numbers from 0 on, as a shuffle buffer of that size lets them out."""
    held, out = list(range(min(size, count))), []
    for coming in [*range(len(held), count), *[None] * len(held)]:
        place = int(random.integers(len(held)))
        out.append(held[place])
        if coming is None:
            held[place] = held[-1]
            held.pop()
        else:
            held[place] = coming
    return np.array(out, np.int64)


class DrawnPairs:
    """New pairs every epoch, half of each batch genuine (of an odd number, one more or less).

    People are drawn evenly, then pictures of each person.

    Args:
        source: the faces.
        batch_size: pairs in a batch.
        pairs: pairs in an epoch.

    Raises:
        DataError: there are fewer than two people, or nobody has two pictures.
    """

    def __init__(
        self, source: TrainingSource, *, batch_size: AtLeastTwo = 32, pairs: AtLeastTwo = 2000
    ) -> None:
        self.faces, self.batch_size, self.count = source.faces, batch_size, pairs
        self.people = len(source.faces.names)
        self.of_person = images_by_person(source.faces)
        self.with_two = [images for images in self.of_person if len(images) > 1]
        if not self.with_two or len(self.of_person) < 2:
            raise DataError(
                f"{source.faces.name}: found {len(self.of_person)} people, {len(self.with_two)} of them with two "
                "pictures; need at least two people, and one with two pictures, to draw pairs"
            )

    def __call__(self, seed: int, epoch: int) -> list[Batch]:
        """Genuine and impostor pairs in turn."""
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
            batch_of_pairs(self.faces, pairs[i:j, 0], pairs[i:j, 1], is_match[i:j])
            for i in range(0, self.count, self.batch_size)
            for j in [i + self.batch_size]
        ]
