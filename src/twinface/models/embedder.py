"""What evaluation, verification and search need of a model: prepared faces in, embeddings out."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Protocol

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
