"""The frozen records that one stage hands to the next.

Two conventions hold everywhere:

* **Score.** A higher score means "more likely the same person". Distances are negated before they become scores.
* **Pictures.** A prepared face is `[H, W, C]` uint8 with C = 1 (gray) or 3 (RGB). A batch of faces is `[B, H, W, C]`.
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
ProgressCallback = Callable[[int, int], None]  # called with (done, in total)
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
                f"region {self.top, self.left, self.height, self.width} reaches beyond the picture: "
                "(top, left, height, width) are fractions with top + height <= 1 and left + width <= 1"
            )

    def of(self, height: int, width: int) -> tuple[slice, slice]:
        """The rows and columns that the rectangle covers, at least one of each.

        Args:
            height, width: of the picture, in pixels.

        >>> Region(0.25, 0.5, 0.5, 0.5).of(8, 10)
        (slice(2, 6, None), slice(5, 10, None))
        """
        return _span(self.top, self.height, height), _span(self.left, self.width, width)


def _span(start: float, extent: float, pixels: int) -> slice:
    """Fractions of a side as whole pixels. The extent is rounded by itself, so that equal extents stay equal."""
    length = max(1, round(extent * pixels))
    first = min(round(start * pixels), pixels - length)
    return slice(first, first + length)


WHOLE_FRAME = Region()


@dataclass(frozen=True, eq=False)
class FaceSet:
    """Who is on which picture.

    Attributes:
        name: what the set is, for people: "LFW-a DevTrain".
        root: the folder that `paths` are relative to.
        paths: N file names with forward slashes, relative to `root`, none of them twice.
        people: [N] int64, the person on each picture as an index into `names`.
        names: P names of people, none of them twice, each with at least one picture.
        region: where the face is in these pictures, cropped tightly; once they are aligned, if they have landmarks.
        landmarks: [N, 5, 2] float64, the landmarks of the face on each picture, by which it is aligned before it is
            used; or None for pictures that are framed already. See `faces.frame.Landmarks`.
    """

    name: str
    root: Path
    paths: tuple[str, ...]
    people: IntArray
    names: tuple[str, ...]
    region: Region = WHOLE_FRAME
    landmarks: FloatArray | None = None

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
    """What training may use: faces with people's names, or labelled pairs only.

    Attributes:
        faces: the pictures.
        pairs: the labelled pairs over `faces` if training may use nothing else, or None if it may use the names.
    """

    faces: FaceSet
    pairs: PairSet | None = None


@dataclass(frozen=True, eq=False)
class ScoredPairs:
    """The scores of M labelled pairs: everything that metrics and reports need.

    Attributes:
        scores: [M] float64, higher means the same person.
        is_match: [M] bool.
        people: [M, 2] int64, the person on each side; any numbers that differ for different people.
        fold: [M] int64, the official fold of each pair, or None.
    """

    scores: FloatArray
    is_match: BoolArray
    people: IntArray
    fold: IntArray | None = None

    def __len__(self) -> int:
        return len(self.scores)


@dataclass(frozen=True)
class Interval:
    """A confidence interval.

    Attributes:
        low, high: its ends, `low <= high`.
        level: its confidence.
        method: how it was computed, in words.
    """

    low: float
    high: float
    level: float = 0.95
    method: str = ""

    def __str__(self) -> str:
        return f"[{self.low:.3f}, {self.high:.3f}]"
