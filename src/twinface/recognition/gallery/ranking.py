"""Which templates are nearest to a face: one matrix product, for distances that can be had from one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from twinface.core.types import Float32Array, IntArray
from twinface.models.record import ModelRecord
from twinface.recognition.gallery.fusion import angular_length

_BLOCK = 2048  # templates at a time, where there is no matrix product


@dataclass(frozen=True, eq=False)
class Prepared:
    """Templates as the matrix product takes them.

    Attributes:
        rows: [P, E] float32.
        less: [P] float32, what is subtracted from each product.
    """

    rows: Float32Array
    less: Float32Array


def prepare_templates(templates: Float32Array, distance: str) -> Prepared:
    """[P, D] templates → rows whose products with a face rank people as the distance does."""
    zero = np.zeros(len(templates), np.float32)
    length = angular_length(templates.shape[1], distance)
    if length:
        angular = templates[:, :length]
        norms = np.maximum(np.linalg.norm(angular, axis=1, keepdims=True), 1e-12)
        return Prepared(angular / norms, zero if length == templates.shape[1] else templates[:, -1].copy())
    if distance == "euclidean":
        return Prepared(templates, (templates * templates).sum(axis=1) / 2)
    return Prepared(templates, zero)


def rank(prepared: Prepared, faces: Float32Array, count: int, record: ModelRecord) -> list[IntArray]:
    """The rows that score highest with each face, the highest first.

    Args:
        prepared: P templates.
        faces: [B, D] embeddings.
        count: of rows to return for each, at most.
        record: of the model.
    """
    length = prepared.rows.shape[1]
    if angular_length(faces.shape[1], record.distance) or record.distance == "euclidean":
        # One row for each face, because the highest of a row are found sooner than those of a column.
        values = faces[:, :length] @ prepared.rows.T
        if length < faces.shape[1]:  # `less` has the scale of a product of two directions
            values /= np.maximum(np.linalg.norm(faces[:, :length], axis=1, keepdims=True), 1e-12)
        if prepared.less.any():
            values -= prepared.less
        return [_highest(row, count) for row in values]
    return [_highest(_scores(prepared.rows, face, record), count) for face in faces]


def _scores(templates: Float32Array, face: Float32Array, record: ModelRecord) -> Float32Array:
    parts = [
        record.score(templates[start : start + _BLOCK], face) for start in range(0, len(templates), _BLOCK)
    ]
    return np.concatenate(parts) if parts else np.zeros(0, np.float32)


def _highest(values: Float32Array, count: int) -> IntArray:
    count = min(count, len(values))
    if not count:
        return np.zeros(0, np.int64)
    chosen = np.argpartition(values, len(values) - count)[-count:]
    return np.asarray(chosen[np.argsort(-values[chosen], kind="stable")], np.int64)
