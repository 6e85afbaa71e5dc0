"""Finds the people whose templates are nearest to a face: exactly, in memory."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from twinface.core.errors import StorageError
from twinface.core.types import Float32Array, IntArray
from twinface.models.record import ModelRecord
from twinface.recognition.gallery.contents import Contents
from twinface.recognition.gallery.ranking import Prepared, is_product, prepare_templates, rank
from twinface.recognition.gallery.search_copy import TOKEN, CopyHeader, erase_from_copy, read_copy, write_copy

# From so many people on, reading the tables takes longer than a tenth of a second, and a copy is written.
COPY_FROM = 5_000
_STALE = 0.1  # of the people may have changed since all were read before all are read again
_MOST_HIDDEN = 1_000  # rows that are not to be found, before it is worth to read all again


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


def open_search(contents: Contents, record: ModelRecord, fingerprint: str) -> Search:
    """The store's own search if it has one, else one in memory; see `ExactSearch`."""
    if contents.store.nearest(np.zeros(record.embedding_size, np.float32), 1) is None:
        return ExactSearch(contents, record, fingerprint)
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
        return self._store.template_count()


@dataclass(frozen=True, eq=False)
class _Part:
    """Some of the people.

    Attributes:
        ids: [P]; 0 for a row that is not to be found.
        prepared: their templates.
    """

    ids: IntArray
    prepared: Prepared

    @cached_property
    def hidden(self) -> int:
        """How many rows are not to be found."""
        return int(np.sum(self.ids == 0))

    def without(self, ids: Sequence[int]) -> _Part:
        """The same, with some people not to be found."""
        return _Part(np.where(np.isin(self.ids, ids), 0, self.ids), self.prepared)


class ExactSearch:
    """All templates in memory, or mapped from the copy on the disk, brought up to date before each search.

    It only proposes people. The gallery scores them with their templates in the tables, so a person who is removed at
    this moment is never found.

    Args:
        contents: of the gallery.
        record: of the model.
        fingerprint: of the model.
    """

    def __init__(self, contents: Contents, record: ModelRecord, fingerprint: str) -> None:
        self._contents, self._store, self._record = contents, contents.store, record
        self._fingerprint = fingerprint
        # With encryption on, no copy is on the disk; and only what is a product has one.
        may_copy = contents.vault.encryption == "off" and is_product(record.distance)
        self._file = self._store.local if may_copy else None
        self._lock = threading.Lock()
        self._generation = -1
        self._most = self._newest = self._part([], [])

    def candidates(self, faces: Float32Array, count: int) -> list[list[int]]:
        """See `Search`.

        Raises:
            ModelMismatchError: the gallery was moved to another model.
        """
        with self._lock:
            self._refresh()
            parts = [part for part in (self._most, self._newest) if len(part.ids)]
        found: list[list[tuple[float, int]]] = [[] for _ in faces]
        for part in parts:
            # Rows that are not to be found can be among the nearest.
            ranked = rank(part.prepared, faces, count + min(part.hidden, _MOST_HIDDEN), self._record)
            for place, (rows, values) in enumerate(ranked):
                ids = part.ids[rows]
                found[place] += [
                    (value, id) for value, id in zip(values.tolist(), ids.tolist(), strict=True) if id
                ]
        return [[id for _, id in sorted(each, key=lambda pair: -pair[0])[:count]] for each in found]

    def people(self) -> int:
        """See `Search`."""
        with self._lock:
            self._refresh()
            return sum(len(part.ids) - part.hidden for part in (self._most, self._newest))

    def _refresh(self) -> None:
        if self._generation < 0:
            self._contents.check_model(self._fingerprint)
            self._open()
        changes = self._store.changes_since(self._generation)
        if changes.generation == self._generation:
            return
        self._contents.check_model(self._fingerprint)
        changed = [*changes.people, *changes.removed]
        if len(changed) + len(self._newest.ids) > max(_MOST_HIDDEN, len(self._most.ids) * _STALE):
            self._read_all()
            return
        new = [
            (person.id, person.template)
            for person in self._store.people_with(changes.people)
            if person.template
        ]
        kept = self._newest.without(changed)
        added = self._part([id for id, _ in new], [template for _, template in new])
        self._most = self._most.without(changed)
        self._newest = _joined(kept, added)
        self._generation = changes.generation

    def _part(self, ids: Sequence[int], sealed: Sequence[bytes]) -> _Part:
        data = b"".join(map(self._contents.vault.open, sealed))
        templates = np.frombuffer(data, np.float32).reshape(len(ids), self._record.embedding_size)
        return _Part(np.array(ids, np.int64), prepare_templates(templates, self._record.distance))

    def _open(self) -> None:
        """From the copy if there is a good one, else from the tables."""
        if self._file is None:
            self._read_all()
            return
        size = self._most.prepared.rows.shape[1]
        found = read_copy(self._file, self._fingerprint, self._contents.info.get(TOKEN, ""), size)
        if found is None:
            self._read_all()
            return
        header, ids, prepared = found
        changes = self._store.changes_since(header.generation)
        if changes.removed:  # a process may have been killed between the tables and the copy
            # A search must work where nothing can be written; the next one tries again.
            with suppress(OSError, StorageError):
                erase_from_copy(self._store, self._file, changes.removed)
        self._most, self._newest = _Part(ids, prepared), self._part([], [])
        self._generation = header.generation

    def _read_all(self) -> None:
        if self._file is None or self._store.counts().people < COPY_FROM:
            self._generation, self._most = self._from_tables()
            self._newest = self._part([], [])
            return
        try:
            with self._store.write():
                self._contents.check_model(self._fingerprint)
                generation, part = self._from_tables()
                token, size = secrets.token_hex(16), part.prepared.rows.shape[1]
                header = CopyHeader(self._fingerprint, generation, token, len(part.ids), size)
                write_copy(self._file, header, part.ids, part.prepared)
                self._store.set_info(TOKEN, token)
        except StorageError:
            # A search must work where nothing can be written; the next one tries again.
            generation, part = self._from_tables()
        self._generation, self._most, self._newest = generation, part, self._part([], [])

    def _from_tables(self) -> tuple[int, _Part]:
        generation = self._store.generation()
        parts, last = [self._part([], [])], 0
        while page := self._store.templates(last):
            parts.append(self._part([id for id, _ in page], [template for _, template in page]))
            last = page[-1][0]
        return generation, _joined(*parts)


def _joined(*parts: _Part) -> _Part:
    prepared = [part.prepared for part in parts]
    return _Part(
        np.concatenate([part.ids for part in parts]),
        Prepared(
            np.concatenate([each.rows for each in prepared]),
            np.concatenate([each.scale for each in prepared]),
            np.concatenate([each.less for each in prepared]),
        ),
    )
