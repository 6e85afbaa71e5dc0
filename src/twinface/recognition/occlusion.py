"""Occlusion maps: how much of the score of two faces each pixel is responsible for.

The method is occlusion sensitivity (Zeiler and Fergus 2014, sections 2.2 and 4.2), applied to a pair: a patch in the
picture's mean colour slides over one picture while the other stays as it is. The change of the score is credited to
the pixels beneath the patch. The method needs nothing but scores, so it works for any model. It takes one embedding
for each position of the patch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from twinface.core.types import ByteArray, Float32Array, ProgressCallback
from twinface.models.embedder import EmbedFunction
from twinface.models.scoring import Score, embed_faces
from twinface.recognition.face_window import Window


@dataclass(frozen=True)
class Patches:
    """The patches that cover a face one after the other.

    Attributes:
        share: height and width of a patch as a share of those of the covered window, in (0, 1].
        positions: along each side, evenly spread.
    """

    share: float
    positions: int

    @property
    def step(self) -> float:
        """From one position to the next, as a share of the window's side."""
        return (1 - self.share) / (self.positions - 1)


FINE = Patches(0.2, 9)  # 162 embeddings a pair; neighbouring patches overlap by half
COARSE = Patches(0.25, 6)  # 72 embeddings
COARSEST = Patches(0.3, 5)  # 50 embeddings, for several networks that take 100 ms together


def occlusion_maps(
    embed: EmbedFunction,
    score: Score,
    faces: ByteArray,
    patches: Patches = FINE,
    within: Window | None = None,
    progress: ProgressCallback | None = None,
) -> tuple[float, Float32Array]:
    """The score of two faces, and a map for each face.

    Args:
        embed: `[B, H, W, C]` uint8 → `[B, D]` float32.
        score: `[..., D]` and `[..., D]` → `[...]`.
        faces: `[2, H, W, C]` uint8.
        patches: that cover the window.
        within: the window that is covered; None is the whole picture.
        progress: called with (embeddings done, in total).

    Returns:
        The score of the faces as they are.
        The maps, `[2, H, W]` float32. The value of a pixel is the score minus the score with a patch there, averaged
        over all patches that cover the pixel; 0 outside the window.

    Raises:
        DivergedError: an embedding is not finite.
    """
    places = windows(faces.shape[1:3], patches.share, patches.positions, within)
    whole = embed_faces(embed, faces)
    total = float(score(whole[0], whole[1]))
    maps = np.zeros(faces.shape[:3], np.float64)
    for side, other in ((0, 1), (1, 0)):

        def report(done: int, _: int, before: int = side * len(places)) -> None:
            if progress:
                progress(before + done, 2 * len(places))

        painted = np.stack([paint(faces[side], [place]) for place in places])
        embeddings = embed_faces(embed, painted, progress=report)
        covered = np.zeros(faces.shape[1:3], np.int64)
        for place, changed in zip(places, score(embeddings, whole[other]), strict=True):
            maps[side][place] += total - float(changed)
            covered[place] += 1
        maps[side] /= np.maximum(covered, 1)
    return total, maps.astype(np.float32)


def windows(size: Sequence[int], share: float, count: int, within: Window | None = None) -> list[Window]:
    """`count` × `count` windows from edge to edge of a picture, or of a part of it, row by row.

    Where they are at least as large as the steps between them, they cover every pixel.

    Args:
        size: height and width of the picture in pixels.
        share: height and width of a window as a share of those of the picture, in (0, 1].
        count: windows along each side, at least 1.
        within: the part; None is the whole picture.

    Example:
        >>> [(rows.start, rows.stop) for rows, _ in windows((10, 10), 0.4, 4)[::4]]
        [(0, 4), (2, 6), (4, 8), (6, 10)]
    """
    spans = []
    for pixels, part in zip(size, within or (slice(None), slice(None)), strict=True):
        first, last, _ = part.indices(pixels)
        # Rounded up, so that windows side by side leave no gap where the share is not a whole number of pixels.
        extent = min(last - first, int(np.ceil(share * (last - first))))
        starts = np.linspace(first, last - extent, count).round().astype(int).tolist()
        spans.append([slice(start, start + extent) for start in starts])
    return [(rows, columns) for rows in spans[0] for columns in spans[1]]


def paint(face: ByteArray, areas: Sequence[Window]) -> ByteArray:
    """A copy of a face `[H, W, C]` uint8 in which these windows have the face's mean colour."""
    painted = face.copy()
    colour = face.mean(axis=(0, 1)).round().astype(np.uint8)
    for area in areas:
        painted[area] = colour
    return painted
