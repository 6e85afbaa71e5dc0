"""Stores and galleries for tests: every kind of store, and people whose embeddings are the pixels of small pictures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from twinface.core.types import WHOLE_FRAME, ByteArray, Float32Array
from twinface.faces.preparation import Preparation
from twinface.models.decision import Calibration, Threshold
from twinface.models.provenance import Provenance
from twinface.models.record import ModelRecord
from twinface.recognition.gallery.gallery import Gallery
from twinface.recognition.gallery.sqlite import SqliteStore
from twinface.recognition.gallery.store import Store
from twinface.recognition.gallery.stored import NewFace, StoredPerson

SIDE = 16  # pixels
SIZE = SIDE * SIDE
WHEN = "2026-01-01T00:00:00Z"


def new_sqlite(folder: Path) -> Store:
    return SqliteStore(folder / "gallery.db")


# How each kind of store is made, empty, in a folder of its own. Its name is that of its file.
NEW_STORES: dict[str, Callable[[Path], Store]] = {"sqlite": new_sqlite}


def new_person(name: str, template: bytes | None = b"\1" * 64) -> StoredPerson:
    return StoredPerson(0, name.encode(), name.casefold().encode(), f"audit-{name}", WHEN, template)


def new_face(number: int, photo: bytes = b"photo", crop: bytes | None = None) -> NewFace:
    return NewFace(bytes([number]) * 64, 70, photo, number, WHEN, crop)


class PixelModel:
    """An embedder whose embedding is the picture: 16 × 16 gray pixels, less 128. Strangers score 0 ± .06."""

    fingerprint = "f" * 64

    def __init__(self, name: str = "pixels", distance: str = "cosine") -> None:
        self.record = ModelRecord(
            name=name,
            preparation=Preparation(WHOLE_FRAME, SIDE, SIDE, "gray"),
            layout="16x16 pixels",
            embedding_size=SIZE,
            distance=distance,
            distance_parameters={"scale": np.ones((), np.float32), "bias": np.zeros((), np.float32)},
            threshold=Threshold(0.5, "made-up people"),
            calibration=Calibration(40.0, -20.0, "made-up people"),
            provenance=Provenance("", frozenset(), frozenset(), "nobody", "nobody"),
            settings={},
            seed=0,
            made_by={},
        )

    def __call__(self, faces: ByteArray) -> Float32Array:
        return faces.reshape(len(faces), -1).astype(np.float32) - 128


def portrait(person: int, photo: int = 0, noise: float = 0.4) -> ByteArray:
    """[16, 16] gray: a picture of a made-up person. Two pictures of one person score about .86."""
    face = np.random.default_rng([7, person]).normal(size=(SIDE, SIDE))
    face += noise * np.random.default_rng([8, person, photo]).normal(size=(SIDE, SIDE))
    return np.clip(128 + 35 * face, 0, 255).astype(np.uint8)


def toy_gallery(place: Path | str, **more: object) -> Gallery:
    """A gallery with the model of pixels."""
    more.setdefault("model", PixelModel())
    return Gallery(place, aligned=True, **more)  # type: ignore[arg-type]
