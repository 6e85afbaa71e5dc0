"""Turns, scales and cuts a face from a photo, so that its landmarks come to the place that a model expects."""

from __future__ import annotations

import cv2
import numpy as np

from twinface.core.types import ByteArray, FloatArray
from twinface.faces.frame import STANDARD_FRAME, Frame, Landmarks
from twinface.faces.shrink import shrink


def similarity_transform(source: Landmarks, target: Landmarks) -> FloatArray:
    """The rotation, scale and shift that bring points closest to others, by least squares (Umeyama 1991).

    Reflections are not allowed.

    Args:
        source: [K, 2] float, K ≥ 2 points (x, y), not all in one place.
        target: [K, 2] float.

    Returns:
        [2, 3] float64: `matrix @ [x, y, 1]` is the new place of a point.

    Raises:
        ValueError: all source points are in one place, or one is not a number.

    Example:
        >>> similarity_transform(np.array([[0.0, 0], [1, 0]]), np.array([[5.0, 5], [5, 7]])).round(6).tolist()
        [[0.0, -2.0, 5.0], [2.0, 0.0, 5.0]]
    """
    # With points as complex numbers, a rotation with scale is one complex factor.
    before, after = (points[:, 0] + 1j * points[:, 1] for points in (source, target))
    centred = before - before.mean()
    spread = (centred.conj() @ centred).real
    if not spread > 0:
        raise ValueError("the landmarks are all in one place or no numbers, need those of a face")
    factor = (centred.conj() @ (after - after.mean())) / spread
    shift = after.mean() - factor * before.mean()
    return np.array([[factor.real, -factor.imag, shift.real], [factor.imag, factor.real, shift.imag]])


def align(pixels: ByteArray, landmarks: Landmarks, frame: Frame = STANDARD_FRAME) -> ByteArray:
    """Cuts an aligned face from a photo.

    Where the face must shrink, the photo is first reduced by area averages, so that nothing aliases.

    Args:
        pixels: [H, W, C] uint8.
        landmarks: [5, 2], in pixels of the photo.
        frame: where they come to.

    Returns:
        [frame.height, frame.width, C] uint8. What lies outside the photo is black.

    Raises:
        ValueError: the landmarks are all in one place, no numbers, or do not fit into the frame.
    """
    return warp(pixels, similarity_transform(landmarks, frame.landmarks), frame.height, frame.width)


def warp(pixels: ByteArray, matrix: FloatArray, height: int, width: int) -> ByteArray:
    """Moves the points of a picture by a similarity transform.

    Args:
        pixels: [H, W, C] uint8.
        matrix: [2, 3], as `similarity_transform` returns it.
        height, width: of the result.

    Returns:
        [height, width, C] uint8.
    """
    channels = pixels.shape[2]
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    pixels, matrix = _cut(pixels, matrix, height, width)
    if 0 in pixels.shape:  # the whole frame lies outside the photo
        return np.zeros((height, width, channels), np.uint8)
    if scale < 1:
        size = [max(1, round(side * scale)) for side in pixels.shape[:2]]
        pixels, across, down = shrink(pixels, *size)
        # Pixel centres are at whole numbers: the centre of the first pixel moves by half a pixel of either size.
        matrix = _after_shrinking(matrix, across, down)
    method = cv2.INTER_LINEAR if scale < 1 else cv2.INTER_CUBIC
    moved = cv2.warpAffine(pixels, matrix, (width, height), flags=method, borderMode=cv2.BORDER_CONSTANT)
    return np.asarray(moved, np.uint8).reshape(height, width, channels)


def _cut(pixels: ByteArray, matrix: FloatArray, height: int, width: int) -> tuple[ByteArray, FloatArray]:
    """The part of the picture that the result can show, and the transform from that part."""
    corners = np.array([[-1, -1], [width, -1], [-1, height], [width, height]], np.float64)
    inverse = np.linalg.inv(matrix[:, :2])
    places = (corners - matrix[:, 2]) @ inverse.T
    reach = 2 + 2 / max(1e-6, float(np.hypot(matrix[0, 0], matrix[1, 0])))
    limits = np.array(pixels.shape[1::-1])
    low = np.clip(np.floor(places.min(axis=0) - reach), 0, limits).astype(int)
    high = np.clip(np.ceil(places.max(axis=0) + reach), low, limits).astype(int)
    part = pixels[low[1] : high[1], low[0] : high[0]]
    return part, np.column_stack([matrix[:, :2], matrix[:, 2] + matrix[:, :2] @ low])


def _after_shrinking(matrix: FloatArray, across: float, down: float) -> FloatArray:
    """The transform from a smaller picture, where `matrix` was that from the picture before.

    Args:
        matrix: [2, 3].
        across, down: pixels of the picture before that one of its pixels stands for.
    """
    back = np.array([[across, 0, across / 2 - 0.5], [0, down, down / 2 - 0.5], [0, 0, 1]])
    return np.asarray(matrix @ back, np.float64)
