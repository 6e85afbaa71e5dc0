"""A decoded picture → a prepared face: the size, region and color that a network takes."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, get_args

import cv2
import numpy as np

from twinface.core.errors import ModelError, SettingsError
from twinface.core.settings import ImagingSettings
from twinface.core.types import WHOLE_FRAME, ByteArray, Region
from twinface.faces.decode import CHANNELS, Color, read_image
from twinface.faces.mask import Mask

# Goes up whenever `decode` or `prepare` gives other pixels for the same picture.
_PIXELS_VERSION = 1


@dataclass(frozen=True)
class Preparation:
    """How a picture becomes the input of a network; part of every model.

    Attributes:
        region: the part of the picture to cut out.
        height, width: of the prepared face in pixels, 16 to 1024.
        color: "gray" (one channel) or "rgb" (three).
        mask: what to paint over in the whole picture first, or None; no model is trained with one.

    Raises:
        ValueError: a size or the color is none of these.

    Example:
        >>> Preparation(Region(0.25, 0.25, 0.5, 0.5), height=96, width=96, color="gray").channels
        1
    """

    region: Region
    height: int
    width: int
    color: Color
    mask: Mask | None = None

    def __post_init__(self) -> None:
        for side in (self.height, self.width):
            if type(side) is not int or not 16 <= side <= 1024:
                raise ValueError(
                    f"a prepared face of {self.width!r} x {self.height!r} pixels, need 16 to 1024 each"
                )
        if self.color not in get_args(Color):
            raise ValueError(f"color {self.color!r}, need 'gray' or 'rgb'")

    @property
    def channels(self) -> int:
        """1 for gray, 3 for RGB."""
        return CHANNELS[self.color]

    @property
    def key(self) -> str:
        """64 hexadecimal digits that are equal exactly for preparations that give equal pixels."""
        settings = {"pixels": _PIXELS_VERSION, **self.as_dict()}
        return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()

    def as_dict(self) -> dict[str, Any]:
        """The settings as JSON can hold them; `from_dict` reads them back."""
        # As floats, so that Region(0, ...) and Region(0.0, ...) are one preparation with one key.
        region = {name: float(value) for name, value in asdict(self.region).items()}
        settings = {"region": region, "height": self.height, "width": self.width, "color": self.color}
        # Left out where there is none, as in every model made before there were masks, whose keys stay what they were.
        return {**settings, "mask": self.mask.as_dict()} if self.mask else settings

    @classmethod
    def from_dict(cls, settings: Any) -> Preparation:
        """Reads what `as_dict` gave, and nothing that is missing a field or has another one.

        Raises:
            ModelError: the settings are not those of a preparation.
        """
        try:
            masked = isinstance(settings, dict) and "mask" in settings
            _need_fields(settings, ("region", "height", "width", "color", *(("mask",) if masked else ())))
            _need_fields(settings["region"], ("top", "left", "height", "width"))
            for name, value in settings["region"].items():
                if type(value) not in {int, float}:
                    raise ValueError(f"region {name} {value!r}, need a number")
            mask = Mask.from_dict(settings["mask"]) if masked else None
            return cls(**{**settings, "region": Region(**settings["region"]), "mask": mask})
        except (ValueError, TypeError) as error:
            raise ModelError(f"the model's preparation of pictures cannot be read: {error}") from error


def _need_fields(settings: Any, names: tuple[str, ...]) -> None:
    found = sorted(map(str, settings)) if isinstance(settings, dict) else type(settings).__name__
    if found != sorted(names):
        raise ValueError(f"found {found}, need the fields {sorted(names)}")


def build_preparation(imaging: ImagingSettings, face_region: Region) -> Preparation:
    """How pictures become input; `face_region` is where the data set has its faces.

    Raises:
        SettingsError: the region leaves the picture.
    """
    if imaging.region == "face":
        region = face_region
    elif imaging.region == "frame":
        region = WHOLE_FRAME
    else:
        try:
            region = Region(*imaging.region)
        except ValueError as error:
            raise SettingsError(f"imaging.region: {error}") from error
    return Preparation(region, imaging.height, imaging.width, imaging.color)


def prepare(image: ByteArray, preparation: Preparation) -> ByteArray:
    """Hides what a mask hides, cuts out the region and brings it to the wanted size.

    A cut of just the wanted size is taken as it is, pixel by pixel.

    Args:
        image: [H, W, C] uint8 with the C of `preparation`.
        preparation: what to cut out, and the size h × w to bring it to.

    Returns:
        [h, w, C] uint8, a contiguous array of its own.

    Raises:
        ValueError: the array is not such an image.
    """
    if (
        image.dtype != np.uint8
        or image.ndim != 3
        or image.shape[2] != preparation.channels
        or 0 in image.shape
    ):
        raise ValueError(f"image {image.shape} {image.dtype}, need [H, W, {preparation.channels}] uint8")
    if preparation.mask:
        image = preparation.mask.paint(image)
    face = image[preparation.region.of(*image.shape[:2])].copy()
    # Shrink first and grow afterwards: OpenCV's area average, the one that does not alias, falls back
    # to linear interpolation along both sides as soon as one of them grows.
    smaller = (min(face.shape[0], preparation.height), min(face.shape[1], preparation.width))
    for size, method in (
        (smaller, cv2.INTER_AREA),
        ((preparation.height, preparation.width), cv2.INTER_CUBIC),
    ):
        if face.shape[:2] != size:
            face = np.asarray(cv2.resize(face, size[::-1], interpolation=method), np.uint8)
    return face.reshape(preparation.height, preparation.width, preparation.channels)


def prepare_file(path: Path | str, preparation: Preparation) -> ByteArray:
    """Reads a picture file and prepares it: [h, w, C] uint8, with the size and color of `preparation`.

    Raises:
        ImageError: the file cannot be read, or is no picture that can be decoded.
    """
    return prepare(read_image(path, preparation.color), preparation)
