"""Simulated conditions of photos: size, blur, noise, compression, light, something before the face, loose framing.

A threshold that is fitted to one collection of photos does not hold on another one, because all photos of a collection
share a camera, a light or a size, and so all of their scores are higher. Here such collections are simulated: all faces
of one get the same condition, with small differences.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from twinface.core.types import ByteArray, Float32Array
from twinface.faces.frame import Frame
from twinface.faces.preparation import Preparation

# Pixels between the eyes of a photo before it is reduced; noise and compression are as in such a photo.
PHOTO_EYES = 46.0


@dataclass(frozen=True)
class Condition:
    """How the photos of one simulated collection look. Lengths are in eye distances.

    The defaults change nothing in a face of `PHOTO_EYES`, but some photos of any collection are a little smaller than
    others.

    Attributes:
        gamma: exponent of the brightness in [0, 1]; below 1 is brighter.
        contrast: factor around mid-gray.
        light: from one side: its direction in radians and its strength, in [0, 1).
        cover: a patch before the face: its height, width, and the place of its middle from the middle of the picture
            (down, right), and its gray value; or None.
        shift: of the framing (down, right).
        zoom: of the framing, a factor.
        reduction: the photo is this much smaller, in (0, 1].
        smooth: whether a reduced photo is enlarged smoothly or in blocks.
        blur: standard deviation of a Gaussian.
        noise: standard deviation, in gray values.
        jpeg: quality of compression, 1 to 100, or None.
    """

    gamma: float = 1.0
    contrast: float = 1.0
    light: tuple[float, float] = (0.0, 0.0)
    cover: tuple[float, float, float, float, float] | None = None
    shift: tuple[float, float] = (0.0, 0.0)
    zoom: float = 1.0
    reduction: float = 1.0
    smooth: bool = True
    blur: float = 0.0
    noise: float = 0.0
    jpeg: int | None = None


def draw_condition(random: np.random.Generator) -> Condition:
    """A condition as photos outside a laboratory have it; most have two or three effects."""

    def happens(share: float) -> bool:
        return bool(random.random() < share)

    return Condition(
        gamma=math.exp(random.uniform(-1, 1)) if happens(0.3) else 1.0,
        contrast=random.uniform(0.25, 1.2) if happens(0.25) else 1.0,
        light=(random.uniform(0, 2 * math.pi), random.uniform(0.2, 0.9)) if happens(0.25) else (0.0, 0.0),
        cover=_draw_cover(random) if happens(0.2) else None,
        shift=(random.normal(0, 0.065), random.normal(0, 0.065)) if happens(0.4) else (0.0, 0.0),
        zoom=math.exp(random.normal(0, 0.04)) if happens(0.4) else 1.0,
        reduction=math.exp(random.uniform(math.log(0.13), 0)) if happens(0.45) else 1.0,
        smooth=happens(0.67),
        blur=random.uniform(0.01, 0.11) if happens(0.3) else 0.0,
        noise=random.uniform(2, 25) if happens(0.25) else 0.0,
        jpeg=int(random.uniform(8, 60)) if happens(0.4) else None,
    )


def _draw_cover(random: np.random.Generator) -> tuple[float, float, float, float, float]:
    height, width = random.uniform(0.3, 1.1, 2)
    return height, width, random.uniform(-0.8, 1.0), random.uniform(-0.9, 0.9), random.uniform(0, 255)


def apply_condition(
    face: ByteArray, condition: Condition, eye_distance: float, random: np.random.Generator
) -> ByteArray:
    """A face as a photo of that condition shows it.

    Args:
        face: [H, W, C] uint8, an aligned or prepared face; C is 1 or 3.
        condition: of the collection.
        eye_distance: in pixels of the face.
        random: source of the differences between the photos of a collection.

    Returns:
        [H, W, C] uint8.
    """
    size, scale = face.shape[:2], PHOTO_EYES / eye_distance
    if abs(scale - 1) > 0.05:
        method = cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA
        face = np.asarray(_planes(cv2.resize(face, None, fx=scale, fy=scale, interpolation=method)), np.uint8)
    photo = _photo(face, condition, random)
    if photo.shape[:2] != size:
        photo = np.asarray(_planes(cv2.resize(photo, size[::-1], interpolation=cv2.INTER_AREA)), np.uint8)
    return photo


def _photo(face: ByteArray, condition: Condition, random: np.random.Generator) -> ByteArray:
    """A face with `PHOTO_EYES` pixels between the eyes under a condition: [H, W, C] uint8."""
    vary = np.exp(random.normal(0, 1, 5))  # always as many draws, whatever the condition
    pixels: Float32Array = _framed(face, condition).astype(np.float32)
    if condition.gamma != 1:
        pixels = np.asarray(255 * (pixels / 255) ** np.float32(condition.gamma * vary[0] ** 0.1), np.float32)
    if condition.contrast != 1:
        gain = np.float32(condition.contrast * vary[1] ** 0.1)
        pixels = np.asarray(128 + (pixels - 128) * gain, np.float32)
    pixels = np.asarray(np.clip(_lit(pixels, condition), 0, 255), np.float32)
    if condition.cover is not None:
        _put_before(pixels, condition.cover, random)
    reduced = _reduced(pixels, min(1.0, condition.reduction * vary[2] ** 0.15), condition.smooth)
    if condition.blur:
        sigma = condition.blur * PHOTO_EYES * vary[3] ** 0.15
        reduced = np.asarray(_planes(cv2.GaussianBlur(reduced, (0, 0), sigma)), np.float32)
    if condition.noise:
        height, width = reduced.shape[:2]
        noise = random.normal(0, condition.noise * vary[4] ** 0.2, (height, width, 1)).astype(np.float32)
        reduced = np.asarray(reduced + noise, np.float32)  # the same in all channels
    found: ByteArray = np.clip(reduced + 0.5, 0, 255).astype(np.uint8)
    if condition.jpeg is not None:
        packed = cv2.imencode(".jpg", found, [cv2.IMWRITE_JPEG_QUALITY, condition.jpeg])[1]
        found = np.asarray(_planes(cv2.imdecode(packed, cv2.IMREAD_UNCHANGED)), np.uint8)
    return found


def prepared_frame(preparation: Preparation, frame: Frame) -> Frame:
    """Where the landmarks lie in a prepared face.

    Args:
        preparation: of the picture.
        frame: where they lie in the picture before.
    """
    if preparation.frame is not None:
        return preparation.frame
    region = preparation.region
    across = preparation.width / (region.width * frame.width)
    down = preparation.height / (region.height * frame.height)
    points = tuple(
        (
            (x + 0.5 - region.left * frame.width) * across - 0.5,
            (y + 0.5 - region.top * frame.height) * down - 0.5,
        )
        for x, y in frame.points
    )
    return Frame(preparation.height, preparation.width, points)


def eye_distance_of(frame: Frame) -> float:
    """Pixels between the eyes of a face in a frame."""
    return math.dist(frame.points[0], frame.points[1])


def _framed(face: ByteArray, condition: Condition) -> ByteArray:
    """Shifted and zoomed around the middle; the edge is repeated outside."""
    if condition.zoom == 1 and condition.shift == (0.0, 0.0):
        return face
    height, width = face.shape[:2]
    down, right = np.array(condition.shift) * PHOTO_EYES
    middle = np.array([(width - 1) / 2, (height - 1) / 2])
    matrix = np.column_stack([condition.zoom * np.eye(2), (1 - condition.zoom) * middle + (right, down)])
    return np.asarray(
        _planes(cv2.warpAffine(face, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)), np.uint8
    )


def _lit(pixels: Float32Array, condition: Condition) -> Float32Array:
    """With light from one side."""
    direction, strength = condition.light
    if not strength:
        return pixels
    height, width = pixels.shape[:2]
    down, right = np.linspace(-1, 1, height)[:, None], np.linspace(-1, 1, width)[None]
    slope = 1 + strength * (math.cos(direction) * right + math.sin(direction) * down)
    return np.asarray(pixels * slope[:, :, None], np.float32)


def _put_before(
    pixels: Float32Array,
    cover: tuple[float, float, float, float, float],
    random: np.random.Generator,
) -> None:
    """Paints a patch, a little elsewhere in each photo; changes `pixels`."""
    height, width, down, right, gray = cover
    moved = random.normal(0, 0.05, 2)
    top = pixels.shape[0] / 2 + (down + moved[0] - height / 2) * PHOTO_EYES
    left = pixels.shape[1] / 2 + (right + moved[1] - width / 2) * PHOTO_EYES
    rows = slice(max(0, round(top)), max(0, round(top + height * PHOTO_EYES)))
    columns = slice(max(0, round(left)), max(0, round(left + width * PHOTO_EYES)))
    pixels[rows, columns] = gray


def _reduced(pixels: Float32Array, factor: float, smooth: bool) -> Float32Array:
    """As if the photo had been smaller, and enlarged again."""
    if factor == 1:
        return pixels
    height, width = pixels.shape[:2]
    small = max(1, round(width * factor)), max(1, round(height * factor))
    less = cv2.resize(pixels, small, interpolation=cv2.INTER_AREA)
    way = cv2.INTER_LINEAR if smooth else cv2.INTER_NEAREST
    return np.asarray(_planes(cv2.resize(less, (width, height), interpolation=way)), np.float32)


def _planes(pixels: Any) -> Any:
    """[H, W, C], also for one channel, where OpenCV gives [H, W]."""
    return pixels if pixels.ndim == 3 else pixels[:, :, None]
