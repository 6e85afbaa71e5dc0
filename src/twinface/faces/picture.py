"""A picture, in any form that a caller may have it → its pixels."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from twinface.core.errors import ImageError
from twinface.core.types import ByteArray
from twinface.faces.color import Color, convert_color
from twinface.faces.decode import decode
from twinface.faces.files import read_bytes
from twinface.faces.header import MAX_PIXELS, MIN_SIDE

if TYPE_CHECKING:
    from PIL.Image import Image

# A path, the bytes of a picture file, pixels as [H, W] or [H, W, 3] uint8 RGB, or an image of the package Pillow.
Picture: TypeAlias = "str | Path | bytes | ByteArray | Image"


def load_picture(picture: Picture, color: Color, name: str | None = None) -> ByteArray:
    """The pixels of a picture.

    Args:
        picture: one of

            * the path of a picture file;
            * the bytes of a picture file;
            * a NumPy array uint8, [H, W] or [H, W, 1] for gray, [H, W, 3] for RGB. (OpenCV has BGR: pass
              `image[..., ::-1]`.)
            * an image of the package Pillow. It is taken as it is, without the turn that EXIF data may ask for.
        color: "gray" or "rgb"; the picture is converted if it has another color.
        name: what to call the picture in an error; None takes its path or its type.

    Returns:
        [H, W, C] uint8 with C = 1 (gray) or 3 (RGB).

    Raises:
        ImageError: the picture cannot be read or decoded, has fewer than 8 pixels on a side or more than 25 million,
            or is an array of another shape or type.
    """
    if isinstance(picture, (str, os.PathLike)):
        return decode(read_bytes(picture), color, name or str(picture))
    if isinstance(picture, bytes):
        return decode(picture, color, name or "a picture given as bytes")
    if isinstance(picture, np.ndarray):
        return _from_array(picture, color, name or "a picture given as an array")
    if _is_pillow_image(picture):
        return _from_pillow(picture, color, name or "a picture given as a Pillow image")
    raise ImageError(
        f"{name or 'a picture'}: found {type(picture).__name__}, need a path, bytes, a NumPy array or a Pillow image"
    )


def _from_array(pixels: np.ndarray[Any, Any], color: Color, name: str) -> ByteArray:
    if pixels.ndim == 2:
        pixels = pixels[..., np.newaxis]
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] not in {1, 3}:
        raise ImageError(
            f"{name}: found {pixels.dtype} of shape {pixels.shape}, need uint8 (0 to 255) of shape [H, W] (gray) or "
            "[H, W, 3] (RGB)"
        )
    _check_size(pixels.shape[0], pixels.shape[1], name)
    return convert_color(np.ascontiguousarray(pixels), color)


def _check_size(height: int, width: int, name: str) -> None:
    if min(height, width) < MIN_SIDE or height * width > MAX_PIXELS:
        raise ImageError(
            f"{name}: {width} x {height} pixels, need at least {MIN_SIDE} x {MIN_SIDE} and at most "
            f"{MAX_PIXELS:,} in all"
        )


def _is_pillow_image(picture: object) -> bool:
    """Whether it is one, found without importing Pillow: where there is such an image, Pillow is imported already."""
    pillow = sys.modules.get("PIL.Image")
    return pillow is not None and isinstance(picture, pillow.Image)


def _from_pillow(image: Image, color: Color, name: str) -> ByteArray:
    _check_size(
        image.height, image.width, name
    )  # before Pillow decodes the file that the image may stand for
    if image.mode[0] in "IF":
        raise ImageError(
            f"{name}: found a Pillow image of mode {image.mode}, need 8 bits a channel, such as L or RGB"
        )
    try:
        pixels = np.asarray(image.convert("L" if image.mode in {"1", "L", "LA"} else "RGB"))
    except Exception as error:  # Pillow decodes now, and its decoders raise errors of many kinds
        raise ImageError(f"{name}: cannot be decoded ({error})") from error
    return _from_array(pixels, color, name)
