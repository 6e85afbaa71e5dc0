"""Embeds each picture once, then scores pairs of embeddings."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from twinface.core.errors import DataError, DivergedError
from twinface.core.types import ByteArray, Float32Array, PairSet, ProgressCallback, ScoredPairs
from twinface.models.embedder import EmbedFunction

Score = Callable[[Float32Array, Float32Array], Float32Array]


def embed_faces(
    embed: EmbedFunction, faces: ByteArray, batch_size: int = 16, progress: ProgressCallback | None = None
) -> Float32Array:
    """Embeds N prepared faces, a batch at a time.

    Args:
        embed: `[B, H, W, C]` uint8 → `[B, D]` float32.
        faces: `[N, H, W, C]` uint8; may be memory-mapped.
        batch_size: faces at a time. On a processor 16 is up to three times as fast as 128, whose feature maps do not
            fit into the cache and into the memory that the allocator keeps (`Backbone.preferred_batch`). A GPU needs
            hundreds.
        progress: called with (faces done, faces in total) after each batch.

    Returns:
        `[N, D]` float32.

    Raises:
        DataError: there is no face.
        DivergedError: an embedding is not finite; the face is named by its row.
    """
    embeddings: Float32Array | None = None
    for start in range(0, len(faces), batch_size):
        # A copy, because the faces may be a read-only map of a file, and torch needs memory that it may write.
        part = embed(np.array(faces[start : start + batch_size]))
        wrong = np.flatnonzero(~np.isfinite(part).all(axis=1))
        if len(wrong):
            raise DivergedError(
                f"the embedding of face {start + wrong[0]} is not finite; the model is unusable"
            )
        if embeddings is None:
            # Filled batch by batch, so that the embeddings of many faces are not in memory twice.
            embeddings = np.empty((len(faces), part.shape[1]), np.float32)
        embeddings[start : start + len(part)] = part
        if progress:
            progress(min(start + batch_size, len(faces)), len(faces))
    if embeddings is None:
        raise DataError("found no face to embed, need at least one")
    return embeddings


def score_pairs(
    embeddings: Float32Array, pairs: PairSet, score: Score, batch_size: int = 4096
) -> ScoredPairs:
    """Scores labelled pairs of embedded faces.

    Args:
        embeddings: `[N, D]`, one for each picture of `pairs.faces`.
        pairs: M pairs.
        score: `[B, D]` and `[B, D]` → `[B]`.
        batch_size: pairs at a time, to limit memory.

    Raises:
        DataError: there is no pair.
    """
    if not len(pairs):
        raise DataError(f"{pairs.name}: found no pair to score, need at least one")
    scores = np.concatenate(
        [
            np.asarray(
                score(embeddings[pairs.left[i : i + batch_size]], embeddings[pairs.right[i : i + batch_size]])
            )
            for i in range(0, len(pairs), batch_size)
        ]
    )
    return ScoredPairs(scores.astype(np.float64), pairs.is_match, pairs.people, pairs.fold)
