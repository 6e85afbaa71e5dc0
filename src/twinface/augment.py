"""Random distortions of a batch of faces: affine, mirror, light, erasing.

All that is random is drawn from a NumPy generator that the caller places by (seed, epoch, step), so that a
resumed run distorts each picture as it would have been.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from twinface.config import AugmentSettings
from twinface.types import FloatArray, IntArray

# Mirror image, and how much wider and taller. A face with other proportions, or with its sides exchanged, is one that
# nobody in the data has: it can stand for one more person.
LOOK_ALIKES = np.array(
    [
        (mirror, wider, taller)
        for wider, taller in ((1, 1), (0.85, 1), (1, 0.85), (1.15, 1), (1, 1.15), (0.88, 1.14), (1.14, 0.88))
        for mirror in (1, -1)
    ]
)


def augment(
    images: Tensor, settings: AugmentSettings, random: np.random.Generator, look_alike: IntArray | None = None
) -> Tensor:
    """Distorts each picture on its own.

    Args:
        images: [B, C, H, W] float32 grey values in [0, 255].
        settings: which distortions, how far and how often.
        random: where all randomness comes from; always drawn from equally often, whatever the settings.
        look_alike: [B] rows of `LOOK_ALIKES`, which change a picture before it is distorted; None changes nothing.

    Returns:
        [B, C, H, W] float32 in [0, 255].
    """
    count, _, height, width = images.shape
    matrices = affine_matrices(count, height, width, settings, random)
    if look_alike is not None:
        mirror, wider, taller = LOOK_ALIKES[look_alike].T
        # From output to input: what makes a face wider divides.
        matrices[:, 0] *= (mirror / wider)[:, None]
        matrices[:, 1] /= taller[:, None]
    light = random.uniform(-1, 1, (2, count)).astype(np.float32)
    boxes, erased = _boxes(count, height, width, random), random.random(count) < settings.erase
    if not np.array_equal(matrices, np.tile(np.eye(2, 3), (count, 1, 1))):
        images = _warp(images, torch.from_numpy(matrices.astype(np.float32)).to(images.device))
    if settings.brightness or settings.contrast:
        shift, gain = torch.from_numpy(light).to(images.device)[:, :, None, None, None]
        mean = images.mean(dim=(1, 2, 3), keepdim=True)
        images = (images - mean) * (1 + settings.contrast * gain) + mean + 255 * settings.brightness * shift
        images = images.clamp(0, 255)
    if erased.any():
        images = images.clone()
        for row in np.flatnonzero(erased):
            top, left, bottom, right = boxes[row]
            images[row, :, top:bottom, left:right] = images[row].mean()
    return images


def affine_matrices(
    count: int, height: int, width: int, settings: AugmentSettings, random: np.random.Generator
) -> FloatArray:
    """Draws `[B, 2, 3]` maps from output to input coordinates in [-1, 1] (torch's `affine_grid` form).

    Each of rotation, shear, scale, shift and zoom happens with `settings.probability`, independently, as in Koch et
    al. (2015), section 3.3; mirroring has its own chance.
    """
    amounts = random.uniform(-1, 1, (7, count))
    happens = random.random((5, count)) < settings.probability
    angle = np.deg2rad(settings.rotation) * amounts[0] * happens[0]
    shear = settings.shear * amounts[1] * happens[1]
    scale_x, scale_y = (1 + settings.scale * amounts[2:4] * happens[2]) * (
        1 + settings.zoom * amounts[6] * happens[4]
    )
    # Coordinates run from -1 to 1, so that a pixel is 2 / size of them.
    shift_x = 2 / width * settings.shift * amounts[4] * happens[3]
    shift_y = 2 / height * settings.shift * amounts[5] * happens[3]
    mirror = np.where(random.random(count) < settings.flip, -1.0, 1.0)
    cosine, sine = np.cos(angle), np.sin(angle)
    # Rows: x and y of the input; the frame's proportions keep a rotation from becoming a shear.
    aspect = width / height
    matrices = np.empty((count, 2, 3))
    matrices[:, 0, 0] = mirror * (cosine + shear * sine) / scale_x
    matrices[:, 0, 1] = mirror * (shear * cosine - sine) / scale_x / aspect
    matrices[:, 1, 0] = sine / scale_y * aspect
    matrices[:, 1, 1] = cosine / scale_y
    matrices[:, 0, 2], matrices[:, 1, 2] = shift_x, shift_y
    return matrices


def _warp(images: Tensor, matrices: Tensor) -> Tensor:
    grid = functional.affine_grid(matrices, list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=False)


def _boxes(count: int, height: int, width: int, random: np.random.Generator) -> np.ndarray:
    """`[B, 4]` rectangles (top, left, bottom, right) of 2 % to 20 % of the area (Zhong et al. 2020)."""
    area = random.uniform(0.02, 0.20, count) * height * width
    aspect = np.exp(random.uniform(np.log(0.3), np.log(1 / 0.3), count))
    tall = np.clip(np.sqrt(area * aspect), 1, height).astype(int)
    wide = np.clip(np.sqrt(area / aspect), 1, width).astype(int)
    top = (random.random(count) * (height - tall + 1)).astype(int)
    left = (random.random(count) * (width - wide + 1)).astype(int)
    return np.stack([top, left, top + tall, left + wide], axis=1)
