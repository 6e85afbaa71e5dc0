"""How a picture becomes the input of a network: which part of it, in which size and color."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

from twinface.core.errors import ModelError, SettingsError
from twinface.core.types import WHOLE_FRAME, Region
from twinface.faces.color import CHANNELS, Color
from twinface.faces.frame import ARCFACE_FRAME, STANDARD_FRAME, Frame, read_points, scaled_points
from twinface.faces.mask import Mask

if TYPE_CHECKING:
    # Imports pydantic, which is not needed to use a model.
    from twinface.core.settings_sections import ImagingSettings

Resize = Literal["area", "bicubic", "bilinear"]

# Raise it whenever `decode` or `prepare` comes to give other pixels for the same picture.
_PIXELS_VERSION = 1


@dataclass(frozen=True)
class Preparation:
    """How a picture becomes the input of a network; part of every model.

    Attributes:
        region: the part of the picture to crop.
        height, width: of the prepared face in pixels, 16 to 1024.
        color: "gray" (one channel) or "rgb" (three).
        mask: what to paint over in the whole picture before it is cropped, or None. No model is trained with a mask.
        resize: how the region is brought to that size; see `ImagingSettings`.
        points: where the network expects the five landmarks, as (x, y) in pixels of the prepared face; see
            `frame.Frame`. A picture is then taken to lie in the standard frame and is moved from there. None, as in all
            networks trained here, crops `region`.

    Raises:
        ValueError: a size, the color or the way of resizing is not one of these, points come with a region, or they are
            not five different ones.

    Example:
        >>> Preparation(Region(0.25, 0.25, 0.5, 0.5), height=96, width=96, color="gray").channels
        1
    """

    region: Region
    height: int
    width: int
    color: Color
    mask: Mask | None = None
    points: tuple[tuple[float, float], ...] | None = None
    resize: Resize = "area"

    def __post_init__(self) -> None:
        for side in (self.height, self.width):
            if type(side) is not int or not 16 <= side <= 1024:
                raise ValueError(
                    f"a prepared face of {self.width!r} x {self.height!r} pixels, need 16 to 1024 each"
                )
        if self.color not in get_args(Color):
            raise ValueError(f"color {self.color!r}, need 'gray' or 'rgb'")
        if self.resize not in get_args(Resize):
            raise ValueError(f"resize {self.resize!r}, need one of {', '.join(get_args(Resize))}")
        if self.points is not None:
            read_points([list(point) for point in self.points])
            if self.region != WHOLE_FRAME:
                raise ValueError("points and a region, need one of the two")

    @property
    def frame(self) -> Frame | None:
        """The frame of the prepared face, where there are points."""
        return Frame(self.height, self.width, self.points) if self.points else None

    @property
    def channels(self) -> int:
        """1 for gray, 3 for RGB."""
        return CHANNELS[self.color]

    @property
    def key(self) -> str:
        """64 hexadecimal digits, the same for two preparations exactly if they give the same pixels."""
        settings = {"pixels": _PIXELS_VERSION, **self.to_dict()}
        return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()

    def to_dict(self) -> dict[str, Any]:
        """The settings as JSON can hold them; `from_dict` reads them back."""
        # As floats, so that Region(0, ...) and Region(0.0, ...) have the same key.
        region = {name: float(value) for name, value in asdict(self.region).items()}
        settings = {"region": region, "height": self.height, "width": self.width, "color": self.color}
        # These are left out where there is none. So models made before there were masks and points keep their keys.
        if self.mask:
            settings["mask"] = self.mask.to_dict()
        if self.points:
            settings["points"] = [list(map(float, point)) for point in self.points]
        if self.resize != "area":
            settings["resize"] = self.resize
        return settings

    @classmethod
    def from_dict(cls, settings: Any) -> Preparation:
        """The inverse of `to_dict`; a missing or additional field is refused.

        Raises:
            ModelError: the settings are not those of a preparation.
        """
        try:
            optional = ("mask", "points", "resize")
            extra = [name for name in optional if isinstance(settings, dict) and name in settings]
            _need_fields(settings, ("region", "height", "width", "color", *extra))
            _need_fields(settings["region"], ("top", "left", "height", "width"))
            for name, value in settings["region"].items():
                if type(value) not in {int, float}:
                    raise ValueError(f"region {name} {value!r}, need a number")
            changed: dict[str, Any] = {"region": Region(**settings["region"])}
            if "mask" in settings:
                changed["mask"] = Mask.from_dict(settings["mask"])
            if "points" in settings:
                changed["points"] = read_points(settings["points"])
            return cls(**{**settings, **changed})
        except (ValueError, TypeError) as error:
            raise ModelError(f"the model's preparation of pictures cannot be read: {error}") from error


def _need_fields(settings: Any, names: tuple[str, ...]) -> None:
    found = sorted(map(str, settings)) if isinstance(settings, dict) else type(settings).__name__
    if found != sorted(names):
        raise ValueError(f"found {found}, need the fields {sorted(names)}")


def build_preparation(
    imaging: ImagingSettings, face_region: Region, frame: Frame | None = None
) -> Preparation:
    """The preparation that the settings of a run describe.

    Args:
        imaging: region, size and color.
        face_region: where the faces are in the data set's pictures; used where `imaging.region` is "face".
        frame: where the landmarks are in the data set's pictures, or None if that is not known.

    Raises:
        SettingsError: the region reaches beyond the picture, or the region is "arcface" and the pictures are not in the
            standard frame.
    """
    if imaging.region == "arcface":
        if frame != STANDARD_FRAME:
            raise SettingsError(
                'imaging.region = "arcface" needs aligned pictures, and these are not: let Twinface align them '
                "(--align), or choose a recipe that takes pictures as they are (--recipe fast)"
            )
        points = scaled_points(ARCFACE_FRAME, imaging.height, imaging.width)
        return Preparation(WHOLE_FRAME, imaging.height, imaging.width, imaging.color, points=points)
    if imaging.region == "face":
        region = face_region
    elif imaging.region == "frame":
        region = WHOLE_FRAME
    else:
        try:
            region = Region(*imaging.region)
        except ValueError as error:
            raise SettingsError(f"imaging.region: {error}") from error
    return Preparation(region, imaging.height, imaging.width, imaging.color, resize=imaging.resize)
