"""The deletion test: are occlusion maps right about which regions of a face matter?

A face is divided into a coarse grid of cells. The cells with the strongest values in the map are painted over, all at
once. If the map is right, this moves the score further than painting over as many random cells.

Only one picture of the pair is painted at a time. The same grey blots on both pictures would make them look alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from twinface.core.types import ByteArray, Float32Array, FloatArray, IntArray
from twinface.models.embedder import Embedder
from twinface.models.scoring import embed_faces
from twinface.recognition.face_window import Window
from twinface.recognition.occlusion import paint, windows

CELLS = 5  # along each side of the grid; a cell is as large as a patch of the map
DRAWS = 50  # of random cells


@dataclass(frozen=True, eq=False)
class Deletion:
    """How far the score fell when cells of one picture were painted over. Below 0, it rose.

    Attributes:
        share: of the picture's cells that were painted over.
        marked: `[2]`, with the cells that the map marks, in the first picture and in the second.
        random: `[R, 2]`, with as many cells drawn at random, R times.
    """

    share: float
    marked: FloatArray
    random: FloatArray

    @property
    def advantage(self) -> float:
        """How much further marked cells moved the score than random ones, up or down; mean of both pictures."""
        return float(np.abs(self.marked).mean() - np.abs(self.random).mean())


def deletion_test(
    model: Embedder,
    faces: ByteArray,
    maps: Float32Array,
    share: float = 0.2,
    draws: int = DRAWS,
    seed: int = 0,
    within: Window | None = None,
) -> Deletion:
    """Paint over the cells that the maps mark, then random cells, and compare the changes of the score.

    Args:
        model: made the maps.
        faces: `[2, H, W, C]` uint8.
        maps: `[2, H, W]`, see `occlusion.occlusion_maps`.
        share: of a picture's cells to paint over, in (0, 1); at least one cell is painted over.
        draws: how often random cells are drawn.
        seed: of the random cells.
        within: the window that the maps cover; None is the whole picture.

    Raises:
        ValueError: the share is not between 0 and 1.
    """
    marked = strongest_cells(maps, share, within)
    count = marked.shape[1]
    every = np.tile(np.arange(CELLS * CELLS), (draws, 2, 1))
    drawn = np.random.default_rng(seed).permuted(every, axis=2)[..., :count]
    scores = scores_without_cells(model, faces, np.concatenate([marked[np.newaxis], drawn]), within)
    whole = embed_faces(model, faces)
    changes = float(model.record.score(whole[0], whole[1])) - scores
    return Deletion(share, changes[0], changes[1:])


def cell_means(maps: Float32Array, cells: int = CELLS, within: Window | None = None) -> FloatArray:
    """The maps `[2, H, W]`, or a window of them, as means over a grid: `[2, cells, cells]`."""
    grid = windows(maps.shape[1:], 1 / cells, cells, within)
    means = [[float(part[cell].mean()) for cell in grid] for part in maps]
    return np.array(means).reshape(2, cells, cells)


def strongest_cells(maps: Float32Array, share: float, within: Window | None = None) -> IntArray:
    """The cells with the mean furthest from 0, the furthest first.

    Args:
        maps: `[2, H, W]`.
        share: of a picture's cells, in (0, 1); at least one cell is taken.
        within: the window that the cells divide; None is the whole picture.

    Returns:
        `[2, K]` int64, numbers of cells of each picture, counted row by row.

    Raises:
        ValueError: the share is not between 0 and 1.
    """
    if not 0 < share < 1:
        raise ValueError(f"share {share} of the cells, need one between 0 and 1")
    strength = np.abs(cell_means(maps, within=within)).reshape(2, -1)
    order = np.argsort(-strength, axis=1, kind="stable")
    return order[:, : max(1, round(share * strength.shape[1]))]


def scores_without_cells(
    model: Embedder, faces: ByteArray, choices: IntArray, within: Window | None = None
) -> FloatArray:
    """The scores of two faces after cells of one of them were painted over.

    Args:
        model: embeds and scores.
        faces: `[2, H, W, C]` uint8.
        choices: `[R, 2, K]`, R choices of K cells of each picture, counted row by row.
        within: the window that the cells divide; None is the whole picture.

    Returns:
        `[R, 2]`: the score with the first picture painted, and the score with the second picture painted.
    """
    grid = windows(faces.shape[1:3], 1 / CELLS, CELLS, within)
    whole = embed_faces(model, faces)
    scores = np.empty(choices.shape[:2])
    for side, other in ((0, 1), (1, 0)):
        painted = [paint(faces[side], [grid[cell] for cell in cells]) for cells in choices[:, side]]
        scores[:, side] = model.record.score(embed_faces(model, np.stack(painted)), whole[other])
    return scores
