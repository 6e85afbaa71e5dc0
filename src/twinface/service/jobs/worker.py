"""Works on the jobs of a gallery, one at a time. Any number of workers, on any machines, may share a gallery."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial

from twinface.core.errors import NotErasedError, StorageError, TwinfaceError
from twinface.core.formatting import one_line
from twinface.recognition.gallery.gallery import Gallery
from twinface.service.jobs.kinds import KINDS, Kind, Work
from twinface.service.jobs.leases import LEASE, Claim, LeaseLostError, Leases, PhotoResult, WaitingPhoto
from twinface.service.jobs.records import Job, JobLimits
from twinface.service.jobs.settings import read_settings
from twinface.service.jobs.table import JobTable

_POLL = 1.0  # seconds between two looks for a job
_MOST_TRIES = 10  # of a photo, or of a job without photos, before it is given up
_SAVES = 4  # tries to write a result
_PAUSE = 0.2  # seconds after the first of them; each one is twice as long as the one before
_TELL = 0.5  # seconds between two notes of how far a job without photos has come
_SWEEP = 600.0  # seconds between two looks for jobs whose time is over
_STOP = 2.0  # seconds that a stop waits
_log = logging.getLogger("twinface.service.jobs")

Report = Callable[[Job], None]


class _StoppedError(Exception):
    """The worker was asked to stop."""


class Worker:
    """Claims jobs and works on them.

    Args:
        gallery: with its model; may be shared with other threads.
        limits: for how long jobs are kept.
        lease: seconds after which others take over from a worker that says nothing any more.
        poll: seconds between two looks for a job.
        report: called when a job begins, comes on, and has ended.

    Raises:
        GalleryError: the gallery's store has no SQL.
    """

    def __init__(
        self,
        gallery: Gallery,
        limits: JobLimits | None = None,
        *,
        lease: float = LEASE,
        poll: float = _POLL,
        report: Report | None = None,
    ) -> None:
        self._gallery, self._poll = gallery, poll
        self._table = JobTable(gallery.contents, limits)
        self._leases = Leases(self._table, lease)
        self._report: Report = report or (lambda job: None)
        self._stop, self._wake = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None
        self._is_stopped: Callable[[], bool] = self._stop.is_set
        self._next_sweep = 0.0

    def start(self) -> None:
        """Works in a thread of its own until `stop`."""
        self._thread = threading.Thread(target=self.run, kwargs={"forever": True}, name="jobs", daemon=True)
        self._thread.start()

    def stop(self, timeout: float = _STOP) -> bool:
        """Ends the thread after the photo that it has in hand; another worker can have the job at once.

        Args:
            timeout: in seconds. A thread that takes longer is left alone: its claim runs out when the process ends.

        Returns:
            Whether it has ended.
        """
        self._stop.set()
        self._wake.set()
        if self._thread is None:
            return True
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def wake(self) -> None:
        """Says that there is a new job, which is then not found by the next look alone."""
        self._wake.set()

    def run(self, forever: bool = False, is_stopped: Callable[[], bool] | None = None) -> None:
        """Works in this thread.

        Args:
            forever: wait for more when no job is left.
            is_stopped: asked between photos; besides `stop`.

        Raises:
            StorageError: not `forever`, and the gallery cannot be written.
        """
        self._is_stopped = lambda: self._stop.is_set() or (is_stopped is not None and is_stopped())
        while not self._is_stopped():
            self._wake.clear()
            try:
                self._sweep()
                claim = self._leases.claim()
                if claim is not None:
                    self._take(claim)
                    continue
            except StorageError as error:
                if not forever:
                    raise
                _log.warning("jobs: %s", type(error).__name__)
            if not forever:
                return
            self._wake.wait(self._poll)

    def _sweep(self) -> None:
        if time.monotonic() >= self._next_sweep:
            self._next_sweep = time.monotonic() + _SWEEP
            try:
                self._table.remove_old()
            except StorageError as error:  # its text has the gallery's place, which the log must not hold
                _log.warning(
                    "old jobs: %s: the gallery's files can still hold photos of removed jobs; this is tried again in "
                    "%d minutes. Is its disk full, or does another program hold it?",
                    *(type(error).__name__, _SWEEP // 60),
                )

    def _take(self, claim: Claim) -> None:
        """Works on a job until it has ended, is not ours any more, or we are asked to stop."""
        self._report(claim.job)
        try:
            self._attempt(claim)
        except LeaseLostError:
            return
        except _StoppedError:
            with suppress(LeaseLostError):
                self._leases.release(claim)
            return
        except StorageError:
            # The database is busy, full or away. The job stays, and another worker goes on with it.
            with suppress(LeaseLostError, StorageError):
                self._patiently(partial(self._leases.release, claim))
            self._wake.wait(self._poll)
            raise
        with suppress(TwinfaceError):
            self._report(self._table.get(claim.job.id))

    def _attempt(self, claim: Claim) -> None:
        """Works on a job. An error of its own is written down; one of the database, which may pass, is raised."""
        try:
            with self._kept(claim) as is_lost:
                self._work(claim, partial(self._check, is_lost))
        except (LeaseLostError, _StoppedError):
            raise
        except TwinfaceError as error:
            if isinstance(error, StorageError) and not isinstance(error, NotErasedError):
                raise
            place = self._gallery.store.place
            self._fail(claim, one_line(str(error).replace(place, "the gallery"), 500))
        except Exception as error:
            _log.error("job %s: unexpected %s", claim.job.id, type(error).__name__)
            self._fail(claim, f"unexpected {type(error).__name__}")

    def _fail(self, claim: Claim, error: str) -> None:
        with suppress(LeaseLostError):
            self._leases.finish(claim, "failed", error=error)

    @contextmanager
    def _kept(self, claim: Claim) -> Iterator[threading.Event]:
        """Renews the claim in a thread while the block runs; the event says that it is lost."""
        is_over, is_lost = threading.Event(), threading.Event()

        def renew() -> None:
            while not is_over.wait(self._leases.lease / 3):
                try:
                    self._leases.renew(claim)
                except LeaseLostError:
                    is_lost.set()
                    return
                except StorageError:
                    continue

        thread = threading.Thread(target=renew, name="jobs-lease", daemon=True)
        thread.start()
        try:
            yield is_lost
        finally:
            is_over.set()

    def _check(self, is_lost: threading.Event) -> None:
        if is_lost.is_set():
            raise LeaseLostError
        if self._is_stopped():
            raise _StoppedError

    def _work(self, claim: Claim, check: Callable[[], None]) -> None:
        job, kind = claim.job, KINDS[claim.job.kind]
        if claim.tries > _MOST_TRIES and (kind.photo is None or job.done == job.total):
            self._fail(
                claim, f"it was begun {_MOST_TRIES} times, and each time the process ended: see its memory"
            )
            return
        work = Work(
            self._gallery,
            read_settings(job.kind, job.settings),
            self._fingerprint(claim) if kind.photo else None,
            self._progress(claim, check) if kind.photo is None else lambda done, total: check(),
            partial(self._leases.found, claim),
        )
        if kind.photo:
            self._work_on_photos(claim, kind, work, check)
        check()
        result = kind.whole(work) if kind.whole else None
        self._patiently(partial(self._leases.finish, claim, "finished", result))

    def _fingerprint(self, claim: Claim) -> str:
        """Of the model that the job's photos are embedded with, which is the one that it was begun with."""
        if claim.fingerprint:
            return claim.fingerprint
        engine = self._gallery.engine
        engine.search.people()  # opened now, so that a model that is missing is the job's error
        fingerprint = engine.fingerprint
        self._leases.set_fingerprint(claim, fingerprint)
        return fingerprint

    def _work_on_photos(self, claim: Claim, kind: Kind, work: Work, check: Callable[[], None]) -> None:
        assert kind.photo is not None
        is_harmful = claim.tries > _MOST_TRIES
        while photo := self._leases.next_photo(claim):
            check()
            result = _given_up(photo) if is_harmful else kind.photo(work, photo)
            is_harmful = False
            self._patiently(partial(self._leases.save, claim, photo, result))
            self._report(replace(claim.job, state="running", done=photo.number))

    def _progress(self, claim: Claim, check: Callable[[], None]) -> Callable[[int, int], None]:
        """Notes how far a job without photos has come, now and then."""
        next_note = 0.0

        def note(done: int, total: int) -> None:
            nonlocal next_note
            check()
            if time.monotonic() >= next_note or done == total:
                next_note = time.monotonic() + _TELL
                self._leases.set_progress(claim, done, total)
                self._report(replace(claim.job, state="running", done=done, total=total))

        return note

    def _patiently(self, write: Callable[[], None]) -> None:
        """Writes, again if the database is busy."""
        for number in range(_SAVES):
            try:
                return write()
            except StorageError:
                if number == _SAVES - 1 or self._stop.wait(_PAUSE * 2**number):
                    raise


def _given_up(photo: WaitingPhoto) -> PhotoResult:
    reason = f"{photo.name}: left out, because each process that worked on it has ended"
    return PhotoResult({"faces": [], "problem": reason})
