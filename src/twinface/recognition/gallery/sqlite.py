"""A gallery in one SQLite file.

What is acknowledged is on the disk (write-ahead log, synchronous=FULL). What is deleted is overwritten (secure_delete),
and the log is emptied.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from twinface.core.errors import NotErasedError, StorageError
from twinface.core.storage import new_file, remove_leftovers, sync_folder
from twinface.core.types import Float32Array
from twinface.recognition.gallery.schema import Dialect
from twinface.recognition.gallery.sql_store import NOT_ERASED, SCRUB, SqlStore, TakenError, erasing

_WAIT = 60.0  # seconds for the lock of another writer, and for readers when the log is to be emptied

_PIECE = 1 << 23  # bytes of a file that are searched at a time


class SqliteStore(SqlStore):
    """A file, with two more beside it while it is in use (`-wal`, `-shm`). See `store.Store`.

    One object may be used from several threads; several processes may open the file at once.

    Args:
        file: is made if it is not there, readable by its owner alone.

    Raises:
        StorageError: it cannot be opened, is no gallery, or is damaged.
    """

    dialect = Dialect(identity="INTEGER PRIMARY KEY AUTOINCREMENT", blob="BLOB")

    def __init__(self, file: Path) -> None:
        super().__init__()
        # Resolved: through a link, the search copy would lie beside the link. And ":memory:" is a name like any other.
        self.local, self.place = file.resolve(), str(file)
        self._lock = threading.RLock()
        self._make_private()
        with self._errors():
            self._open = _connected(self.local)
            self._refuse_foreign()
            _set_up(self._open)
        self.migrate()

    def _refuse_foreign(self) -> None:
        """Leaves a file of another program as it is. Before any statement that changes the file."""
        tables = self._tables()
        if tables and "info" not in tables:
            self.close()
            raise StorageError(
                f"{self.place}: is no gallery, but a database with the table {min(tables)}; name another file"
            )

    def _tables(self) -> set[str]:
        return {str(row[0]) for row in self.rows("SELECT name FROM sqlite_master WHERE type = 'table'")}

    def has_tables(self) -> bool:
        """See `SqlStore`."""
        return "info" in self._tables()

    def _make_private(self) -> None:
        try:
            self.local.parent.mkdir(parents=True, exist_ok=True)
            if not self.local.exists():
                os.close(os.open(self.local, os.O_CREAT | os.O_RDWR, 0o600))
                sync_folder(self.local.parent)
        except OSError as error:
            raise StorageError(
                f"{self.place}: cannot be made ({error.strerror}); name another file"
            ) from error

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        """See `SqlStore`."""
        with self._lock, self._errors():
            return self._open.execute(sql, values).fetchall()

    def many(self, sql: str, values: Sequence[Sequence[Any]]) -> None:
        """See `SqlStore`."""
        with self._lock, self._errors():
            self._open.executemany(sql, values)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """See `SqlStore`. The lock of writing is taken at once, so that no reader has to become a writer."""
        with self._lock:
            self.rows("BEGIN IMMEDIATE")
            try:
                yield
                self.rows("COMMIT")
            except BaseException:
                # Also where the disk was full at the COMMIT: SQLite may have rolled back by itself.
                with suppress(sqlite3.Error):
                    if self._open.in_transaction:
                        self._open.execute("ROLLBACK")
                raise

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.IntegrityError as error:
            raise TakenError(str(error)) from error
        except sqlite3.OperationalError as error:
            said = f"{self.place}: {error}; nothing of this call was written: {_advice(str(error))}"
            raise StorageError(said) from error
        except sqlite3.DatabaseError as error:
            raise StorageError(
                f"{self.place}: is no gallery, or is damaged ({error}); take a backup, or name another file"
            ) from error

    def named_like(self, name: bytes) -> int:
        """See `store.Store`."""
        return int(self.rows("SELECT count(*) FROM people WHERE instr(name, ?) > 0", (name,))[0][0])

    def size(self) -> int:
        """See `store.Store`."""
        return sum(file.stat().st_size for file in self._files())

    def check(self) -> list[str]:
        """See `store.Store`."""
        with self._errors():
            found = [str(row[0]) for row in self.rows("PRAGMA integrity_check") if row[0] != "ok"]
            found += [
                f"{row[0]}: row {row[1]} has no person" for row in self.rows("PRAGMA foreign_key_check")
            ]
        return found

    def erase_remains(
        self, needles: Iterable[bytes], rewrite: bool = False, tables: Sequence[str] = ()
    ) -> None:
        """See `store.Store`.

        SQLite overwrites deleted rows. But when it moves rows between pages, copies can stay in the free part of a
        page. So the file is searched, and rewritten if something is found.
        """
        wanted = [needle for needle in needles if needle]
        # On a connection of its own, so that nobody who reads has to wait.
        with erasing(self.place), self._errors(), closing(_connected(self.local)) as connection:
            _set_up(connection)
            _empty_log(connection, self.place)
            if rewrite or self._is_found(wanted):
                connection.execute("VACUUM")
                _empty_log(connection, self.place)

    def _is_found(self, needles: Sequence[bytes]) -> bool:
        longest = max(map(len, needles), default=0)
        before, place = b"", 0
        while longest and (piece := os.pread(_reader(self.local), _PIECE, place)):
            content = before + piece
            if any(needle in content for needle in needles):
                return True
            before, place = content[-longest:], place + len(piece)
        return False

    def _files(self) -> list[Path]:
        """The file and its log. The third one, `-shm`, holds numbers of pages alone."""
        both = (self.local, self.local.with_name(f"{self.local.name}-wal"))
        return [file for file in both if file.exists()]

    def backup(self, target: Path) -> None:
        """See `store.Store`. The copy has no free pages, so nothing of what was deleted."""
        remove_leftovers(target.parent, of=target.name)
        with new_file(target) as file:
            Path(file.name).chmod(0o600)
            # Into the empty file that is there, so that its name and its rights are ours.
            self.rows("VACUUM INTO ?", (file.name,))

    def nearest(self, vector: Float32Array, limit: int) -> list[int] | None:
        """See `store.Store`."""
        return None

    def close(self) -> None:
        """See `store.Store`."""
        with self._lock, self._errors():
            self._open.close()


def _advice(problem: str) -> str:
    if "full" in problem:
        return "free some space and call again"
    if "readonly" in problem:
        return "reading needs the right to write, too, for the file and its folder"
    return "call again, or check the file"


def _connected(file: Path) -> sqlite3.Connection:
    return sqlite3.connect(file, timeout=_WAIT, isolation_level=None, check_same_thread=False)


def _set_up(connection: sqlite3.Connection) -> None:
    # An answer to these comes at the first look into the file.
    if connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        connection.execute("PRAGMA journal_mode = WAL")
    for pragma in (
        "synchronous = FULL",
        "secure_delete = ON",
        "foreign_keys = ON",
        "temp_store = MEMORY",
        "trusted_schema = OFF",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _empty_log(connection: sqlite3.Connection, place: str) -> None:
    """Writes the log into the file and empties it, once nobody reads what is in it. Nobody has to wait meanwhile."""
    until = time.monotonic() + _WAIT
    while _is_busy(connection):
        if time.monotonic() > until:
            raise NotErasedError(
                f"{place}: another process holds the write-ahead log; {NOT_ERASED}: stop it, then {SCRUB}"
            )
        time.sleep(0.02)


def _is_busy(connection: sqlite3.Connection) -> bool:
    # A checkpoint that waits by itself lets nobody write as long.
    connection.execute("PRAGMA busy_timeout = 0")
    try:
        return bool(connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0])
    finally:
        connection.execute(f"PRAGMA busy_timeout = {int(1000 * _WAIT)}")


# (device, inode) → a descriptor, which is never closed. The system drops all of this process's locks on a file when any
# descriptor of it is closed; SQLite's would be among them, and another process would take the file for unused.
_READERS: dict[tuple[int, int], int] = {}


def _reader(file: Path) -> int:
    """A descriptor to read the raw bytes of a file that SQLite has open."""
    status = file.stat()
    key = (status.st_dev, status.st_ino)
    if key not in _READERS:
        _READERS[key] = os.open(file, os.O_RDONLY)
    return _READERS[key]
