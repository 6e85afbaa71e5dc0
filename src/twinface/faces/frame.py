"""Where a face lies in an aligned picture: the five landmarks that alignment brings it to."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from twinface.core.types import FloatArray

# Five points (x, y): the eye on the picture's left, the eye on its right, the tip of the nose, and the corner of the
# mouth on the left and on the right.
Landmarks = FloatArray


@dataclass(frozen=True)
class Frame:
    """The size of an aligned picture, and where the landmarks of its face are.

    Attributes:
        height, width: in pixels.
        points: five (x, y) in pixels, in the order of `Landmarks`.
    """

    height: int
    width: int
    points: tuple[tuple[float, float], ...]

    @property
    def landmarks(self) -> Landmarks:
        """[5, 2] float64, in pixels."""
        return np.array(self.points, np.float64)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; `from_dict` reads them back."""
        return {"height": self.height, "width": self.width, "points": [list(point) for point in self.points]}

    @classmethod
    def from_dict(cls, values: Any) -> Frame:
        """The inverse of `to_dict`.

        Raises:
            ValueError: a field is missing, unknown or of another kind.
        """
        if not isinstance(values, dict) or sorted(values) != ["height", "points", "width"]:
            raise ValueError(f"frame {values!r}, need the fields height, points and width")
        for name in ("height", "width"):
            if type(values[name]) is not int or not 16 <= values[name] <= 1024:
                raise ValueError(f"frame {name} {values[name]!r}, need a whole number from 16 to 1024")
        return cls(values["height"], values["width"], read_points(values["points"]))


def read_points(value: Any) -> tuple[tuple[float, float], ...]:
    """Five landmarks from JSON or TOML.

    Raises:
        ValueError: the value is not five pairs of finite numbers, or fewer than three of them differ.
    """
    rows = value if isinstance(value, list) else []
    fits = len(rows) == 5 and all(
        isinstance(row, list)
        and len(row) == 2
        and all(type(number) in {int, float} and math.isfinite(number) for number in row)
        for row in rows
    )
    if not fits:
        raise ValueError(f"points {value!r}, need five pairs [x, y] of numbers")
    points = tuple((float(x), float(y)) for x, y in rows)
    if len(set(points)) < 3:
        raise ValueError(f"points {value!r}, need five different ones")
    return points


# Every aligned face of Twinface lies in this frame, and each model takes its own part of it. It is that of LFW-a: these
# are the medians of YuNet's landmarks over its 13,233 pictures.
STANDARD_FRAME = Frame(
    250, 250, ((102.9, 113.9), (148.8, 112.7), (126.4, 137.7), (108.2, 158.8), (146.7, 158.1))
)
# The 112×112 pictures of ArcFace, SFace and many other networks (Deng et al. 2019).
ARCFACE_FRAME = Frame(
    112,
    112,
    ((38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041)),
)


def scaled_points(frame: Frame, height: int, width: int) -> tuple[tuple[float, float], ...]:
    """The points of a frame in a picture of another size.

    >>> scaled_points(Frame(100, 100, ((49.5, 24.5),)), 200, 200)
    ((99.5, 49.5),)
    """
    across, down = width / frame.width, height / frame.height
    return tuple(((x + 0.5) * across - 0.5, (y + 0.5) * down - 0.5) for x, y in frame.points)
