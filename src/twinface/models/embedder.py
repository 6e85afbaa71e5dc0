"""What evaluation, verification and search need of a model: prepared faces in, embeddings out."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Protocol

import numpy as np

from twinface.core.errors import DivergedError, ModelError
from twinface.core.types import ByteArray, Float32Array
from twinface.models.record import ModelRecord

EmbedFunction = Callable[[ByteArray], Float32Array]  # [B, H, W, C] uint8 → [B, D] float32


class Embedder(Protocol):
    """A function that embeds faces, with a record that says how to prepare them and how to read their scores.

    A loaded ONNX file is an embedder. So are a baseline, and a model that is shown only a part of each picture.
    """

    @property
    def record(self) -> ModelRecord:
        """How to prepare pictures for it, how to score its embeddings, and which people it has seen."""
        ...

    def __call__(self, faces: ByteArray) -> Float32Array:
        """Embeds prepared faces: `[B, H, W, C]` uint8 → `[B, D]` float32."""
        ...


class LoadedModel(Embedder, Protocol):
    """An embedder that came from files."""

    @property
    def fingerprint(self) -> str:
        """A SHA-256, 64 hexadecimal digits: the same for two models exactly if they give the same scores."""
        ...


def fingerprint_of(record: ModelRecord, *weights: str) -> str:
    """The fingerprint of a model whose record and weights are in several files.

    Threshold and calibration are no part of it, because they change no score.

    Args:
        record: of the model.
        weights: the SHA-256 of each file.
    """
    parameters = (f"{name} {value.tolist()}" for name, value in sorted(record.distance_parameters.items()))
    parts = (record.preparation.key, record.distance, *parameters, *weights)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def check_faces(faces: ByteArray, record: ModelRecord, source: str) -> None:
    """Checks that faces are prepared as a model takes them.

    Args:
        faces: must be `[B, H, W, C]` uint8 with the size and color of the record's preparation.
        record: of the model.
        source: the model's file or name, for the error.

    Raises:
        ModelError: they are not.
    """
    preparation = record.preparation
    wanted = (preparation.height, preparation.width, preparation.channels)
    if faces.ndim != 4 or faces.shape[1:] != wanted or faces.dtype != np.uint8:
        raise ModelError(
            f"{source}: got {faces.dtype} faces of shape {faces.shape}, need uint8 [B, *{wanted}]"
        )


def check_finite(embeddings: Float32Array, source: str) -> None:
    """Checks the numbers of embeddings.

    Raises:
        DivergedError: one is not finite.
    """
    if not np.isfinite(embeddings).all():
        raise DivergedError(f"{source}: an embedding is not finite; the model is unusable")
