"""The frozen records that one stage hands to the next.

Two conventions hold everywhere and are said only here:

* **Score.** A higher score means "more likely the same person". Distances are negated before they
  become scores, so nothing downstream ever asks which way round a number is.
* **Pictures.** A prepared face is `[H, W, C]` uint8 with C = 1 (gray) or 3 (RGB); a batch of them is
  `[B, H, W, C]`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Float32Array = NDArray[np.float32]
IntArray = NDArray[np.int64]
ProgressCallback = Callable[[int, int], None]  # told (done, all)
BoolArray = NDArray[np.bool_]
ByteArray = NDArray[np.uint8]


@dataclass(frozen=True)
class Region:
    """A rectangle of a picture as fractions of its height and width, from the top-left corner.

    Attributes:
        top, left: where the rectangle starts, in [0, 1).
        height, width: its extent, in (0, 1], with `top + height <= 1` and `left + width <= 1`.
    """

    top: float = 0.0
    left: float = 0.0
    height: float = 1.0
    width: float = 1.0

    def __post_init__(self) -> None:
        inside = (
            0 <= self.top < 1
            and 0 <= self.left < 1
            and 0 < self.height <= 1 - self.top + 1e-9
            and 0 < self.width <= 1 - self.left + 1e-9
        )
        if not inside:
            raise ValueError(
                f"region {self.top, self.left, self.height, self.width} leaves the picture: "
                "(top, left, height, width) are fractions with top + height <= 1 and left + width <= 1"
            )

    def of(self, height: int, width: int) -> tuple[slice, slice]:
        """The rows and columns of a picture of so many pixels that the rectangle covers, at least one of each.

        >>> Region(0.25, 0.5, 0.5, 0.5).of(8, 10)
        (slice(2, 6, None), slice(5, 10, None))
        """
        return _span(self.top, self.height, height), _span(self.left, self.width, width)


def _span(start: float, extent: float, pixels: int) -> slice:
    """The fractions of a side as whole pixels; the extent is rounded alone, so that equal ones stay equal."""
    length = max(1, round(extent * pixels))
    first = min(round(start * pixels), pixels - length)
    return slice(first, first + length)


WHOLE_FRAME = Region()


@dataclass(frozen=True, eq=False)
class FaceSet:
    """Who is on which picture.

    Attributes:
        name: what the set is, for people: "LFW-a DevTrain".
        root: folder that `paths` are relative to.
        paths: N file names with forward slashes, relative to `root`, without repeats.
        people: [N] int64, index into `names` of the person on each picture.
        names: P names of people, without repeats, each with at least one picture.
        region: where the face is in these pictures, cropped tightly.
    """

    name: str
    root: Path
    paths: tuple[str, ...]
    people: IntArray
    names: tuple[str, ...]
    region: Region = WHOLE_FRAME

    def __len__(self) -> int:
        return len(self.paths)


@dataclass(frozen=True, eq=False)
class PairSet:
    """Pairs of pictures from one `FaceSet`, labelled.

    Attributes:
        name: what the pairs are, for people: "LFW-a View 1 test".
        faces: the pictures that the pairs index.
        left, right: [M] int64, indices into `faces`.
        is_match: [M] bool, true for a genuine pair (same person), false for an impostor pair.
        fold: [M] int64, the official fold of each pair, or None where the protocol has none.
    """

    name: str
    faces: FaceSet
    left: IntArray
    right: IntArray
    is_match: BoolArray
    fold: IntArray | None = None

    def __len__(self) -> int:
        return len(self.left)

    @property
    def people(self) -> IntArray:
        """[M, 2] int64: the person on each side, as an index into `faces.names`."""
        return np.stack([self.faces.people[self.left], self.faces.people[self.right]], axis=1)


@dataclass(frozen=True, eq=False)
class TrainingSource:
    """What training may see: faces with people's names, or labelled pairs alone."""

    faces: FaceSet
    pairs: PairSet | None = None


@dataclass(frozen=True, eq=False)
class ScoredPairs:
    """What a model said of M labelled pairs: all that metrics and reports need.

    Attributes:
        scores: [M] float64, higher means the same person.
        is_match: [M] bool.
        people: [M, 2] int64, any labels that are equal exactly for equal people.
        fold: [M] int64 or None.
    """

    scores: FloatArray
    is_match: BoolArray
    people: IntArray
    fold: IntArray | None = None

    def __len__(self) -> int:
        return len(self.scores)


@dataclass(frozen=True)
class Interval:
    """A confidence interval: `low <= high`, at `level` (0.95), made by `method`."""

    low: float
    high: float
    level: float = 0.95
    method: str = ""

    def __str__(self) -> str:
        return f"[{self.low:.3f}, {self.high:.3f}]"
