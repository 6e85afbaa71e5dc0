"""Where a model looks: which regions of two faces move their score.

Occlusion sensitivity (Zeiler and Fergus 2014, sections 2.2 and 4.2), done for a pair: a patch in the picture's mean
colour slides over one picture while the other stays, and the change of the score is credited to the pixels beneath.
It asks nothing of the model but scores, so it works for any, and costs an embedding for each place of the patch.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from twinface.core.types import ByteArray, Float32Array, FloatArray, IntArray
from twinface.faces.picture import Picture
from twinface.models.onnx_model import OnnxModel
from twinface.models.scoring import embed_faces
from twinface.recognition.verdict import Verdict
from twinface.recognition.verifier import Verifier

PATCH = 0.2  # of the height and width of the prepared face
PLACES = 9  # of the patch along each side, evenly spread, so that patches overlap by half
CELLS = 5  # along each side of the coarse grid, whose cells are as large as a patch
DRAWS = 50

Window = tuple[slice, slice]


@dataclass(frozen=True, eq=False)
class Explanation:
    """Which regions of two faces speak for "same", and which against it.

    Attributes:
        faces: `[2, H, W, C]` uint8, as the model was given them.
        maps: `[2, H, W]` float32, the score less the score with a patch there, mean over the patches that cover the
            pixel. Positive: the region speaks for "same", the score falls without it. Negative: it speaks against.
        verdict: on the pair as it is.
        model: that was asked.
    """

    faces: ByteArray = field(repr=False)
    maps: Float32Array = field(repr=False)
    verdict: Verdict
    model: OnnxModel = field(repr=False)

    @property
    def score(self) -> float:
        """Of the pair as it is; higher means the same person."""
        return self.verdict.score

    def grid(self, cells: int = CELLS) -> FloatArray:
        """The maps in `cells` × `cells` means each: `[2, cells, cells]`."""
        windows = places(self.maps.shape[1:], 1 / cells, cells)
        means = [[float(part[window].mean()) for window in windows] for part in self.maps]
        return np.array(means).reshape(2, cells, cells)

    def deletion(self, share: float = 0.2, draws: int = DRAWS, seed: int = 0) -> Deletion:
        """Whether the map is right: do the cells that it marks move the score more than random ones, all at once?

        Of each picture the cells of the coarse grid are painted over whose mean in the map is furthest from 0; then as
        many that are drawn at random. One picture at a time: the same grey blots on both would make them look alike.

        Args:
            share: of a picture's cells, in (0, 1); at least one cell.
            draws: how often random cells are drawn.
            seed: of the drawing.

        Raises:
            ValueError: the share is not between 0 and 1.
        """
        marked = self.marked(share)
        count = marked.shape[1]
        every = np.tile(np.arange(CELLS * CELLS), (draws, 2, 1))
        drawn = np.random.default_rng(seed).permuted(every, axis=2)[..., :count]
        choices = np.concatenate([marked[np.newaxis], drawn])
        changes = self.score - self.scores_without(choices)
        return Deletion(share, changes[0], changes[1:])

    def marked(self, share: float) -> IntArray:
        """The cells of the coarse grid whose mean is furthest from 0, the furthest first.

        Args:
            share: of a picture's cells, in (0, 1); at least one cell.

        Returns:
            `[2, K]` numbers of cells, row by row, of either picture.

        Raises:
            ValueError: the share is not between 0 and 1.
        """
        if not 0 < share < 1:
            raise ValueError(f"share {share} of the cells, need one between 0 and 1")
        strength = np.abs(self.grid()).reshape(2, -1)
        order = np.argsort(-strength, axis=1, kind="stable")
        return order[:, : max(1, round(share * strength.shape[1]))]

    def scores_without(self, choices: IntArray) -> FloatArray:
        """The scores after cells of one picture were painted over.

        Args:
            choices: `[D, 2, K]` numbers of K cells of either picture, row by row of the coarse grid.

        Returns:
            `[D, 2]`: without the cells of the first picture, and without those of the second.
        """
        windows = places(self.maps.shape[1:], 1 / CELLS, CELLS)
        whole = embed_faces(self.model, self.faces)
        scores = np.empty(choices.shape[:2])
        for side, other in ((0, 1), (1, 0)):
            painted = [
                paint(self.faces[side], [windows[cell] for cell in cells]) for cells in choices[:, side]
            ]
            without = embed_faces(self.model, np.stack(painted))
            scores[:, side] = self.model.record.score(without, whole[other])
        return scores


@dataclass(frozen=True, eq=False)
class Deletion:
    """How far the score fell when cells of one picture were painted over; below 0 it rose.

    Attributes:
        share: of the picture's cells.
        marked: `[2]`, those that the map marks, in the first picture or the second.
        random: `[D, 2]`, as many drawn at random.
    """

    share: float
    marked: FloatArray
    random: FloatArray

    @property
    def advantage(self) -> float:
        """How much further the marked cells moved the score, either way, than random ones; mean of both pictures."""
        return float(np.abs(self.marked).mean() - np.abs(self.random).mean())


def explain(left: Picture, right: Picture, model: str | Path | Verifier = "default") -> Explanation:
    """Which regions of two pictures move their score, by a model.

    Args:
        left, right: each a path, the bytes of a file, an array or a Pillow image; see `Verifier.embed`.
        model: a run folder, its ONNX file, the name of a model that comes with Twinface, or a loaded verifier.

    Raises:
        ImageError: a picture cannot be read.
        ModelError: the model is missing or damaged.
    """
    began = time.perf_counter()
    verifier = model if isinstance(model, Verifier) else Verifier(model)
    faces = np.stack([verifier.prepare(left), verifier.prepare(right)])
    score, maps = occlusion_maps(verifier.model, verifier.record.score, faces)
    return Explanation(faces, maps, verifier.judge(score, began), verifier.model)


def occlusion_maps(
    embed: Callable[[ByteArray], Float32Array],
    score: Callable[[Float32Array, Float32Array], Float32Array],
    faces: ByteArray,
) -> tuple[float, Float32Array]:
    """The score of two faces, and how much of it goes with each pixel.

    Args:
        embed: `[B, H, W, C]` uint8 → `[B, D]` float32.
        score: `[..., D]` and `[..., D]` → `[...]`.
        faces: `[2, H, W, C]` uint8.

    Returns:
        The score, and the maps `[2, H, W]` of `Explanation`.
    """
    windows = places(faces.shape[1:3], PATCH, PLACES)
    whole = embed_faces(embed, faces)
    total = float(score(whole[0], whole[1]))
    maps = np.zeros(faces.shape[:3], np.float64)
    for side, other in ((0, 1), (1, 0)):
        without = embed_faces(embed, np.stack([paint(faces[side], [window]) for window in windows]))
        patches = np.zeros(faces.shape[1:3], np.int64)
        # The other picture stays as it is, and was embedded once.
        for window, rest in zip(windows, score(without, whole[other]), strict=True):
            maps[side][window] += total - float(rest)
            patches[window] += 1
        maps[side] /= patches
    return total, maps.astype(np.float32)


def places(size: Sequence[int], share: float, count: int) -> list[Window]:
    """Windows of a share of a picture's sides, `count` × `count` of them from edge to edge, row by row.

    They cover every pixel where they are as large as the steps between them.

    >>> [(rows.start, rows.stop) for rows, _ in places((10, 10), 0.4, 4)[::4]]
    [(0, 4), (2, 6), (4, 8), (6, 10)]
    """
    spans = []
    for pixels in size:
        # Up, so that windows side by side leave no gap where the share is no whole number of pixels.
        extent = min(pixels, int(np.ceil(share * pixels)))
        starts = np.linspace(0, pixels - extent, count).round().astype(int).tolist()
        spans.append([slice(start, start + extent) for start in starts])
    return [(rows, columns) for rows in spans[0] for columns in spans[1]]


def paint(face: ByteArray, windows: Sequence[Window]) -> ByteArray:
    """A copy of a face `[H, W, C]` with these windows in its mean colour."""
    painted = face.copy()
    colour = face.mean(axis=(0, 1)).round().astype(np.uint8)
    for window in windows:
        painted[window] = colour
    return painted
