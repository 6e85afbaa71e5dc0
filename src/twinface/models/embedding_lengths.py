"""How long embeddings are before they are brought to length 1: a short one is of a face that the network hardly knows.

Networks that were trained with a margin between people (SFace) give clear faces long embeddings (Meng et al. 2021,
MagFace). A cosine does not use the length, so it is information beside the score. docs/verdicts.md has what it tells.
"""

from __future__ import annotations

import numpy as np

from twinface.core.types import Float32Array, FloatArray

PLACES = 101  # quantiles: 0 %, 1 % … 100 %


def length_quantiles(embeddings: Float32Array) -> Float32Array:
    """The quantiles of the lengths of embeddings: [N, D] → [101], rising.

    >>> length_quantiles(np.array([[3.0, 4.0], [0.0, 1.0]], np.float32))[[0, 50, 100]].tolist()
    [1.0, 3.0, 5.0]
    """
    lengths = np.linalg.norm(embeddings, axis=1)
    return np.asarray(np.quantile(lengths, np.linspace(0, 1, PLACES)), np.float32)


def share_shorter(embeddings: Float32Array, quantiles: Float32Array) -> FloatArray:
    """Which share of the faces behind `quantiles` has shorter embeddings: [N, D] → [N] in [0, 1].

    >>> quantiles = np.linspace(1, 2, PLACES).astype(np.float32)
    >>> share_shorter(np.array([[0.5, 0.0], [0.0, 1.25]], np.float32), quantiles).round(3).tolist()
    [0.0, 0.25]
    """
    lengths = np.linalg.norm(embeddings, axis=1)
    return np.asarray(np.interp(lengths, quantiles, np.linspace(0, 1, PLACES)), np.float64)
