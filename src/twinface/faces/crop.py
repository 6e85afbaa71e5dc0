"""How a face is cropped: a picture's region, brought to the size that a network takes."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from twinface.core.types import ByteArray, FloatArray
from twinface.faces.align import similarity_transform, warp
from twinface.faces.frame import STANDARD_FRAME, Frame
from twinface.faces.picture import Picture, load_picture
from twinface.faces.preparation import Preparation, Resize

_PRECISION = 22  # bits after the point of Pillow's weights


def prepare(image: ByteArray, preparation: Preparation) -> ByteArray:
    """Paints over what the mask hides, crops the region and resizes it.

    A crop that has the wanted size already is not resampled. Where the preparation has points, the picture is taken to
    lie in the standard frame, and is moved so that its landmarks come to these points.

    Args:
        image: [H, W, C] uint8 with the C of `preparation`.
        preparation: the mask, the region, and the size h × w.

    Returns:
        [h, w, C] uint8, a new contiguous array.

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
    if preparation.frame:
        return _moved(image, preparation.frame)
    face = image[preparation.region.of(*image.shape[:2])].copy()
    return resize(face, preparation.height, preparation.width, preparation.resize)


def _moved(image: ByteArray, frame: Frame) -> ByteArray:
    """A picture in the standard frame, of any size, in another frame."""
    size = np.array([image.shape[1] / STANDARD_FRAME.width, image.shape[0] / STANDARD_FRAME.height])
    landmarks = (STANDARD_FRAME.landmarks + 0.5) * size - 0.5
    return warp(image, similarity_transform(landmarks, frame.landmarks), frame.height, frame.width)


def prepare_picture(picture: Picture, preparation: Preparation, name: str | None = None) -> ByteArray:
    """Loads a picture and prepares it: [h, w, C] uint8, with the size and color of `preparation`.

    Args:
        picture: a path, the bytes of a file, an array or a Pillow image; see `load_picture`.
        preparation: the mask, the region, the size and the color.
        name: what to call the picture in an error; None takes its path or its type.

    Raises:
        ImageError: the picture cannot be read or decoded, or is an array of another shape or type.
    """
    return prepare(load_picture(picture, preparation.color, name), preparation)


def resize(image: ByteArray, height: int, width: int, method: Resize = "area") -> ByteArray:
    """A picture in another size; one that has that size already is returned as it is.

    Args:
        image: [H, W, C] uint8.
        height, width: in pixels.
        method: see `ImagingSettings`.

    Returns:
        [height, width, C] uint8.
    """
    if image.shape[:2] == (height, width):
        return image
    if method == "bicubic":
        return _bicubic(image, height, width)
    if method == "bilinear":
        return _by_opencv(image, (height, width), cv2.INTER_LINEAR)
    # Shrink first and enlarge afterwards. OpenCV's area average, the method that does not alias, falls back to linear
    # interpolation along both sides as soon as one of them grows.
    smaller = (min(image.shape[0], height), min(image.shape[1], width))
    for size, way in ((smaller, cv2.INTER_AREA), ((height, width), cv2.INTER_CUBIC)):
        image = _by_opencv(image, size, way)
    return image


def _by_opencv(image: ByteArray, size: tuple[int, int], method: int) -> ByteArray:
    if image.shape[:2] == size:
        return image
    resized = np.asarray(cv2.resize(image, size[::-1], interpolation=method), np.uint8)
    return resized.reshape(*size, image.shape[2])


def _bicubic(image: ByteArray, height: int, width: int) -> ByteArray:
    """Pillow's bicubic `Image.resize`: along rows, then along columns, with grey values rounded in between.

    To the bit up to Pillow 12, and for squares after it; for some other shapes Pillow 13 begins with the columns.
    """
    channels = image.shape[2]
    rows = np.ascontiguousarray(image.transpose(2, 0, 1), np.float64)  # [C, H, W]
    rows = _rounded(rows.reshape(-1, image.shape[1]), width).reshape(channels, -1, width)
    columns = np.ascontiguousarray(rows.transpose(0, 2, 1))  # [C, width, H]
    columns = _rounded(columns.reshape(-1, image.shape[0]), height).reshape(channels, width, height)
    return np.ascontiguousarray(columns.transpose(2, 1, 0), np.uint8)


def _rounded(lines: FloatArray, wanted: int) -> FloatArray:
    """Lines of grey values in another length: [N, size] → [N, wanted], whole numbers. All sums are exact in float64."""
    sums = np.empty((len(lines), wanted))
    for place, (first, weights) in enumerate(_pillow_weights(lines.shape[1], wanted)):
        sums[:, place] = lines[:, first : first + len(weights)] @ weights
    values: FloatArray = np.clip(np.floor(sums / (1 << _PRECISION) + 0.5), 0, 255)
    return values


@lru_cache(maxsize=8)
def _pillow_weights(size: int, wanted: int) -> tuple[tuple[int, FloatArray], ...]:
    """For each new pixel, the first of those that it is made of, and their weights in units of 2^-`_PRECISION`.

    The kernel is as wide as the pixels that become one (Pillow's Resample.c).
    """
    scale = size / wanted
    stretch = max(scale, 1.0)
    found = []
    for place in range(wanted):
        centre = (place + 0.5) * scale
        first, end = max(int(centre - 2 * stretch + 0.5), 0), min(int(centre + 2 * stretch + 0.5), size)
        weights = _cubic((np.arange(first, end, dtype=np.float64) - centre + 0.5) / stretch)
        weights /= weights.sum()
        found.append((first, np.trunc(weights * (1 << _PRECISION) + np.copysign(0.5, weights))))
    return tuple(found)


def _cubic(distance: FloatArray) -> FloatArray:
    """The cubic kernel with the parameter -0.5 (Keys 1981)."""
    x = np.abs(distance)
    inner, outer = (1.5 * x - 2.5) * x * x + 1, ((-0.5 * x + 2.5) * x - 4) * x + 2
    values: FloatArray = np.where(x < 1, inner, np.where(x < 2, outer, 0.0))
    return values
