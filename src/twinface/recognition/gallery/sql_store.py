"""The tables of a gallery in SQL that SQLite and PostgreSQL share; a subclass opens its database and runs it."""

# ruff: noqa: D102 - `store.Store` documents the methods

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from twinface.core.errors import GalleryError, NameTakenError, NotErasedError, StorageError
from twinface.core.formatting import one_line
from twinface.recognition.gallery.schema import INFO, VERSION, Dialect, steps_from
from twinface.recognition.gallery.store import Store
from twinface.recognition.gallery.stored import (
    AuditEntry,
    Changes,
    Counts,
    NewCorrection,
    NewFace,
    StoredCorrection,
    StoredFace,
    StoredPerson,
)

_PEOPLE = "SELECT id, name, name_key, audit_id, created, template FROM people"
_FACE = "vector, quality, photo, number, created, crop"
_FACES = f"SELECT {_FACE}, id, person FROM faces"
_CORRECTIONS = f"SELECT {_FACE}, kind, id, person FROM corrections"
_IN_ONE_QUERY = 500
_ROWS = 100  # that are inserted by one statement


# The end of an error after the transaction, which cannot be taken back any more.
NOT_ERASED = "it is done, but the old bytes can still be in the files"
SCRUB = "call `twinface gallery scrub`"


@contextmanager
def erasing(place: str) -> Iterator[None]:
    """Names what goes wrong in the block as what it is: what was asked for is done, and not all of it is erased."""
    try:
        yield
    except NotErasedError:
        raise
    except (StorageError, OSError) as error:
        cause = one_line(error.__cause__ or error, 200)
        raise NotErasedError(f"{place}: {cause}; {NOT_ERASED}: {SCRUB}") from error


class TakenError(Exception):
    """A value that must be unique and is there already."""


