"""A gallery in a PostgreSQL database, for many machines: `postgresql://user@host/database`.

Templates that are not sealed are in a table of pgvector, too, which the database searches with an HNSW index. That
table is derived: the template of a person is the one in the table of people.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import psycopg

from twinface.core.errors import GalleryError, NotErasedError, StorageError
from twinface.core.formatting import one_line
from twinface.core.types import Float32Array
from twinface.recognition.gallery.fusion import angular_length
from twinface.recognition.gallery.schema import Dialect
from twinface.recognition.gallery.sql_store import NOT_ERASED, SCRUB, SqlStore, TakenError, erasing
from twinface.recognition.gallery.stored import StoredPerson

_LOCK = 0x7719FACE  # of the writers of a gallery, among the advisory locks of a database
_TABLES = (
    *("people", "faces", "corrections", "next_vectors", "removed", "audit", "info"),
    *("api_keys", "repeated_requests", "jobs", "job_photos"),
)
# Whose rows are changed or deleted, and hold something of people or keys.
_REWRITTEN = (
    *("people", "faces", "corrections", "next_vectors", "info"),
    *("repeated_requests", "jobs", "job_photos"),
)
# Seconds for older transactions of others, which keep deleted rows.
_WAIT = 15.0
_LONGEST = 2000  # numbers that pgvector's index takes
# Entries of the index that a search looks at, at least; more find more and take longer. pgvector takes 1000 at most.
_LOOK_AT, _MOST_LOOKED_AT = 200, 1000


class PostgresStore(SqlStore):
    """A database, with one connection for each object. See `store.Store`.

    Args:
        url: of the database, which must be there.
        create: make the tables if they are not there.

    Raises:
        GalleryError: there is no gallery in it, and none is to be made; or the URL is none.
        StorageError: the server does not answer, or refuses.
    """

    dialect = Dialect(identity="BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY", blob="BYTEA")
    local = None

    def __init__(self, url: str, create: bool = True) -> None:
        super().__init__()
        try:
            parts = urlsplit(url)
            # A host can be missing: a server on this machine is then named in the query.
            self.url, self.place = url, f"{parts.scheme}://{parts.hostname or ''}{parts.path}"
        except ValueError as error:
            # Not the URL itself, which may hold a password.
            raise GalleryError(
                f"the URL of the gallery cannot be read ({error}); need postgresql://user@host/database"
            ) from None
        self._lock = threading.RLock()
        self._is_in_transaction = False
        self._open = self._connected()
        if not create and not self.has_tables():
            self.close()
            raise GalleryError(
                f"{self.place}: found no gallery there: `twinface enroll NAME PHOTO` makes one"
            )
        self.migrate()

    def _connected(self) -> psycopg.Connection[Any]:
        with self._errors():
            return psycopg.connect(self.url, autocommit=True, connect_timeout=15)

    def has_tables(self) -> bool:
        """See `SqlStore`."""
        return self.rows("SELECT to_regclass('info')")[0][0] is not None

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        """See `SqlStore`."""
        with self._lock, self._errors():
            if self._open.closed and not self._is_in_transaction:
                self._open = self._connected()
            cursor = self._open.execute(sql.replace("?", "%s"), values)
            return cursor.fetchall() if cursor.description else []

    def many(self, sql: str, values: Sequence[Sequence[Any]]) -> None:
        """See `SqlStore`."""
        with self._lock, self._errors(), self._open.cursor() as cursor:
            cursor.executemany(sql.replace("?", "%s"), values)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """See `SqlStore`. One writer at a time, as in SQLite; readers do not wait."""
        with self._lock, self._errors():
            if self._open.closed:
                self._open = self._connected()
            self._is_in_transaction = True
            try:
                with self._open.transaction():
                    self._open.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
                    yield
            finally:
                self._is_in_transaction = False

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except psycopg.errors.UniqueViolation as error:
            raise TakenError(one_line(error)) from error
        except psycopg.Error as error:
            advice = "free some space there" if isinstance(error, psycopg.errors.DiskFull) else "call again"
            raise StorageError(
                f"{self.place}: {one_line(error, 200)}; nothing of this call was written: {advice}"
            ) from error

    # Templates in pgvector

    def set_info(self, key: str, value: str) -> None:
        """See `store.Store`. Once the length of embeddings is known, the table of vectors is made; or made anew, empty,
        where the gallery changes its model.
        """
        changes = key in {"embedding_size", "distance", "encryption"} and self.info().get(key) != value
        super().set_info(key, value)
        if not changes:
            return
        self.rows("DROP TABLE IF EXISTS vectors")
        if (length := self._length()) and self._has_pgvector():
            self.rows(
                "CREATE TABLE vectors (person BIGINT PRIMARY KEY REFERENCES people(id) ON DELETE CASCADE, "
                f"vector vector({length}) NOT NULL)"
            )
            self.rows("CREATE INDEX vectors_by_angle ON vectors USING hnsw (vector vector_cosine_ops)")

    def _has_pgvector(self) -> bool:
        """Makes the extension if it is not there. A role that may not goes without: the search is in memory then."""
        try:
            with self._open.transaction():
                self._open.execute("CREATE EXTENSION IF NOT EXISTS vector")
        except psycopg.errors.InsufficientPrivilege:
            return False
        return True

    def _length(self) -> int:
        """How many numbers the table of vectors has, or 0 if there is to be none."""
        info = self.info()
        if info.get("encryption") != "off" or "distance" not in info or "embedding_size" not in info:
            return 0
        length = angular_length(int(info["embedding_size"]), info["distance"])
        there = self.rows("SELECT count(*) FROM pg_available_extensions WHERE name = 'vector'")
        return length if 0 < length <= _LONGEST and there[0][0] else 0

    def _has_vectors(self) -> bool:
        return self.rows("SELECT to_regclass('vectors')")[0][0] is not None

    def add_people(self, people: Sequence[StoredPerson]) -> list[int]:
        """See `store.Store`."""
        ids = super().add_people(people)
        self._set_vectors([(id, person.template) for id, person in zip(ids, people, strict=True)])
        return ids

    def change_person(self, id: int, name: bytes, name_key: bytes, template: bytes | None) -> None:
        """See `store.Store`."""
        super().change_person(id, name, name_key, template)
        self._set_vectors([(id, template)])

    def _set_vectors(self, templates: Iterable[tuple[int, bytes | None]]) -> None:
        if not self._has_vectors():
            return
        length = self._length()
        set_them, drop_them = [], []
        for id, template in templates:
            vector = np.frombuffer(template or b"", np.float32)[:length]
            if vector.any():
                set_them.append((id, _as_text(vector)))
            else:
                drop_them.append((id,))
        self.many(
            "INSERT INTO vectors VALUES (?, ?) ON CONFLICT (person) DO UPDATE SET vector = excluded.vector",
            set_them,
        )
        self.many("DELETE FROM vectors WHERE person = ?", drop_them)

    def nearest(self, vector: Float32Array, limit: int) -> list[int] | None:
        """See `store.Store`."""
        length = self._length()
        if not length or not self._has_vectors():
            return None
        with self._lock:
            self.rows(f"SET hnsw.ef_search = {min(max(_LOOK_AT, limit), _MOST_LOOKED_AT)}")
            sql = f"SELECT person FROM vectors ORDER BY vector <=> ?::vector LIMIT {limit:d}"
            return [row[0] for row in self.rows(sql, (_as_text(vector[:length]),))]

    # The database as a whole

    def named_like(self, name: bytes) -> int:
        """See `store.Store`."""
        return int(
            self.rows("SELECT count(*) FROM people WHERE position(?::bytea IN name) > 0", (name,))[0][0]
        )

    def size(self) -> int:
        """See `store.Store`."""
        tables = [*_TABLES, "vectors"]
        return sum(
            int(self.rows(f"SELECT coalesce(pg_total_relation_size(to_regclass('{table}')), 0)")[0][0])
            for table in tables
        )

    def check(self) -> list[str]:
        """See `store.Store`. Pages and indexes are the server's to check (its extension amcheck does)."""
        found = []
        for table in ("faces", "corrections"):
            sql = f"SELECT count(*) FROM {table} WHERE person NOT IN (SELECT id FROM people)"
            if count := self.rows(sql)[0][0]:
                found.append(f"{table}: {count} rows have no person")
        if self._has_vectors():
            sql = (
                "SELECT count(*) FROM people FULL JOIN vectors ON id = person "
                "WHERE (template IS NULL) != (person IS NULL)"
            )
            if count := self.rows(sql)[0][0]:
                found.append(f"vectors: {count} do not fit the table of people")
        return found

    def erase_remains(
        self, needles: Iterable[bytes], rewrite: bool = False, tables: Sequence[str] = ()
    ) -> None:
        """See `store.Store`. PostgreSQL keeps deleted rows in its pages; so the tables are written anew, always.

        Rows that an older transaction may still want to read are kept even then, by PostgreSQL's rules. Its write-ahead
        log and its backups are the server's: what they hold is gone when the server removes them.
        """
        with erasing(self.place):
            wanted = tables or (*_REWRITTEN, *(["vectors"] if self._has_vectors() else []))
            until, pause = time.monotonic() + _WAIT, 0.05
            while kept := self._rewrite(wanted):
                if time.monotonic() + pause > until:
                    raise NotErasedError(
                        f"{self.place}: an older transaction is open in the database, so {sum(kept.values())} deleted "
                        f"rows were kept; {NOT_ERASED}: end it, then {SCRUB}"
                    )
                time.sleep(pause)
                wanted, pause = tuple(kept), pause * 2

    def _rewrite(self, tables: Sequence[str]) -> dict[str, int]:
        """Writes tables anew, and returns those in which deleted rows had to be kept, with their number."""
        kept: dict[str, int] = {}

        def count(said: psycopg.errors.Diagnostic) -> None:
            # "5 dead row versions cannot be removed yet …", in the language of the server. It is the only exact source:
            # the transactions of other roles are hidden from this one.
            found = re.search(r"\d+", said.message_detail or "")
            kept[table] = kept.get(table, 0) + (int(found[0]) if found else 0)

        with self._lock, self._errors():
            if self._open.closed:
                self._open = self._connected()
            connection = self._open
            connection.add_notice_handler(count)
            try:
                for table in tables:
                    connection.execute(f"VACUUM (FULL, VERBOSE) {table}")
                # Removes the old files now and not minutes later; only some roles may.
                with suppress(psycopg.errors.InsufficientPrivilege):
                    connection.execute("CHECKPOINT")
            finally:
                connection.remove_notice_handler(count)
        return {table: count for table, count in kept.items() if count}

    def backup(self, target: Path) -> None:
        """See `store.Store`.

        Raises:
            GalleryError: always; a server's databases are backed up by the server.
        """
        raise GalleryError(
            f"{self.place}: back up a database with pg_dump, or `twinface gallery copy` it into a file"
        )

    def close(self) -> None:
        """See `store.Store`."""
        with self._lock:
            self._open.close()


def _as_text(vector: Float32Array) -> str:
    return f"[{','.join(map(repr, vector.tolist()))}]"
