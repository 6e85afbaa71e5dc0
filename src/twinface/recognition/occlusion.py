"""Occlusion maps: how much of the score of two faces each pixel is responsible for.

The method is occlusion sensitivity (Zeiler and Fergus 2014, sections 2.2 and 4.2), applied to a pair: a patch in the
picture's mean colour slides over one picture while the other stays as it is. The change of the score is credited to
the pixels beneath the patch. The method needs nothing but scores, so it works for any model. It takes one embedding
for each position of the patch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from twinface.core.types import ByteArray, Float32Array
from twinface.models.embedder import EmbedFunction
from twinface.models.scoring import Score, embed_faces

PATCH = 0.2  # size of the patch, as a share of the height and width of the prepared face
POSITIONS = 9  # of the patch along each side, evenly spread, so that neighbouring patches overlap by half

Window: TypeAlias = tuple[slice, slice]  # rows and columns of a picture


def occlusion_maps(embed: EmbedFunction, score: Score, faces: ByteArray) -> tuple[float, Float32Array]:
    """The score of two faces, and a map for each face.

    Args:
        embed: `[B, H, W, C]` uint8 → `[B, D]` float32.
        score: `[..., D]` and `[..., D]` → `[...]`.
        faces: `[2, H, W, C]` uint8.

    Returns:
        The score of the faces as they are.
        The maps, `[2, H, W]` float32. The value of a pixel is the score minus the score with a patch there, averaged
        over all patches that cover the pixel.

    Raises:
        DivergedError: an embedding is not finite.
    """
    patches = windows(faces.shape[1:3], PATCH, POSITIONS)
    whole = embed_faces(embed, faces)
    total = float(score(whole[0], whole[1]))
    maps = np.zeros(faces.shape[:3], np.float64)
    for side, other in ((0, 1), (1, 0)):
        painted = embed_faces(embed, np.stack([paint(faces[side], [patch]) for patch in patches]))
        covered = np.zeros(faces.shape[1:3], np.int64)
        for patch, changed in zip(patches, score(painted, whole[other]), strict=True):
            maps[side][patch] += total - float(changed)
            covered[patch] += 1
        maps[side] /= covered
    return total, maps.astype(np.float32)


def windows(size: Sequence[int], share: float, count: int) -> list[Window]:
    """`count` × `count` windows from edge to edge of a picture, row by row.

    Where they are at least as large as the steps between them, they cover every pixel.

    Args:
        size: height and width of the picture in pixels.
        share: height and width of a window as a share of those of the picture, in (0, 1].
        count: windows along each side, at least 1.

    Example:
        >>> [(rows.start, rows.stop) for rows, _ in windows((10, 10), 0.4, 4)[::4]]
        [(0, 4), (2, 6), (4, 8), (6, 10)]
    """
    spans = []
    for pixels in size:
        # Rounded up, so that windows side by side leave no gap where the share is not a whole number of pixels.
        extent = min(pixels, int(np.ceil(share * pixels)))
        starts = np.linspace(0, pixels - extent, count).round().astype(int).tolist()
        spans.append([slice(start, start + extent) for start in starts])
    return [(rows, columns) for rows in spans[0] for columns in spans[1]]


def paint(face: ByteArray, areas: Sequence[Window]) -> ByteArray:
    """A copy of a face `[H, W, C]` uint8 in which these windows have the face's mean colour."""
    painted = face.copy()
    colour = face.mean(axis=(0, 1)).round().astype(np.uint8)
    for area in areas:
        painted[area] = colour
    return painted
