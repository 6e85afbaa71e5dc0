"""The description of a network of other makers, as a TOML file beside its ONNX file."""

from __future__ import annotations

import math
import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, get_args

from twinface.core.errors import ModelError
from twinface.core.suggestion import nearest
from twinface.core.types import WHOLE_FRAME, Region
from twinface.faces.frame import ARCFACE_FRAME, STANDARD_FRAME, read_points, scaled_points
from twinface.faces.preparation import Preparation

Channels = Literal["rgb", "bgr", "gray"]
_FRAMES = {"arcface": ARCFACE_FRAME, "standard": STANDARD_FRAME}


@dataclass(frozen=True)
class NetworkDescription:
    """How a network of other makers takes faces.

    Attributes:
        name: what reports call it.
        file: the ONNX file, relative to the description.
        height, width: of its input in pixels, 16 to 1024.
        points: where it expects the landmarks, as five (x, y) in pixels of its input, or None to take `region`.
        region: [top, left, height, width] of the standard frame, where there are no points.
        channels: order of the colors in its input.
        mean, scale: a pixel p of 0 to 255 becomes `(p - mean) * scale`.
        layout: "NCHW" or "NHWC".
        training_data: the photos that it was trained on, as far as that is known.
        licence: of its weights, as far as that is known.

    Raises:
        ValueError: a value is outside its range.
    """

    name: str
    file: str
    height: int = 112
    width: int = 112
    points: tuple[tuple[float, float], ...] | None = ARCFACE_FRAME.points
    region: Region = WHOLE_FRAME
    channels: Channels = "rgb"
    mean: float = 127.5
    scale: float = 1 / 127.5
    layout: Literal["NCHW", "NHWC"] = "NCHW"
    training_data: str = "not known"
    licence: str = "not known"

    def __post_init__(self) -> None:
        for name in ("name", "file", "training_data", "licence"):
            if not isinstance(getattr(self, name), str):
                raise ValueError(f"{name} {getattr(self, name)!r}, need a text")
        for name in ("mean", "scale"):
            value = getattr(self, name)
            if type(value) not in {int, float} or not math.isfinite(value):
                raise ValueError(f"{name} {value!r}, need a finite number")
        if self.channels not in get_args(Channels):
            raise ValueError(f"channels {self.channels!r}, need one of {', '.join(get_args(Channels))}")
        if self.layout not in ("NCHW", "NHWC"):
            raise ValueError(f"layout {self.layout!r}, need NCHW or NHWC")
        self.preparation  # noqa: B018 (checks height, width, points and region)

    @property
    def unusual(self) -> tuple[str, ...]:
        """Those settings of the pixels that are not the usual ones, for a fingerprint: `("channels bgr",)`."""
        usual = {field.name: field.default for field in fields(self)}
        texts = [
            f"{name} {getattr(self, name)}"
            for name in ("channels", "layout")
            if getattr(self, name) != usual[name]
        ]
        numbers = [name for name in ("mean", "scale") if getattr(self, name) != usual[name]]
        return (*texts, *(f"{name} {float(getattr(self, name))!r}" for name in numbers))

    @property
    def preparation(self) -> Preparation:
        """From a picture in the standard frame to the network's input."""
        color: Literal["gray", "rgb"] = "gray" if self.channels == "gray" else "rgb"
        return Preparation(self.region, self.height, self.width, color, points=self.points)


def read_description(path: Path) -> NetworkDescription:
    """Reads a description.

    Its keys are the attributes of `NetworkDescription`. `points` is "arcface" or "standard", which are scaled to
    the input, or five pairs [x, y]; with `region` there are no points.

    Raises:
        ModelError: the file cannot be read, or a key is unknown, missing or has an impossible value.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise ModelError(
            f"{path}: cannot be read ({error}); need a TOML file that describes a network"
        ) from error
    known = [field.name for field in fields(NetworkDescription)]
    for key in values:
        if key not in known:
            raise ModelError(f"{path}: no field {key!r}{nearest(key, known)}")
    for key in ("name", "file"):
        if key not in values:
            raise ModelError(f"{path}: the field {key!r} is missing")
    try:
        return NetworkDescription(**{**values, **_placed(values)})
    except (TypeError, ValueError, OverflowError) as error:
        raise ModelError(f"{path}: {error}") from error


def _placed(values: dict[str, Any]) -> dict[str, Any]:
    """Points and region as `NetworkDescription` takes them."""
    if "region" in values:
        if "points" in values:
            raise ValueError("points and a region, need one of the two")
        return {"region": Region(*values["region"]), "points": None}
    wanted = values.get("points", "arcface")
    size = values.get("height", 112), values.get("width", 112)
    if not isinstance(wanted, str):
        return {"points": read_points(wanted)}
    if wanted not in _FRAMES:
        raise ValueError(f"points {wanted!r}, need {', '.join(_FRAMES)}, or five pairs [x, y]")
    return {"points": scaled_points(_FRAMES[wanted], *size)}
