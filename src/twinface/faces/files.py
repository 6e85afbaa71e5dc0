"""Reads a picture file's bytes: a plain file of limited size, and nothing else."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from twinface.core.errors import ImageError

MAX_FILE_BYTES = 64 * 2**20

# Without waiting for the other end of a pipe, and without changing line ends on Windows.
_READ = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


def read_bytes(path: Path | str) -> bytes:
    """Reads a whole file of at most 64 MiB.

    Raises:
        ImageError: there is no such file, or it is a folder, empty, too large or not readable.
    """
    try:
        descriptor = os.open(path, _READ)
        try:
            status = os.fstat(descriptor)
            # A pipe might never send anything, and a device may have no end.
            if not stat.S_ISREG(status.st_mode):
                found = "a folder" if stat.S_ISDIR(status.st_mode) else "not a plain file"
                raise ImageError(f"{path}: {found}, need a picture")
            data = _read(descriptor, status.st_size)
        finally:
            os.close(descriptor)
    except FileNotFoundError as error:
        raise ImageError(f"{path}: no such file") from error
    except (OSError, ValueError) as error:  # ValueError: a name with a zero byte in it
        raise ImageError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})") from error
    if not data:
        raise ImageError(f"{path}: the file is empty, need a picture")
    if len(data) > MAX_FILE_BYTES:
        raise ImageError(f"{path}: more than {MAX_FILE_BYTES >> 20} MiB, need a smaller file")
    return data


def _read(descriptor: int, size: int) -> bytes:
    """The bytes of an open file that was `size` bytes long, at most one more than is allowed.

    It makes as few calls as possible, because every call hands over the interpreter's lock, and threads that read many
    small files would spend their time on that.
    """
    most = MAX_FILE_BYTES + 1
    data = os.read(descriptor, min(size + 1, most))
    if len(data) == size:
        return data
    # The file grew or shrank meanwhile.
    while len(data) < most and (more := os.read(descriptor, most - len(data))):
        data += more
    return data
