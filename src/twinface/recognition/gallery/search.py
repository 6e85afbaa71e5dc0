"""Finds the people whose templates are nearest to a face: exactly, in memory."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from twinface.core.errors import StorageError
from twinface.core.types import Float32Array, IntArray
from twinface.models.record import ModelRecord
from twinface.recognition.gallery.contents import FINGERPRINT, Contents
from twinface.recognition.gallery.ranking import Prepared, prepare_templates, rank
from twinface.recognition.gallery.search_copy import CopyHeader, erase_from_copy, read_copy, write_copy

# From so many people on, reading the tables takes longer than a tenth of a second, and a copy is written.
COPY_FROM = 5_000
_STALE = 0.1  # of the people may have changed since the copy before it is written anew


class Search(Protocol):
    """Proposes people."""

    def candidates(self, faces: Float32Array, count: int) -> list[list[int]]:
        """Ids of the people who score highest with each face, the highest first.

        Args:
            faces: [B, D].
            count: of people for each face, at most.
        """
        ...

    def people(self) -> int:
        """How many people have a template."""
        ...


def open_search(contents: Contents, record: ModelRecord) -> Search:
    """The store's own search if it has one, else one in memory."""
    if contents.store.nearest(np.zeros(record.embedding_size, np.float32), 1) is None:
        return ExactSearch(contents, record)
    return StoreSearch(contents)


class StoreSearch:
    """The search of the store.

    Args:
        contents: of the gallery.
    """

    def __init__(self, contents: Contents) -> None:
        self._store = contents.store

    def candidates(self, faces: Float32Array, count: int) -> list[list[int]]:
        """See `Search`."""
        return [self._store.nearest(face, count) or [] for face in faces]

    def people(self) -> int:
        """See `Search`."""
        return self._store.counts().people


class ExactSearch:
    """All templates in memory, brought up to date before each search.

    It only proposes people. The gallery scores them with their templates in the tables, so a person who is removed at
    this moment is never found.

    Args:
        contents: of the gallery.
        record: of the model.
    """

    def __init__(self, contents: Contents, record: ModelRecord) -> None:
        self._contents, self._store, self._record = contents, contents.store, record
        # With encryption on, no copy is on the disk.
        self._file = self._store.local if contents.vault.encryption == "off" else None
        self._lock = threading.Lock()
        self._generation = -1
        self._ids: IntArray = np.zeros(0, np.int64)
        self._prepared = prepare_templates(np.zeros((0, record.embedding_size), np.float32), record.distance)

    def candidates(self, faces: Float32Array, count: int) -> list[list[int]]:
        """See `Search`."""
        with self._lock:
            self._refresh()
            ids, prepared = self._ids, self._prepared
        return [ids[rows].tolist() for rows in rank(prepared, faces, count, self._record)]

    def people(self) -> int:
        """See `Search`."""
        with self._lock:
            self._refresh()
            return len(self._ids)

    def _refresh(self) -> None:
        if self._generation < 0:
            self._open()
        changes = self._store.changes_since(self._generation)
        if changes.generation == self._generation:
            return
        if len(changes.people) > max(1000, len(self._ids) * _STALE):
            self._read_all()
            return
        gone = np.isin(self._ids, [*changes.removed, *changes.people])
        new = [
            (person.id, self._contents.vector(person.template))
            for person in self._store.people_with(changes.people)
            if person.template
        ]
        self._replace(gone, new)
        self._generation = changes.generation

    def _replace(self, gone: np.ndarray, new: list[tuple[int, Float32Array]]) -> None:
        ids, rows, less = self._ids, self._prepared.rows, self._prepared.less
        if gone.any():
            ids, rows, less = ids[~gone], rows[~gone], less[~gone]
        if new:
            added = prepare_templates(np.stack([vector for _, vector in new]), self._record.distance)
            ids = np.concatenate([ids, [id for id, _ in new]])
            rows, less = np.concatenate([rows, added.rows]), np.concatenate([less, added.less])
        self._ids, self._prepared = ids, Prepared(rows, less)

    def _open(self) -> None:
        """From the copy if there is a good one, else from the tables."""
        found = (
            read_copy(self._file, self._contents.info[FINGERPRINT], self._record.embedding_size)
            if self._file
            else None
        )
        if found is None or self._file is None:
            self._read_all()
            return
        header, ids, templates = found
        changes = self._store.changes_since(header.generation)
        if changes.removed:  # a process may have been killed between the tables and the copy
            erase_from_copy(self._file, list(changes.removed))
        self._ids, self._prepared = ids, prepare_templates(templates, self._record.distance)
        self._generation = header.generation

    def _read_all(self) -> None:
        if self._file is None or self._store.counts().people < COPY_FROM:
            self._take(*self._from_tables())
            return
        try:
            with self._store.write():
                generation, ids, templates = self._from_tables()
                header = CopyHeader(
                    self._contents.info[FINGERPRINT], generation, len(ids), self._record.embedding_size
                )
                write_copy(self._file, header, ids, templates)
        except StorageError:
            # A search must work where nothing can be written; the next one tries again.
            generation, ids, templates = self._from_tables()
        self._take(generation, ids, templates)

    def _take(self, generation: int, ids: IntArray, templates: Float32Array) -> None:
        self._ids, self._prepared = ids, prepare_templates(templates, self._record.distance)
        self._generation = generation

    def _from_tables(self) -> tuple[int, IntArray, Float32Array]:
        generation = self._store.generation()
        ids: list[int] = []
        parts: list[Float32Array] = []
        while page := self._store.templates(ids[-1] if ids else 0):
            ids += [id for id, _ in page]
            parts.append(self._opened([template for _, template in page]))
        size = self._record.embedding_size
        return generation, np.array(ids, np.int64), np.concatenate(parts or [np.zeros((0, size), np.float32)])

    def _opened(self, sealed: Sequence[bytes]) -> Float32Array:
        data = b"".join(map(self._contents.vault.open, sealed))
        return np.frombuffer(data, np.float32).reshape(len(sealed), -1)
