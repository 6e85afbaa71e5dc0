"""Embeddings without training steps: pixels, principal components, an untrained network.

Each function takes the training pictures `[N, H, W, C]` uint8, the settings of the run to compare with, and a seed. It
returns an embedding function: `[B, H, W, C]` uint8 → `[B, D]` float32. Embeddings are compared by their cosine.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from twinface.core.settings import Settings
from twinface.core.types import ByteArray, Float32Array
from twinface.models.embedder import EmbedFunction
from twinface.networks.build import build_network, fit_backbone
from twinface.training.finalize import embed_with

COMPONENTS = 100
PCA_PICTURES = 4000  # more pictures change the components little and take memory: 230 MB for these at 120×120


def pixels(training: ByteArray, settings: Settings, seed: int) -> EmbedFunction:
    """The pixels themselves, each picture shifted and scaled to mean 0 and deviation 1. Nothing is learnt."""
    return _standardised


def pca(training: ByteArray, settings: Settings, seed: int) -> EmbedFunction:
    """Whitened principal components of the pixels (Turk and Pentland 1991), fitted on the training pictures."""
    from sklearn.decomposition import PCA

    some = training[:: -(-len(training) // PCA_PICTURES)]
    count = min(COMPONENTS, len(some) - 1)
    fitted: Any = PCA(count, whiten=True, random_state=0).fit(_standardised(some))
    variances = fitted.explained_variance_
    # Pictures that repeat vary along fewer components than there are pictures; the others would be scaled-up rounding.
    real = max(1, int((variances > 1e-6 * variances[0]).sum()))
    return lambda faces: np.asarray(fitted.transform(_standardised(faces))[:, :real], np.float32)


def untrained(training: ByteArray, settings: Settings, seed: int) -> EmbedFunction:
    """The run's own network with the initial weights that the seed draws.

    It has no projection, because a projection is learnt, and its distance is not used, because the weights of a
    weighted distance are learnt: as drawn, they say nothing about faces. Its results come from the crop, from the shape
    of the network, from parts in which nothing is learnt, such as histograms of gradients, and from parts that learn
    without labels before training begins, such as the mixture of Fisher vectors.
    """
    network = build_network(settings.network, settings.imaging, seed)
    fit_backbone(network, training, seed)
    return partial(embed_with, network.eval())


def _standardised(faces: ByteArray) -> Float32Array:
    flat = faces.reshape(len(faces), -1).astype(np.float32)
    flat -= flat.mean(axis=1, keepdims=True)
    # A picture of one colour has no spread. One grey level keeps the division finite, as in the network.
    return np.asarray(flat / np.maximum(flat.std(axis=1, keepdims=True), 1), np.float32)
