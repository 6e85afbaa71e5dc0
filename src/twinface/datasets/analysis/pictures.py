"""Pictures as files and as pixels: sizes, brightness, contrast."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass

import numpy as np

from twinface.core.errors import DataError
from twinface.core.types import FaceSet
from twinface.datasets.analysis.spread import Histogram, Spread
from twinface.faces.picture import load_picture


@dataclass(frozen=True)
class PicturesAnalysis:
    """The pictures as files and as pixels.

    Attributes:
        total_bytes, file_bytes: over all pictures.
        sampled: how many of the pictures were decoded, as gray, for the figures below.
        seed: with which these pictures were chosen.
        sizes: (height, width, pictures of the sample), the most frequent first.
        brightness: mean of a picture's pixels, 0 (black) to 255 (white).
        contrast: standard deviation of a picture's pixels, 0 (even) to 127.5.
        brightness_histogram, contrast_histogram: the same, in 16 bins over those ranges.
    """

    total_bytes: int
    file_bytes: Spread
    sampled: int
    seed: int
    sizes: tuple[tuple[int, int, int], ...]
    brightness: Spread
    contrast: Spread
    brightness_histogram: Histogram
    contrast_histogram: Histogram


def analyse_pictures(faces: FaceSet, sample: int, seed: int) -> PicturesAnalysis:
    """Measures all pictures as files, and a sample of them as pixels.

    Args:
        faces: N pictures.
        sample: how many to decode at most.
        seed: chooses them.

    Raises:
        DataError: a picture is missing.
        ImageError: a picture of the sample is damaged.
    """
    file_bytes = np.array([_size(faces, path) for path in faces.paths], dtype=np.int64)
    chosen = np.random.default_rng(seed).permutation(len(faces))[:sample]
    brightness, contrast = np.empty(len(chosen)), np.empty(len(chosen))
    sizes: Counter[tuple[int, int]] = Counter()
    for row, index in enumerate(np.sort(chosen).tolist()):
        pixels = load_picture(faces.root / faces.paths[index], "gray")
        sizes[pixels.shape[0], pixels.shape[1]] += 1
        brightness[row], contrast[row] = pixels.mean(), pixels.std()
    return PicturesAnalysis(
        total_bytes=int(file_bytes.sum()),
        file_bytes=Spread.of(file_bytes),
        sampled=len(chosen),
        seed=seed,
        sizes=tuple((height, width, count) for (height, width), count in sizes.most_common()),
        brightness=Spread.of(brightness),
        contrast=Spread.of(contrast),
        brightness_histogram=Histogram.of(brightness, 255.0),
        contrast_histogram=Histogram.of(contrast, 127.5),
    )


def _size(faces: FaceSet, path: str) -> int:
    try:
        return os.stat(f"{faces.root}/{path}").st_size  # noqa: PTH116 (twice as fast over 13,000 pictures)
    except OSError as error:
        raise DataError(f"{faces.root}/{path}: it cannot be read ({error.strerror})") from error
