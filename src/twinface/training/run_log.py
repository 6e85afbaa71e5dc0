"""The log of a run: `log.txt` in its folder."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from twinface.core.errors import StorageError, TwinfaceError
from twinface.core.interruption import Interrupted

log = logging.getLogger("twinface")


@contextmanager
def run_log(folder: Path) -> Iterator[None]:
    """Writes all messages into the folder of a run too; an unexpected error with its traceback.

    Raises:
        StorageError: the file cannot be opened.
    """
    try:
        handler = _LogFile(folder / "log.txt", encoding="utf-8")
    except OSError as error:
        raise not_writable(folder, error) from error
    form = logging.Formatter("%(asctime)s %(message)s", "%Y-%m-%dT%H:%M:%S+00:00")
    form.converter = time.gmtime
    handler.setFormatter(form)
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        yield
    except (TwinfaceError, Interrupted):
        raise
    except Exception:
        # In the file only: on a terminal it is one line.
        traceback = log.makeRecord(log.name, logging.ERROR, "", 0, "unexpected error", (), sys.exc_info())
        handler.handle(traceback)
        raise
    finally:
        log.removeHandler(handler)
        handler.close()


class _LogFile(logging.FileHandler):
    """Leaves out what a full disk does not take. Training says what is wrong as soon as its state cannot be written."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name of logging
        """Prints nothing."""

    def close(self) -> None:
        """Closes the file, also where what is left in memory cannot be written."""
        with suppress(OSError):
            super().close()


def not_writable(folder: Path, error: OSError) -> StorageError:
    """The error for a run folder that cannot be written."""
    return StorageError(
        f"{folder}: cannot be written ({error.strerror or error}), and training has to: choose another --out, or copy "
        "the run"
    )
