"""The table of jobs, for workers: a job is claimed for some seconds, and the claim is renewed while work goes on.

A worker that dies renews nothing, so another one claims the job and goes on with the first photo without a result.
Every write of a worker asks whether the job is still its own; if not, nothing is written.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from twinface.core.types import Float32Array
from twinface.service.jobs.records import Job, JobState
from twinface.service.jobs.table import COLUMNS, JobTable, empty_log, erase_waiting

LEASE = 60.0  # seconds
_PAGE = 500
_OURS = "number = ? AND worker = ? AND state = 'running'"


class LeaseLostError(Exception):
    """The job was cancelled or deleted, or another worker has it: nothing was written."""


@dataclass(frozen=True)
class Claim:
    """A job that a worker may work on.

    Attributes:
        job: as it was when it was claimed.
        worker: a random text that nobody else has.
        tries: how often it was claimed since it last came on, this time included.
        fingerprint: of the model of the results that are there; None if there are none.
    """

    job: Job
    worker: str
    tries: int
    fingerprint: str | None


@dataclass(frozen=True, eq=False)
class WaitingPhoto:
    """The next photo of a job.

    Attributes:
        number: from 1.
        name: of the file.
        data: its bytes.
        stored: bytes that it takes in the table.
    """

    number: int
    name: str
    data: bytes
    stored: int


@dataclass(frozen=True, eq=False)
class PhotoResult:
    """What a worker has found on a photo.

    Attributes:
        values: plain values, without names of people.
        vectors: [N, D] embeddings of its faces, or None.
    """

    values: dict[str, Any]
    vectors: Float32Array | None = None


class Leases:
    """Claims jobs of a table.

    Args:
        table: of the gallery.
        lease: seconds that a claim holds without being renewed.
    """

    def __init__(self, table: JobTable, lease: float = LEASE) -> None:
        self.table, self.store, self.lease = table, table.store, lease

    def claim(self) -> Claim | None:
        """The oldest job that nobody works on, or None.

        Raises:
            StorageError: the gallery cannot be written; so it is with the other methods.
        """
        worker = secrets.token_hex(8)
        free = "state = 'queued' OR (state = 'running' AND lease_until < ?)"
        if not self.store.rows(f"SELECT 1 FROM jobs WHERE {free} LIMIT 1", (self.table.clock(),)):
            return None  # most calls end here, without a transaction
        with self.store.transaction():
            now = self.table.clock()  # others may have held the database for long
            rows = self.store.rows(
                f"SELECT tries, fingerprint, {COLUMNS} FROM jobs WHERE {free} ORDER BY number LIMIT 1", (now,)
            )
            if not rows:
                return None
            tries, fingerprint, *columns = rows[0]
            job = self.table.read(columns)
            self.store.rows(
                "UPDATE jobs SET state = 'running', worker = ?, lease_until = ?, tries = tries + 1 WHERE number = ?",
                (worker, now + self.lease, job.number),
            )
        return Claim(job, worker, int(tries) + 1, fingerprint)

    def renew(self, claim: Claim) -> None:
        """Keeps a job for another lease.

        Raises:
            LeaseLostError: it is not ours any more; so it is with the other methods that write.
        """
        self._change(claim, "lease_until = ?", self.table.clock() + self.lease)

    def set_progress(self, claim: Claim, done: int, total: int) -> None:
        """Says how far a job without photos has come."""
        until = self.table.clock() + self.lease
        self._change(claim, "done = ?, total = ?, lease_until = ?, tries = 0", done, total, until)

    def set_fingerprint(self, claim: Claim, fingerprint: str) -> None:
        """Says by which model all results of the job are."""
        self._change(claim, "fingerprint = ?", fingerprint)

    def _change(self, claim: Claim, what: str, *values: Any) -> None:
        sql = f"UPDATE jobs SET {what} WHERE {_OURS} RETURNING number"
        if not self.store.rows(sql, (*values, claim.job.number, claim.worker)):
            raise LeaseLostError

    def next_photo(self, claim: Claim) -> WaitingPhoto | None:
        """The first photo without a result, or None if all have one.

        Raises:
            LeaseLostError: the job is not ours any more.
        """
        rows = self.store.rows(
            "SELECT job_photos.number, name, photo FROM job_photos JOIN jobs ON job_photos.job = jobs.number "
            f"WHERE jobs.{_OURS} AND job_photos.number = done + 1",
            (claim.job.number, claim.worker),
        )
        if not rows:
            return None
        number, name, photo = rows[0]
        if photo is None:
            raise LeaseLostError  # cancelled between the two statements of another thread
        opened = self.table.vault.open
        return WaitingPhoto(int(number), opened(bytes(name)).decode(), opened(bytes(photo)), len(photo))

    def save(self, claim: Claim, photo: WaitingPhoto, result: PhotoResult) -> None:
        """Writes a photo's result and erases the photo: both or neither."""
        seal = self.table.vault.seal
        row = seal(json.dumps(result.values, allow_nan=False).encode())
        vectors = None if result.vectors is None else seal(result.vectors.astype("<f4").tobytes())
        with self.store.transaction():
            until = self.table.clock() + self.lease
            rows = self.store.rows(
                "UPDATE jobs SET done = done + 1, waiting = waiting - ?, lease_until = ?, tries = 0 "
                f"WHERE {_OURS} AND done = ? RETURNING number",
                (photo.stored, until, claim.job.number, claim.worker, photo.number - 1),
            )
            if not rows:
                raise LeaseLostError
            self.store.rows(
                "UPDATE job_photos SET photo = NULL, result = ?, vectors = ? WHERE job = ? AND number = ?",
                (row, vectors, claim.job.number, photo.number),
            )

    def release(self, claim: Claim) -> None:
        """Lets another worker have the job at once. This try does not count: only those count whose process died."""
        # It is 0 where a photo was saved since the job was claimed.
        tries = "CASE WHEN tries > 0 THEN tries - 1 ELSE 0 END"
        self._change(claim, f"state = 'queued', worker = NULL, lease_until = NULL, tries = {tries}")

    def finish(
        self, claim: Claim, state: JobState, result: dict[str, Any] | None = None, error: str | None = None
    ) -> None:
        """Ends a job. Photos that still wait are erased, also from SQLite's log."""
        seal = self.table.vault.seal
        values = (
            None if result is None else seal(json.dumps(result, allow_nan=False).encode()),
            None if error is None else seal(error.encode()),
        )
        with self.store.transaction():
            self._change(
                claim,
                "state = ?, result = ?, error = ?, ended = ?, worker = NULL, waiting = 0",
                *(state, *values, self.table.clock()),
            )
            erase_waiting(self.store, claim.job)
        empty_log(self.store)

    def found(self, claim: Claim) -> Iterator[tuple[int, dict[str, Any], bytes | None]]:
        """The results of all photos that are done, in order: number, values, bytes of the embeddings."""
        yield from read_results(self.table, claim.job.number)


def read_results(
    table: JobTable, job: int, after: int = 0, limit: int | None = None
) -> Iterator[tuple[int, dict[str, Any], bytes | None]]:
    """Results of photos, in order; see `Leases.found`.

    Args:
        table: of the gallery.
        job: its number.
        after: the number of the photo before the first one.
        limit: of photos, at most; None takes all.
    """
    sql = (
        "SELECT number, result, vectors, name FROM job_photos "
        "WHERE job = ? AND number > ? AND result IS NOT NULL ORDER BY number LIMIT ?"
    )
    left = limit
    while left is None or left > 0:
        page = table.store.rows(sql, (job, after, _PAGE if left is None else min(_PAGE, left)))
        if not page:
            return
        for number, result, vectors, name in page:
            values = json.loads(table.vault.open(bytes(result)))
            about = {"photo": table.vault.open(bytes(name)).decode(), "number": int(number)}
            yield int(number), about | values, None if vectors is None else table.vault.open(bytes(vectors))
        after = int(page[-1][0])
        left = None if left is None else left - len(page)
