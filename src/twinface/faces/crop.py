"""How a face is cropped: a picture's region, brought to the size that a network takes."""

from __future__ import annotations

import numpy as np

from twinface.core.types import ByteArray
from twinface.faces.align import similarity_transform, warp
from twinface.faces.frame import STANDARD_FRAME, Frame
from twinface.faces.picture import Picture, load_picture
from twinface.faces.preparation import Preparation
from twinface.faces.resize import resize


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
