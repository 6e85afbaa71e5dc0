"""Samplers of labelled pairs."""

from __future__ import annotations

import numpy as np

from twinface.core.errors import DataError
from twinface.core.fields import PositiveInt
from twinface.core.seeding import random_at
from twinface.core.types import TrainingSource
from twinface.training.sampling.batch import AtLeastTwo, Batch, batch_of_pairs, images_by_person


class GivenPairs:
    """Each labelled pair once an epoch, in a new order: all that the image-restricted protocol allows.

    Args:
        source: with labelled pairs.
        batch_size: pairs in a batch.

    Raises:
        DataError: the source has no labelled pairs.
    """

    def __init__(self, source: TrainingSource, *, batch_size: PositiveInt = 32) -> None:
        if source.pairs is None:
            raise DataError(f"{source.faces.name} has no labelled training pairs; sample people instead")
        self.pairs, self.batch_size, self.people = source.pairs, batch_size, len(source.pairs.faces.names)

    def __call__(self, seed: int, epoch: int) -> list[Batch]:
        """Shuffled pairs; the two pictures of a pair are swapped at random."""
        random = random_at(seed, "order", epoch)
        order = random.permutation(len(self.pairs))
        swap = random.random(len(order)) < 0.5
        left = np.where(swap, self.pairs.right[order], self.pairs.left[order])
        right = np.where(swap, self.pairs.left[order], self.pairs.right[order])
        is_match = self.pairs.is_match[order]
        return [
            batch_of_pairs(self.pairs.faces, left[i:j], right[i:j], is_match[i:j])
            for i in range(0, len(order), self.batch_size)
            for j in [i + self.batch_size]
        ]


class DrawnPairs:
    """New pairs every epoch, half of each batch genuine. People are drawn evenly, then pictures of each person.

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
