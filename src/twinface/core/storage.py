"""Writes files completely or not at all.

Every file that is written as a whole goes through `new_file` or `write_files`: the data is written to a file beside its
target, flushed to the disk, and renamed to the target. So a kill, a crash or a full disk at any moment leaves either
the old file or the new one. Tables that grow row by row, and databases, have ways of their own.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import secrets
import stat
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from twinface.core.errors import StorageError


@contextlib.contextmanager
def new_file(target: Path) -> Iterator[IO[bytes]]:
    """Opens a file for writing that gets the name `target` only when the block ends without an error.

    A link is followed, and a file that is there already keeps its permissions.

    Raises:
        StorageError: the disk is full, the folder cannot be written, or `target` is a folder or a device; it is
            unchanged.
    """
    target = _plain(Path(target))
    temporary = _temporary(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("xb") as file:
            _keep_permissions(target, file)
            yield file
            _flush(file)
        temporary.replace(target)
        sync_folder(target.parent)
    except OSError as error:
        raise _not_written(target, error) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_bytes(target: Path, data: bytes) -> None:
    """Writes `data` to `target`, completely or not at all; see `new_file`."""
    with new_file(target) as file:
        file.write(data)


def write_files(contents: Mapping[Path, bytes]) -> None:
    """Writes several files that belong together: all of them, or none if there is no space for all.

    They get their names one directly after the other, in the order of `contents`. Only a kill in that moment can leave
    some of them new and some old, so the file that says that the others are there comes last.

    Raises:
        StorageError: one of them cannot be written; all targets are unchanged.
    """
    contents = {_plain(target): data for target, data in contents.items()}
    temporaries = {target: _temporary(target) for target in contents}
    target = Path()
    try:
        for target, temporary in temporaries.items():
            target.parent.mkdir(parents=True, exist_ok=True)
            with temporary.open("xb") as file:
                _keep_permissions(target, file)
                file.write(contents[target])
                _flush(file)
        for target, temporary in temporaries.items():
            temporary.replace(target)
        for folder in {target.parent for target in contents}:
            sync_folder(folder)
    except OSError as error:
        raise _not_written(target, error) from error
    finally:
        for temporary in temporaries.values():
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)


def _plain(target: Path) -> Path:
    """Where a link leads to; anything else as it is.

    Raises:
        StorageError: what is there is no plain file, or the name is empty.
    """
    # `Path.is_symlink` raises an error in a folder of others.
    place = Path(os.path.realpath(target)) if os.path.islink(target) else target  # noqa: PTH114
    if not place.name or (os.path.exists(place) and not is_file(place)):  # noqa: PTH110 - raises nothing
        raise StorageError(f"{target}: could not be written, it is not a plain file: choose another name")
    return place


def _temporary(target: Path) -> Path:
    """A name beside the target that no other process uses."""
    return target.with_name(f".{_short(target.name)}.{os.getpid()}.{secrets.token_hex(4)}.part")


def _short(name: str) -> str:
    """A name, or the beginning of a long one and its checksum: with additions it could be too long for a file."""
    data = name.encode("utf-8", "surrogateescape")
    return name if len(data) <= 40 else f"{name[:20]}-{hashlib.sha256(data).hexdigest()[:16]}"


def _keep_permissions(target: Path, file: IO[bytes]) -> None:
    if os.name == "posix" and is_file(target):
        os.fchmod(file.fileno(), stat.S_IMODE(target.stat().st_mode))


def _flush(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())


def _not_written(target: Path, error: OSError) -> StorageError:
    return StorageError(
        f"{target}: could not be written ({error.strerror or error}); an older file of that name is unchanged: free "
        "some space or choose another folder"
    )


def write_text(target: Path, text: str) -> None:
    """Writes UTF-8 text to `target`, completely or not at all; see `new_file`."""
    write_bytes(target, text.encode())


def write_json(target: Path, value: Any) -> None:
    """Writes indented JSON to `target`, completely or not at all; see `new_file` and `json_bytes`."""
    write_bytes(target, json_bytes(value))


def json_bytes(value: Any) -> bytes:
    """Indented JSON as UTF-8.

    Raises:
        ValueError: the value holds a NaN or an infinity.
    """
    return f"{json.dumps(value, indent=2, allow_nan=False)}\n".encode()


def sync_folder(folder: Path) -> None:
    """Makes a rename in `folder` survive a power cut, where the system supports that."""
    if os.name != "posix":
        return
    # Some file systems refuse it (network folders, containers). The renamed file is complete nevertheless, so that is
    # not an error.
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def remove_leftovers(folder: Path, older_than: float = 86_400.0, of: str = "") -> None:
    """Removes unfinished files that killed processes left in `folder`.

    Args:
        folder: where to look.
        older_than: in seconds; younger files may be those that other processes are writing at this moment.
        of: the name of the file that was to be written; "" means any.
    """
    unfinished = rf"\.{re.escape(_short(of))}\.\d+\.[0-9a-f]+\.part" if of else r"\..*\.part"
    for leftover in Path(folder).glob(".*.part"):
        if not re.fullmatch(unfinished, leftover.name, re.DOTALL):
            continue
        with contextlib.suppress(OSError):
            if time.time() - leftover.stat().st_mtime > older_than:
                leftover.unlink()


def is_file(path: str | Path) -> bool:
    """Whether it is a plain file; false too where that cannot be found out, as in a folder of others."""
    return os.path.isfile(path)  # noqa: PTH113 - `Path.is_file` raises an error there


def user_path(text: str) -> Path:
    """A path that a user wrote, with "~" for the home folder; one of a user who is not known stays as it is."""
    return Path(os.path.expanduser(text))  # noqa: PTH111 - `Path.expanduser` raises an error there


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, as 64 hexadecimal digits."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
