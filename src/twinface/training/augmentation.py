"""Random distortions of a batch of faces: affine maps, mirror images, light, erased rectangles.

All randomness comes from a NumPy generator that the caller seeds by (seed, epoch, step). So a resumed run distorts each
picture as an uninterrupted run does.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from twinface.core.settings_sections import AugmentSettings
from twinface.core.types import FloatArray, IntArray
from twinface.training.look_alikes import look_alike_map
from twinface.training.processes import Share


def augment(
    images: Tensor,
    settings: AugmentSettings,
    random: np.random.Generator,
    look_alike: IntArray | None = None,
    share: Share | None = None,
) -> Tensor:
    """Distorts each picture separately.

    Args:
        images: [B, C, H, W] float32 grey values in [0, 255].
        settings: which distortions, how large and how often.
        random: source of all randomness; the number of draws does not depend on the settings.
        look_alike: [B] numbers of look-alikes (see `look_alikes`); the pictures are turned into these first.
        share: the rows of a batch that the pictures are; each is distorted as in the whole batch. None for all rows.

    Returns:
        [B, C, H, W] float32 in [0, 255].
    """
    height, width = images.shape[2:]
    share = share or Share(0, len(images), len(images))
    count, rows = share.total, share.rows
    matrices = affine_matrices(count, height, width, settings, random)
    light = random.uniform(-1, 1, (2, count)).astype(np.float32)
    boxes, erased = _boxes(count, height, width, random), random.random(count) < settings.erase
    moved = not np.array_equal(matrices, np.tile(np.eye(2, 3), (count, 1, 1)))
    if not len(images):
        return images
    matrices, light, boxes, erased = matrices[rows], light[:, rows], boxes[rows], erased[rows]
    if moved or look_alike is not None:
        images = _warp(images, torch.from_numpy(matrices.astype(np.float32)).to(images.device), look_alike)
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
    """Draws maps `[B, 2, 3]` from output to input coordinates in [-1, 1], in the form of torch's `affine_grid`.

    Rotation, shear, scale, shift and zoom each happen with `settings.probability`, independently, as in Koch et al.
    (2015), section 3.3; mirroring with `settings.flip`.
    """
    amounts = random.uniform(-1, 1, (7, count))
    happens = random.random((5, count)) < settings.probability
    angle = np.deg2rad(settings.rotation) * amounts[0] * happens[0]
    shear = settings.shear * amounts[1] * happens[1]
    scale_x, scale_y = (1 + settings.scale * amounts[2:4] * happens[2]) * (
        1 + settings.zoom * amounts[6] * happens[4]
    )
    # Coordinates run from -1 to 1, so a pixel is 2 / size.
    shift_x = 2 / width * settings.shift * amounts[4] * happens[3]
    shift_y = 2 / height * settings.shift * amounts[5] * happens[3]
    mirror = np.where(random.random(count) < settings.flip, -1.0, 1.0)
    cosine, sine = np.cos(angle), np.sin(angle)
    # Rows: x and y of the input. The factor `aspect` keeps a rotation from becoming a shear in frames that are not
    # square.
    aspect = width / height
    matrices = np.empty((count, 2, 3))
    matrices[:, 0, 0] = mirror * (cosine + shear * sine) / scale_x
    matrices[:, 0, 1] = mirror * (shear * cosine - sine) / scale_x / aspect
    matrices[:, 1, 0] = sine / scale_y * aspect
    matrices[:, 1, 1] = cosine / scale_y
    matrices[:, 0, 2], matrices[:, 1, 2] = shift_x, shift_y
    return matrices


def _warp(images: Tensor, matrices: Tensor, look_alike: IntArray | None) -> Tensor:
    height, width = images.shape[2:]
    grid = functional.affine_grid(matrices, list(images.shape), align_corners=False)
    if look_alike is not None:
        maps = torch.stack([look_alike_map(int(number), height, width) for number in look_alike])
        # From the output to a place of the look-alike, and from there to a place of the picture.
        grid = functional.grid_sample(maps.to(grid.device), grid, padding_mode="border", align_corners=False)
        grid = grid.permute(0, 2, 3, 1)
    return functional.grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=False)


def _boxes(count: int, height: int, width: int, random: np.random.Generator) -> np.ndarray:
    """Rectangles `[B, 4]` (top, left, bottom, right) of 2 % to 20 % of the area (Zhong et al. 2020)."""
    area = random.uniform(0.02, 0.20, count) * height * width
    aspect = np.exp(random.uniform(np.log(0.3), np.log(1 / 0.3), count))
    tall = np.clip(np.sqrt(area * aspect), 1, height).astype(int)
    wide = np.clip(np.sqrt(area / aspect), 1, width).astype(int)
    top = (random.random(count) * (height - tall + 1)).astype(int)
    left = (random.random(count) * (width - wide + 1)).astype(int)
    return np.stack([top, left, top + tall, left + wide], axis=1)
