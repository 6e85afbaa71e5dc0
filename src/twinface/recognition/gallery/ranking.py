"""Which templates are nearest to a face: one matrix product of bytes, for distances that can be had from one.

Numbers are rounded to eight bits (templates) and seven bits (faces), so a product moves a quarter of the memory and is
computed in whole numbers, by ONNX Runtime. It is rounded, so it only proposes people; they are scored with their
templates in the tables.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from twinface.core.types import ByteArray, Float32Array, IntArray
from twinface.models.record import ModelRecord
from twinface.models.session import Session
from twinface.recognition.gallery.fusion import angular_length

_BLOCK = 1024  # templates at a time, where not all are taken together
_ZERO = 128  # the byte that stands for 0 in a template
_MOST = 127  # the largest byte above it
# The largest whole number of a face. Processors without a better instruction add two products in 16 bits, and
# 2 * 255 * 64 still fits.
_MOST_OF_FACE = 63
# The ONNX model "products = rows (uint8, less a zero) times faces (int8)", as protobuf.
_GRAPH = (
    b'\x08\t:\x94\x01\n,\n\x04rows\n\x05faces\n\x04zero\x12\x08products"\rMatMulInteger\x12\x01gZ\x18\n\x04rows\x12\x10'
    b"\n\x0e\x08\x02\x12\n\n\x03\x12\x01p\n\x03\x12\x01dZ\x19\n\x05faces\x12\x10\n\x0e\x08\x03\x12\n\n\x03\x12\x01d\n\x03"
    b"\x12\x01bZ\x0e\n\x04zero\x12\x06\n\x04\x08\x02\x12\x00b\x1c\n\x08products\x12\x10\n\x0e\x08\x06\x12\n\n\x03\x12"
    b"\x01p\n\x03\x12\x01bB\x04\n\x00\x10\x11"
)


@dataclass(frozen=True, eq=False)
class Prepared:
    """Templates as they are ranked.

    Attributes:
        rows: [P, E] uint8, and float32 where the distance is no product.
        scale: [P] float32, the value of one step of a row.
        less: [P] float32, what is subtracted from each product.
    """

    rows: ByteArray | Float32Array
    scale: Float32Array
    less: Float32Array

    def __len__(self) -> int:
        return len(self.rows)


def is_product(distance: str) -> bool:
    """Whether a distance can be ranked by a matrix product."""
    return distance == "euclidean" or angular_length(2, distance) > 0


def directions(templates: Float32Array, distance: str) -> tuple[Float32Array, Float32Array]:
    """[P, D] templates → rows [P, E] whose products with a face, less the second array [P], rank people."""
    zero = np.zeros(len(templates), np.float32)
    length = angular_length(templates.shape[1], distance)
    if length:
        angular = templates[:, :length]
        norms = np.maximum(np.linalg.norm(angular, axis=1, keepdims=True), 1e-12)
        return angular / norms, zero if length == templates.shape[1] else templates[:, -1].copy()
    if distance == "euclidean":
        return templates, (templates * templates).sum(axis=1) / 2
    return templates, zero


def prepare_templates(templates: Float32Array, distance: str) -> Prepared:
    """[P, D] templates as they are ranked."""
    rows, less = directions(templates, distance)
    if not is_product(distance):
        return Prepared(rows, np.ones(len(rows), np.float32), less)
    whole, scale = _rounded(rows, _MOST)
    return Prepared((whole + _ZERO).astype(np.uint8), scale, less)


def rank(
    prepared: Prepared, faces: Float32Array, count: int, record: ModelRecord
) -> list[tuple[IntArray, Float32Array]]:
    """The rows that are nearest to each face, the nearest first.

    Args:
        prepared: P templates.
        faces: [B, D] embeddings.
        count: of rows to return for each, at most.
        record: of the model.

    Returns:
        For each face the rows, and values that can be compared with those of other templates and the same face.
    """
    if not len(prepared):
        return [(np.zeros(0, np.int64), np.zeros(0, np.float32))] * len(faces)
    if not is_product(record.distance):
        return [_highest(_scores(np.asarray(prepared.rows), face, record), count) for face in faces]
    # An angle is that of two directions; the length of a face is no part of it.
    parts = directions(faces, record.distance)[0]
    whole, scale = _rounded(parts, _MOST_OF_FACE)
    products = _products(prepared.rows, np.ascontiguousarray(whole.astype(np.int8).T))
    values = np.ascontiguousarray(products.T, np.float32) * prepared.scale
    return [_highest(row * step - prepared.less, count) for row, step in zip(values, scale, strict=True)]


def _rounded(rows: Float32Array, most: int) -> tuple[Float32Array, Float32Array]:
    """Each row as whole numbers from -most to most, and the value of one step."""
    scale = np.maximum(np.abs(rows).max(axis=1, initial=0), 1e-12) / most
    return np.rint(rows / scale[:, None]), np.asarray(scale, np.float32)


def _products(rows: NDArray[np.generic], faces: NDArray[np.int8]) -> NDArray[np.int32]:
    """[P, E] and [E, B] → [P, B]."""
    zero = np.array(_ZERO, np.uint8)
    return _session().run("products", {"rows": rows, "faces": faces, "zero": zero}, faces.shape[1])


@cache
def _session() -> Session:
    return Session(_GRAPH, "the search", allow_any_operator=True)


def _scores(templates: NDArray[np.generic], face: Float32Array, record: ModelRecord) -> Float32Array:
    parts = [
        record.score(np.asarray(templates[start : start + _BLOCK], np.float32), face)
        for start in range(0, len(templates), _BLOCK)
    ]
    return np.concatenate(parts)


def _highest(values: Float32Array, count: int) -> tuple[IntArray, Float32Array]:
    chosen = np.arange(len(values))
    if count < len(values):
        chosen = np.flatnonzero(values >= _bound(values, count))
    ordered = chosen[np.argsort(-values[chosen], kind="stable")[:count]]
    return np.asarray(ordered, np.int64), values[ordered]


def _bound(values: Float32Array, count: int) -> float:
    """A number that at least `count` of the values reach, and few others.

    It is the lowest of the `count` highest block maxima. Of a million values, this is found 15 times as fast as the
    `count`-th highest value.
    """
    blocks = len(values) // _BLOCK
    if blocks > count:
        values = values[: blocks * _BLOCK].reshape(blocks, _BLOCK).max(axis=1)
    return float(np.partition(values, -count)[-count])
