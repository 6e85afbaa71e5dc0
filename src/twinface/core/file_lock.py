"""Keeps two processes from writing the same place. The operating system lets go of a lock when its holder dies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from twinface.core.errors import StorageError


@contextmanager
def only_writer(lock: Path, place: Path) -> Iterator[None]:
    """Holds a lock as long as the block runs.

    Args:
        lock: its file, in a folder that exists. It stays, because removing it would let two processes hold it.
        place: what is written, for the error.

    Raises:
        StorageError: another process holds the lock, or the file cannot be written.
    """
    from filelock import FileLock, Timeout

    held = FileLock(lock, timeout=0)
    try:
        held.acquire()
    except Timeout as error:
        raise StorageError(f"{place}: another process is writing it; wait, or name another") from error
    except OSError as error:
        raise StorageError(f"{place}: cannot be written ({error.strerror})") from error
    try:
        yield
    finally:
        held.release()
