"""Downloads a file, and accepts it only if its checksum is the expected one."""

from __future__ import annotations

import hashlib
import sys
from dataclasses import dataclass
from pathlib import Path

from twinface.core.errors import DataError, StorageError


@dataclass(frozen=True)
class RemoteFile:
    """A file that can be downloaded.

    Attributes:
        name: the name to save it under.
        checksum: "sha256:…" or "md5:…", in hexadecimal digits.
        addresses: URLs, tried in this order.
    """

    name: str
    checksum: str
    addresses: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.name} ({self.checksum})"


def download(file: RemoteFile, root: Path) -> None:
    """Downloads `file` into `root` from the first address that has it, unless it is there already.

    A file that is incomplete or has another checksum never takes the name.

    Raises:
        DataError: no address has it, another file of its name is there, or the package pooch is not installed.
    """
    if is_here(file, root):
        return
    try:
        import pooch
    except ModuleNotFoundError as error:
        raise DataError('downloads need the package pooch: pip install "twinface[train]"') from error
    fetcher = pooch.HTTPDownloader(progressbar=sys.stderr.isatty(), timeout=30, chunk_size=1 << 16)
    failures = []
    for address in file.addresses:
        try:
            pooch.retrieve(address, file.checksum, fname=file.name, path=root, downloader=fetcher)
            return
        # ValueError: the checksum differs. OSError: the disk, or the network, whose errors are a kind of it.
        except (ValueError, OSError) as error:
            failures.append(f"{address}: {' '.join(str(error).split())}")
    raise DataError(
        f"{file.name} could not be fetched: {'; '.join(failures)}: try again later, or put {file} into "
        f"{root} by hand and run this again"
    )


def make_folder(folder: Path) -> None:
    """Makes a folder for downloads, unless it is there.

    Raises:
        StorageError: it cannot be made: a file has its name, or the folder above cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(
            f"{folder}: the folder cannot be made ({error.strerror}): name another one with --root"
        ) from error


def is_here(file: RemoteFile, root: Path) -> bool:
    """Whether the file is in `root`, with its checksum.

    Raises:
        DataError: another file of its name is there, which is never overwritten.
    """
    target = root / file.name
    if not target.is_file():
        return False
    algorithm, _, wanted = file.checksum.partition(":")
    with target.open("rb") as opened:
        found = hashlib.file_digest(opened, algorithm).hexdigest()
    if found != wanted:
        raise DataError(
            f"{target}: its checksum is {algorithm}:{found}, need {file.checksum}: move it away to have it "
            "fetched"
        )
    return True
