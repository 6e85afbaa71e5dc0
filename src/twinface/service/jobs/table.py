"""The table of jobs, for callers. Every call is one transaction at most, so a caller can be killed at any moment."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from twinface.core.errors import StorageError
from twinface.core.formatting import one_line
from twinface.recognition.gallery.contents import Contents
from twinface.recognition.gallery.sql_store import SqlStore, sql_tables
from twinface.recognition.gallery.sqlite import SqliteStore
from twinface.service.jobs.records import ENDED, AddedPhoto, Job, JobLimits, JobNotFoundError, JobStateError
from twinface.service.jobs.settings import TAKES_PHOTOS, read_settings

COLUMNS = "id, number, kind, state, done, total, created, ended, settings, error"
_LONGEST_NAME = 500  # characters of a photo's name
# In the column of the settings, which no kind has one of this name in: so the tables of older versions need no change.
_OWNER = "owner"
_REWRITE = "jobs_rewrite"  # a key of the gallery's info: removed rows may still be in the database's files


class JobTable:
    """The jobs of a gallery.

    Args:
        contents: of the gallery; everything that says something about a photo is sealed by its vault.
        limits: of new jobs.

    Raises:
        GalleryError: the gallery is in a store without SQL.
    """

    def __init__(self, contents: Contents, limits: JobLimits | None = None) -> None:
        self.store, self.vault = sql_tables(contents.store), contents.vault
        self.limits = limits or JobLimits()
        self.clock: Callable[[], float] = (
            time.time if isinstance(self.store, SqliteStore) else self._server_time
        )

    def _server_time(self) -> float:
        """The clocks of two machines differ, so the database's own is taken."""
        return float(self.store.rows("SELECT extract(epoch FROM clock_timestamp())::float8")[0][0])

    def create(self, kind: str, settings: dict[str, Any] | None = None, owner: str | None = None) -> Job:
        """Makes a job. One that takes photos is "open", another one "queued".

        Args:
            kind: a key of `settings.SETTINGS`.
            settings: see there.
            owner: the caller who makes it; None for somebody who has the gallery itself.

        Raises:
            SettingsError: there is no such kind, or a setting is wrong.
            StorageError: the gallery cannot be written; so it is with the other methods.
        """
        values = read_settings(kind, settings or {}).model_dump(mode="json")
        values |= {_OWNER: owner} if owner else {}
        id, state = secrets.token_hex(8), "open" if kind in TAKES_PHOTOS else "queued"
        self.store.rows(
            "INSERT INTO jobs (id, kind, settings, state, done, total, waiting, created, tries) "
            "VALUES (?, ?, ?, ?, 0, 0, 0, ?, 0)",
            (id, kind, json.dumps(values, allow_nan=False), state, self.clock()),
        )
        return self.get(id)

    def add_photos(self, id: str, photos: Sequence[tuple[str, bytes]]) -> tuple[AddedPhoto, ...]:
        """Adds photos to an open job, in this order. Those for which there is no room are refused, with the reason.

        Args:
            id: of the job.
            photos: names and bytes of files. The bytes are erased once the photo's result is there.

        Raises:
            JobNotFoundError: there is no such job.
            JobStateError: it is not open any more.
        """
        named = [(one_line(name or "a photo", _LONGEST_NAME), data) for name, data in photos]
        sealed = [(self.vault.seal(name.encode()), self.vault.seal(data)) for name, data in named]
        with self.store.transaction():
            job = self.get(id)
            if job.state != "open":
                raise JobStateError(f"job {id}: is {job.state}, and photos are added while it is open")
            waiting = int(self.store.rows("SELECT coalesce(sum(waiting), 0) FROM jobs")[0][0])
            rows: list[tuple[Any, ...]] = []
            added, more = [], 0
            for (name, data), (name_row, photo_row) in zip(named, sealed, strict=True):
                reason = self._no_room(job.total + len(rows), len(data), waiting + more + len(photo_row))
                added.append(AddedPhoto(name, not reason, (reason,) if reason else ()))
                if not reason:
                    rows.append((job.number, job.total + len(rows) + 1, name_row, photo_row))
                    more += len(photo_row)
            self.store.many("INSERT INTO job_photos (job, number, name, photo) VALUES (?, ?, ?, ?)", rows)
            self.store.rows(
                "UPDATE jobs SET total = total + ?, waiting = waiting + ? WHERE number = ?",
                (len(rows), more, job.number),
            )
        return tuple(added)

    def _no_room(self, photos: int, size: int, waiting: int) -> str:
        """Why a photo cannot be added, or an empty text."""
        if not size:
            return "the file is empty"
        if size > self.limits.photo:
            return f"the file has {size:,} bytes, and {self.limits.photo:,} are allowed"
        if photos >= self.limits.photos:
            return f"the job has {photos:,} photos, and more are not allowed: start another job"
        if waiting > self.limits.waiting:
            return f"{self.limits.waiting:,} bytes of photos may wait in all jobs together: wait until some are done"
        return ""

    def start(self, id: str) -> Job:
        """Lets an open job be worked on. A job that was started before stays as it is.

        Raises:
            JobNotFoundError: there is no such job.
            JobStateError: it has no photo.
        """
        with self.store.transaction():
            job = self.get(id)
            if job.state == "open" and not job.total:
                raise JobStateError(f"job {id}: has no photo yet, need one or more")
            self.store.rows("UPDATE jobs SET state = 'queued' WHERE id = ? AND state = 'open'", (id,))
        return self.get(id)

    def get(self, id: str) -> Job:
        """A job.

        Raises:
            JobNotFoundError: there is no such job.
        """
        rows = self.store.rows(f"SELECT {COLUMNS} FROM jobs WHERE id = ?", (id,))
        if not rows:
            raise JobNotFoundError(f"job {one_line(id, 40)}: is not there, or was removed")
        return self.read(rows[0])

    def jobs(self, after: int = 0, limit: int = 100) -> tuple[Job, ...]:
        """Jobs, the newest first: a page of the list.

        Args:
            after: the number of the last job of the page before; 0 for the first page.
            limit: of jobs on this page, at most.
        """
        sql = f"SELECT {COLUMNS} FROM jobs WHERE number < ? ORDER BY number DESC LIMIT ?"
        return tuple(map(self.read, self.store.rows(sql, (after or 2**62, limit))))

    def read(self, row: Sequence[Any]) -> Job:
        """A row of `COLUMNS` as a job."""
        id, number, kind, state, done, total, created, ended, settings, error = row
        said, values = error and self.vault.open(bytes(error)).decode(), json.loads(settings)
        owner = values.pop(_OWNER, None)
        return Job(id, number, kind, state, done, total, created, ended, values, said, owner)

    def cancel(self, id: str) -> Job:
        """Ends a job at once: results that are there stay, photos that wait are erased.

        A worker finds out when it saves its next photo, and saves nothing. A job that has ended stays as it is.

        Raises:
            JobNotFoundError: there is no such job.
        """
        with self.store.transaction():
            job = self.get(id)
            if job.state not in ENDED:
                self.store.rows(
                    "UPDATE jobs SET state = 'cancelled', ended = ?, worker = NULL, waiting = 0 WHERE number = ?",
                    (self.clock(), job.number),
                )
                erase_waiting(self.store, job)
        empty_log(self.store)
        return self.get(id)

    def delete(self, id: str) -> None:
        """Removes a job with everything of it, also from the files of the database. A worker stops as with `cancel`.

        SQLite's file is written anew: photos that were erased long ago can have left copies in free parts of pages, and
        nothing is there any more that could be searched for. A job that never had a photo or a result leaves nothing.

        Raises:
            JobNotFoundError: there is no such job.
            StorageError: the job is removed, but the files could not be written anew (another process holds them, or
                the disk is full) and may have remains; the next call of this or of `remove_old` tries again.
        """
        with self.store.transaction():
            self._remove([self.get(id).number])
        self._rewrite()

    def remove_old(self) -> int:
        """Removes jobs whose time is over, see `JobLimits.keep_days`, and erases what an earlier call could not.

        Returns:
            How many there were.

        Raises:
            StorageError: as with `delete`; the next call tries again.
        """
        before = self.clock() - 86_400 * self.limits.keep_days
        sql = "SELECT number FROM jobs WHERE ended < ? OR (state = 'open' AND created < ?)"
        numbers = []
        if self.store.rows(sql, (before, before)):
            with self.store.transaction():
                numbers = [row[0] for row in self.store.rows(sql, (before, before))]
                self._remove(numbers)
        self._rewrite()
        return len(numbers)

    def _remove(self, numbers: Sequence[int]) -> None:
        """Removes jobs, and notes that the files have to be written anew. In a transaction."""
        content = "(total > 0 OR result IS NOT NULL OR error IS NOT NULL)"
        for number in numbers:
            if self.store.rows(f"SELECT 1 FROM jobs WHERE number = ? AND {content}", (number,)):
                self.store.set_info(_REWRITE, secrets.token_hex(8))
        # Not left to the cascade, as with people.
        self.store.many("DELETE FROM job_photos WHERE job = ?", [(number,) for number in numbers])
        self.store.many("DELETE FROM jobs WHERE number = ?", [(number,) for number in numbers])

    def _rewrite(self) -> None:
        """Makes removed rows unreadable in the database's files, if there are any."""
        due = self.store.rows("SELECT value FROM info WHERE key = ?", (_REWRITE,))
        if not due:
            return
        self.store.erase_remains([], rewrite=True, tables=("jobs", "job_photos"))
        # Another process may have removed rows meanwhile: its note has another value, and stays.
        self.store.rows("DELETE FROM info WHERE key = ? AND value = ?", (_REWRITE, due[0][0]))


def empty_log(store: SqlStore) -> None:
    """Erases photos of a job that has ended from SQLite's log, too; if another program holds it, a later job does it.

    A PostgreSQL server's log is its own affair.
    """
    if isinstance(store, SqliteStore):
        with suppress(StorageError):
            store.erase_remains([])


def erase_waiting(store: SqlStore, job: Job) -> None:
    """Erases the photos of a job that has ended, and embeddings that were a step on the way. In a transaction."""
    store.rows("UPDATE job_photos SET photo = NULL WHERE job = ? AND photo IS NOT NULL", (job.number,))
    if job.kind == "cluster":
        store.rows(
            "UPDATE job_photos SET vectors = NULL WHERE job = ? AND vectors IS NOT NULL", (job.number,)
        )
