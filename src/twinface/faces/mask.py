"""Masks: pictures of which only the face, or only the background, stays visible.

A model that recognises people by the background alone reads suits, flags and rooms. The hidden part is painted with
the mean colour of the visible part, so that nothing of it remains, not even its brightness.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

import numpy as np

from twinface.core.errors import DataError, ModelError, SettingsError
from twinface.core.types import WHOLE_FRAME, ByteArray, Region

VisiblePart = Literal["face", "background"]

# How far a head reaches beyond the tight crop of its face, in heights and widths of that crop: hair above, the chin
# below, ears and hair beside it. Chosen by looking at LFW-a. Long hair and beards reach further.
_ABOVE, _BELOW, _BESIDE = 0.5, 0.15, 0.25


@dataclass(frozen=True)
class Mask:
    """Which part of each picture stays visible.

    Attributes:
        shows: "face" for the inside of the region, "background" for its outside.
        region: of the whole picture, before it is cropped.

    Raises:
        ValueError: `shows` is neither of the two, or the region is the whole picture, so that all or nothing would be
            visible.

    Example:
        >>> Mask("face", Region(0.25, 0.25, 0.5, 0.5)).paint(np.array([[[9], [9], [9], [9]], [[9], [4], [6], [9]],
        ...     [[9], [5], [5], [9]], [[9], [9], [9], [9]]], np.uint8))[..., 0].tolist()
        [[5, 5, 5, 5], [5, 4, 6, 5], [5, 5, 5, 5], [5, 5, 5, 5]]
    """

    shows: VisiblePart
    region: Region

    def __post_init__(self) -> None:
        if self.shows not in get_args(VisiblePart):
            raise ValueError(f"a mask that shows {self.shows!r}, need 'face' or 'background'")
        if self.region == WHOLE_FRAME:
            raise ValueError("a mask whose region is the whole picture, need a part of it")

    def __str__(self) -> str:
        region = self.region
        rows, columns = (
            f"{100 * start:.0f} to {100 * (start + extent):.0f} %"
            for start, extent in ((region.top, region.height), (region.left, region.width))
        )
        where = "outside" if self.shows == "face" else "inside"
        return f"the {self.shows} alone, with all {where} rows {rows} and columns {columns} painted over"

    def paint(self, image: ByteArray) -> ByteArray:
        """`[H, W, C]` uint8 → a copy in which the hidden part has the mean colour of the visible part."""
        inside = np.zeros(image.shape[:2], np.bool_)
        inside[self.region.of(*image.shape[:2])] = True
        visible = inside if self.shows == "face" else ~inside
        # A picture of a few pixels may have no visible pixel; then it becomes a plain gray.
        colour = image[visible].mean(axis=0).round() if visible.any() else 128
        return np.where(visible[..., np.newaxis], image, np.asarray(colour, np.uint8))

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; `from_dict` reads them back."""
        return {
            "shows": self.shows,
            "region": {name: float(value) for name, value in asdict(self.region).items()},
        }

    @classmethod
    def from_dict(cls, values: Any) -> Mask:
        """The inverse of `to_dict`.

        Raises:
            ModelError: the values are not those of a mask.
        """
        try:
            return cls(values["shows"], Region(**values["region"]))
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(f"the mask of a preparation cannot be read: {error!r}") from error


def mask_for(part: str, face: Region, pictures: str) -> Mask:
    """The mask that shows the face only, or the background only, of pictures that all have their face in one place.

    "face" shows the tight crop. "background" hides the whole head. So hair and ears are in neither.

    Args:
        part: "face" or "background".
        face: where the face is, cropped tightly.
        pictures: what to call the pictures in an error.

    Raises:
        SettingsError: there is no such part.
        DataError: the face or the head fills the picture.

    Example:
        >>> mask_for("background", Region(0.4, 0.4, 0.2, 0.2), "toys").region
        Region(top=0.3, left=0.35, height=0.33, width=0.3)
    """
    if part not in get_args(VisiblePart):
        raise SettingsError(f'no part "{part}" of a picture; there are {", ".join(get_args(VisiblePart))}')
    region = face if part == "face" else _head(face)
    if region == WHOLE_FRAME:
        raise DataError(
            f"{pictures}: the face is taken to fill these pictures, so they have no background; "
            "need a data set that knows where the face is and leaves room around it, such as lfw"
        )
    return Mask("face" if part == "face" else "background", region)


def _head(face: Region) -> Region:
    """The face with hair, ears and chin, within the picture."""
    top = max(0.0, face.top - _ABOVE * face.height)
    left = max(0.0, face.left - _BESIDE * face.width)
    bottom = min(1.0, face.top + (1 + _BELOW) * face.height)
    right = min(1.0, face.left + (1 + _BESIDE) * face.width)
    # Rounded, so that the numbers are short in a file.
    return Region(*(round(value, 4) for value in (top, left, bottom - top, right - left)))
