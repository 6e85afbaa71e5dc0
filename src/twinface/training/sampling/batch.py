"""A batch of pictures, and the interface of all samplers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Protocol

import numpy as np
from pydantic import Field

from twinface.core.types import BoolArray, FaceSet, IntArray

AtLeastTwo = Annotated[int, Field(ge=2, le=1_000_000)]


@dataclass(frozen=True, eq=False)
class Batch:
    """N pictures, and P labelled pairs among them (P may be 0).

    Attributes:
        images: [N] int64, rows of the prepared faces.
        people: [N] int64, the number of the person on each picture.
        left, right: [P] int64, positions in this batch of the pairs' two sides.
        is_match: [P] bool, whether a pair is genuine.
        look_alike: [N] int64, numbers of look-alikes (see `look_alikes`); None for pictures as they are.
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
        people: the number of different people in its batches.
    """

    people: int

    def __call__(self, seed: int, epoch: int) -> list[Batch]:
        """All batches of this epoch, in order; equal arguments give equal batches."""
        ...


def batch_of_pairs(faces: FaceSet, left: IntArray, right: IntArray, is_match: BoolArray) -> Batch:
    """A batch of P pairs, with the pictures of all left sides before those of all right sides.

    Args:
        faces: the pictures.
        left, right: [P] rows of `faces`.
        is_match: [P].
    """
    images = np.concatenate([left, right])
    count = len(left)
    positions = np.arange(count)
    return Batch(images, faces.people[images], positions, positions + count, is_match)


def batch_of_images(faces: FaceSet, images: IntArray) -> Batch:
    """A batch of pictures without pairs; `images` are rows of `faces`."""
    none = np.zeros(0, np.int64)
    return Batch(images, faces.people[images], none, none, np.zeros(0, np.bool_))


def images_by_person(faces: FaceSet) -> list[IntArray]:
    """For each person, the rows of their pictures."""
    order = np.argsort(faces.people, kind="stable")
    return np.split(order, np.cumsum(np.bincount(faces.people, minlength=len(faces.names)))[:-1])