class SqlStore(ABC):
    """Everything of a `store.Store` that is the same in both databases."""

    place: str
    dialect: Dialect

    def __init__(self) -> None:
        self._generation: int | None = None  # of the transaction that is open
        self._is_changed = False

    @abstractmethod
    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        """Runs one statement, with `?` for each value.

        Raises:
            TakenError: a value must be unique and is not.
            StorageError: the database cannot be read or written.
        """

    @abstractmethod
    def many(self, sql: str, values: Sequence[Sequence[Any]]) -> None:
        """Runs one statement for each of many rows of values; raises as `rows` does."""

    @abstractmethod
    def erase_remains(
        self, needles: Iterable[bytes], rewrite: bool = False, tables: Sequence[str] = ()
    ) -> None:
        """See `store.Store`."""

    @abstractmethod
    def has_tables(self) -> bool:
        """Whether a gallery was made there."""

    @abstractmethod
    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything in it is on the disk when it ends without an error; else nothing of it."""
        yield

    @contextmanager
    def write(self) -> Iterator[None]:
        """See `store.Store.write`."""
        with self.transaction():
            self._generation, self._is_changed = self.generation() + 1, False
            try:
                yield
                if self._is_changed:
                    self.set_info("generation", str(self._generation))
            finally:
                self._generation = None

    def migrate(self) -> None:
        """Makes the tables, or brings those of an older version up to date.

        Raises:
            StorageError: a newer Twinface made them.
        """
        if self._is_up_to_date():
            return
        with self.transaction():
            self.rows(INFO)
            found = self.info()
            for statement in steps_from(int(found.get("schema", 0)), self.dialect, self.place):
                self.rows(statement)
            if found.get("schema") != str(VERSION):
                self.set_info("schema", str(VERSION))
            if "generation" not in found:
                self.set_info("generation", "0")

    def _is_up_to_date(self) -> bool:
        # It only reads: who opens a gallery to read does not wait for one who writes.
        found = self.info() if self.has_tables() else {}
        return found.get("schema") == str(VERSION) and "generation" in found

    def info(self) -> dict[str, str]:
        """See `store.Store`; so are the other methods."""
        return dict(self.rows("SELECT key, value FROM info"))

    def set_info(self, key: str, value: str) -> None:
        self.rows(
            "INSERT INTO info VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            (key, value),
        )

    def generation(self) -> int:
        return int(self.rows("SELECT value FROM info WHERE key = 'generation'")[0][0])

    def changes_since(self, generation: int) -> Changes:
        # The number first: what changes between the statements is then found again by the next call.
        now = self.generation()
        if now == generation:
            return Changes(now, (), ())
        # Sorted here, because an order by number would make SQLite read all people in that order.
        people = self.rows("SELECT id FROM people WHERE generation > ?", (generation,))
        removed = self.rows("SELECT person FROM removed WHERE generation > ?", (generation,))
        return Changes(now, tuple(sorted(row[0] for row in people)), tuple(row[0] for row in removed))

    def find(self, name_key: bytes) -> StoredPerson | None:
        rows = self.rows(f"{_PEOPLE} WHERE name_key = ?", (name_key,))
        return _person(rows[0]) if rows else None

    @abstractmethod
    def named_like(self, name: bytes) -> int: ...

    def people(self, after: int = 0, limit: int = 1000) -> list[StoredPerson]:
        return [
            _person(row) for row in self.rows(f"{_PEOPLE} WHERE id > ? ORDER BY id LIMIT ?", (after, limit))
        ]

    def people_with(self, ids: Sequence[int]) -> list[StoredPerson]:
        return [_person(row) for row in self._in(f"{_PEOPLE} WHERE id", ids)]

    def templates(self, after: int = 0, limit: int = 10_000) -> list[tuple[int, bytes]]:
        sql = "SELECT id, template FROM people WHERE id > ? AND template IS NOT NULL ORDER BY id LIMIT ?"
        return self.rows(sql, (after, limit))

    def add_person(self, person: StoredPerson) -> int:
        return self.add_people([person])[0]

    def add_people(self, people: Sequence[StoredPerson]) -> list[int]:
        self._is_changed = True
        ids: list[int] = []
        try:
            for start in range(0, len(people), _ROWS):
                ids += self._added(people[start : start + _ROWS])
        except TakenError:
            raise NameTakenError(f"{self.place}: there is a person of that name already") from None
        return ids

    def _added(self, people: Sequence[StoredPerson]) -> list[int]:
        """One statement for several rows takes half the time of one for each."""
        values: list[Any] = []
        for each in people:
            values += (each.name, each.name_key, each.audit_id, each.created, each.template, self._generation)
        sql = (
            "INSERT INTO people (name, name_key, audit_id, created, template, generation) VALUES "
            f"{', '.join(['(?, ?, ?, ?, ?, ?)'] * len(people))} RETURNING name_key, id"
        )
        # The order of what is returned is not promised.
        found = {bytes(key): id for key, id in self.rows(sql, values)}
        return [found[each.name_key] for each in people]

    def change_person(self, id: int, name: bytes, name_key: bytes, template: bytes | None) -> None:
        sql = "UPDATE people SET name = ?, name_key = ?, template = ?, generation = ? WHERE id = ?"
        self._is_changed = True
        try:
            self.rows(sql, (name, name_key, template, self._generation, id))
        except TakenError:
            taken = f"{self.place}: there is a person of that name already; `merge` makes two people one"
            raise NameTakenError(taken) from None

    def remove_person(self, id: int) -> None:
        self._is_changed = True
        # Not left to the cascade alone: each table's rows are overwritten one by one.
        for sql in (
            "DELETE FROM next_vectors WHERE origin = 'face' AND row_id IN (SELECT id FROM faces WHERE person = ?)",
            "DELETE FROM next_vectors WHERE origin = 'correction' AND row_id IN "
            "(SELECT id FROM corrections WHERE person = ?)",
            "DELETE FROM faces WHERE person = ?",
            "DELETE FROM corrections WHERE person = ?",
            "DELETE FROM people WHERE id = ?",
        ):
            self.rows(sql, (id,))
        self.rows("INSERT INTO removed VALUES (?, ?)", (id, self._generation))

    def faces_of(self, people: Sequence[int]) -> list[StoredFace]:
        return sorted((StoredFace(*row) for row in self._in(f"{_FACES} WHERE person", people)), key=_id)

    def face_counts(self, people: Sequence[int]) -> dict[int, int]:
        return dict(self._in("SELECT person, count(*) FROM faces WHERE person", people, " GROUP BY person"))

    def first_vectors(self, people: Sequence[int]) -> dict[int, bytes]:
        # All vectors and no crops: a crop is a hundred times as large.
        rows = sorted(self._in("SELECT id, person, vector FROM faces WHERE person", people), reverse=True)
        return {person: vector for _, person, vector in rows}

    def add_faces(self, people: Sequence[int], faces: Sequence[NewFace]) -> None:
        rows = [(*_face_values(face), person) for person, face in zip(people, faces, strict=True)]
        self.many(f"INSERT INTO faces ({_FACE}, person) VALUES (?, ?, ?, ?, ?, ?, ?)", rows)

    def change_face(self, id: int, person: int, vector: bytes, crop: bytes | None) -> None:
        self.rows(
            "UPDATE faces SET person = ?, vector = ?, crop = ? WHERE id = ?", (person, vector, crop, id)
        )

    def remove_faces(self, ids: Sequence[int]) -> None:
        self.many("DELETE FROM faces WHERE id = ?", [(id,) for id in ids])
        self.many("DELETE FROM next_vectors WHERE origin = 'face' AND row_id = ?", [(id,) for id in ids])

    def corrections_of(self, people: Sequence[int]) -> list[StoredCorrection]:
        found = self._in(f"{_CORRECTIONS} WHERE person", people)
        return sorted((StoredCorrection(*row) for row in found), key=_id)

    def corrections_on(self, photo: bytes) -> list[StoredCorrection]:
        found = self.rows(f"{_CORRECTIONS} WHERE photo = ? ORDER BY id", (photo,))
        return [StoredCorrection(*row) for row in found]

    def add_correction(self, person: int, correction: NewCorrection) -> None:
        self._is_changed = True
        self.rows(
            f"INSERT INTO corrections ({_FACE}, kind, person) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (*_face_values(correction), correction.kind, person),
        )

    def change_correction(self, id: int, person: int, vector: bytes, crop: bytes | None) -> None:
        self.rows(
            "UPDATE corrections SET person = ?, vector = ?, crop = ? WHERE id = ?", (person, vector, crop, id)
        )

    def remove_corrections(self, ids: Sequence[int]) -> None:
        self._is_changed = self._is_changed or bool(ids)
        self.many("DELETE FROM corrections WHERE id = ?", [(id,) for id in ids])
        self.many(
            "DELETE FROM next_vectors WHERE origin = 'correction' AND row_id = ?", [(id,) for id in ids]
        )

    def add_audit(self, at: str, what: str, who: str, detail: str) -> None:
        self.rows("INSERT INTO audit (at, what, who, detail) VALUES (?, ?, ?, ?)", (at, what, who, detail))

    def audit(self, after: int = 0, limit: int = 1000) -> list[AuditEntry]:
        sql = "SELECT id, at, what, who, detail FROM audit WHERE id > ? ORDER BY id LIMIT ?"
        return [AuditEntry(*row) for row in self.rows(sql, (after, limit))]

    def next_vectors(self, origin: str, ids: Sequence[int]) -> dict[int, bytes]:
        """Row → its embedding by the next model; rows without one are left out."""
        sql = f"SELECT row_id, vector FROM next_vectors WHERE origin = '{origin}' AND row_id"
        return dict(self._in(sql, ids))

    def set_next_vectors(self, origin: str, vectors: dict[int, bytes]) -> None:
        """Sets embeddings by the next model."""
        rows = [(origin, id, vector) for id, vector in vectors.items()]
        self.many(
            "INSERT INTO next_vectors VALUES (?, ?, ?) "
            "ON CONFLICT (origin, row_id) DO UPDATE SET vector = excluded.vector",
            rows,
        )

    def drop_next_vectors(self) -> None:
        """Forgets all embeddings by the next model."""
        self.rows("DELETE FROM next_vectors")

    def template_count(self) -> int:
        return int(self.rows("SELECT count(template) FROM people")[0][0])

    def counts(self) -> Counts:
        tables = ("people", "faces", "faces WHERE crop IS NOT NULL", "corrections", "audit")
        return Counts(*(int(self.rows(f"SELECT count(*) FROM {table}")[0][0]) for table in tables))

    def _in(self, sql: str, ids: Sequence[int], end: str = "") -> Iterator[Any]:
        """Rows of a statement that is cut before and behind ` IN (…)`."""
        for start in range(0, len(ids), _IN_ONE_QUERY):
            part = tuple(ids[start : start + _IN_ONE_QUERY])
            yield from self.rows(f"{sql} IN ({', '.join('?' * len(part))}){end}", part)


def sql_tables(store: Store) -> SqlStore:
    """A gallery's store, for tables beside those of people.

    Raises:
        GalleryError: it has no SQL.
    """
    if not isinstance(store, SqlStore):
        raise GalleryError(f"{store.place}: this needs a gallery in SQLite or PostgreSQL")
    return store


def _person(row: Any) -> StoredPerson:
    return StoredPerson(*row)


def _face_values(face: NewFace) -> tuple[Any, ...]:
    return (face.vector, face.quality, face.photo, face.number, face.created, face.crop)


def _id(row: StoredFace | StoredCorrection) -> int:
    return row.id
