"""Downloading LFW: checked by checksum, unpacked safely, and continued where it stopped.

The official host, vis-www.cs.umass.edu, stopped answering in early 2025, so scikit-learn's copies at
figshare come first. Every file is checked against a published checksum, which makes any mirror as good
as the official host.
"""

from __future__ import annotations

import hashlib
import sys
import tarfile
import tempfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from twinface.core.errors import DataError
from twinface.core.storage import write_bytes
from twinface.datasets.lfw import Lfw
from twinface.datasets.lfw_layouts import LAYOUTS, default_folder, picture_folders
from twinface.datasets.lfw_people import rebuild_people_lists
from twinface.datasets.names import unknown_choice


@dataclass(frozen=True)
class RemoteFile:
    """A file that can be downloaded.

    Attributes:
        name: of the file, on this side.
        checksum: "sha256:…" or "md5:…", in hexadecimal digits.
        addresses: where it lies, tried in this order.
    """

    name: str
    checksum: str
    addresses: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.name} ({self.checksum})"


_FIGSHARE = "https://ndownloader.figshare.com/files/"
_OFFICIAL = "http://vis-www.cs.umass.edu/lfw/"
_ARCHIVED = "https://web.archive.org/web/2020id_/" + _OFFICIAL

# SHA-256 of the first two as in scikit-learn's sklearn/datasets/_lfw.py, the MD5 as in torchvision's
# torchvision/datasets/lfw.py.
LFW_ARCHIVES: Mapping[str, RemoteFile] = {
    "funneled": RemoteFile(
        "lfw-funneled.tgz",
        "sha256:b47c8422c8cded889dc5a13418c4bc2abbda121092b3533a83306f90d900100a",
        (_FIGSHARE + "5976015", _OFFICIAL + "lfw-funneled.tgz"),
    ),
    "original": RemoteFile(
        "lfw.tgz",
        "sha256:055f7d9c632d7370e6fb4afc7468d40f970c34a80d4c6f50ffec63f5a8d536c0",
        (_FIGSHARE + "5976018", _OFFICIAL + "lfw.tgz"),
    ),
    "deep-funneled": RemoteFile(
        "lfw-deepfunneled.tgz",
        "md5:68331da3eb755a505a502b5aacb3c201",
        (_OFFICIAL + "lfw-deepfunneled.tgz", _ARCHIVED + "lfw-deepfunneled.tgz"),
    ),
}
# The lists of people are rebuilt from the pictures (see lfw_people.py) and only then looked for.
LFW_LISTS: Sequence[RemoteFile] = (
    RemoteFile(
        "pairsDevTrain.txt",
        "sha256:1d454dada7dfeca0e7eab6f65dc4e97a6312d44cf142207be28d688be92aabfa",
        (_FIGSHARE + "5976012", _OFFICIAL + "pairsDevTrain.txt"),
    ),
    RemoteFile(
        "pairsDevTest.txt",
        "sha256:7cb06600ea8b2814ac26e946201cdb304296262aad67d046a16a7ec85d0ff87c",
        (_FIGSHARE + "5976009", _OFFICIAL + "pairsDevTest.txt"),
    ),
    RemoteFile(
        "pairs.txt",
        "sha256:ea42330c62c92989f9d7c03237ed5d591365e89b3e649747777b70e692dc1592",
        (_FIGSHARE + "5976006", _OFFICIAL + "pairs.txt"),
    ),
    RemoteFile(
        "peopleDevTrain.txt",
        "sha256:2e58df13ba4cc143189336e001cc2c195f1dfa5b29a6475c02857be353c2a2fa",
        (_OFFICIAL + "peopleDevTrain.txt", _ARCHIVED + "peopleDevTrain.txt"),
    ),
    RemoteFile(
        "peopleDevTest.txt",
        "sha256:c3ed1f90499473401542101a56c14c1d82396bb8218c67a356d7460601047555",
        (_OFFICIAL + "peopleDevTest.txt", _ARCHIVED + "peopleDevTest.txt"),
    ),
    RemoteFile(
        "people.txt",
        "sha256:bc8fa2b7f25c895cf7efb6de4f4fc27ca8b8d1cfa63350ad8b96eae2b198d365",
        (_OFFICIAL + "people.txt", _ARCHIVED + "people.txt"),
    ),
)
_LFWA_BY_HAND = (
    "LFW-a has no public address with a checksum: get lfwa.tar.gz from its makers "
    "(http://www.openu.ac.il/home/hassner/data/lfwa/), unpack it and name its folder with --root, or take "
    "another layout"
)
MOST_MEMBERS = 50_000
MOST_BYTES = 1 << 30


def fetch_lfw(
    root: Path | str | None = None,
    layout: str = "funneled",
    offline: bool = False,
    archives: Mapping[str, RemoteFile] = LFW_ARCHIVES,
    lists: Sequence[RemoteFile] = LFW_LISTS,
) -> Path:
    """LFW's pictures and lists in `root`; what is already there is not fetched again.

    Args:
        root: where to put them; None takes `default_folder()`, where `Lfw` looks by itself.
        layout: which alignment, a key of `archives`.
        offline: never use the network; files that were put into `root` by hand are checked and unpacked.
        archives, lists: what to fetch, layout → archive, and the lists.

    Returns:
        `root`, which `Lfw(root, layout)` opens.

    Raises:
        DataError: nothing can be fetched from any address, a file has another checksum, an archive is
            unsafe, or, offline, files are missing: it names each with its checksum and where to put it.
    """
    root = default_folder() if root is None else Path(root).expanduser()
    root.mkdir(parents=True, exist_ok=True)
    if layout not in LAYOUTS:
        raise unknown_choice("LFW layout", layout, LAYOUTS)
    missing = [file for file in lists if not _is_here(file, root)]
    if layout not in picture_folders(root):
        if layout not in archives:
            raise DataError(_LFWA_BY_HAND)
        archive = archives[layout]
        if offline and not _is_here(archive, root):
            raise _absent([archive, *missing], root)
        _download(archive, root)
        unpack(root / archive.name, root, layout)
        (root / archive.name).unlink()
    rebuilt = rebuild_people_lists(Lfw(root, layout).faces()) if missing else {}
    still_missing = [file for file in missing if not _restore(file, root, rebuilt)]
    if offline and still_missing:
        raise _absent(still_missing, root)
    for file in still_missing:
        _download(file, root)
    return root


def unpack(archive: Path, root: Path, layout: str) -> Path:
    """Unpacks a tar archive of LFW below `root`, as a whole or not at all.

    Returns:
        The picture folder.

    Raises:
        DataError: the archive is damaged, holds links, devices, names that leave the folder or more than
            `MOST_MEMBERS` files or `MOST_BYTES` bytes, or does not hold this layout.
    """
    with tempfile.TemporaryDirectory(dir=root, prefix=".unpacking-") as temporary:
        try:
            with tarfile.open(archive, "r:gz") as tar:
                tar.extractall(temporary, members=_checked(tar, archive), filter="data")
        except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
            raise DataError(
                f"{archive}: it cannot be unpacked ({error}): free some space or fetch it again"
            ) from error
        found = picture_folders(Path(temporary)).get(layout)
        if found is None:
            raise DataError(f"{archive}: it holds no pictures of the layout {layout}")
        target = root / found.name
        try:
            return found.rename(target)
        except OSError as error:
            raise DataError(f"{target}: it is there but holds no pictures: move it away") from error


def _checked(tar: tarfile.TarFile, archive: Path) -> Iterator[tarfile.TarInfo]:
    total = 0
    for count, member in enumerate(tar, start=1):
        total += member.size
        path = PurePosixPath(member.name)
        if path.is_absolute() or ".." in path.parts or "\\" in member.name:
            raise DataError(
                f"{archive}: it is unsafe, {member.name!r} leaves the folder: nothing was unpacked"
            )
        if not (member.isreg() or member.isdir()):
            raise DataError(
                f"{archive}: it is unsafe, {member.name!r} is no plain file: nothing was unpacked"
            )
        if count > MOST_MEMBERS or total > MOST_BYTES:
            raise DataError(
                f"{archive}: it is unsafe, more than {MOST_MEMBERS} files or {MOST_BYTES >> 20} MiB: nothing "
                "was unpacked"
            )
        yield member


def _is_here(file: RemoteFile, root: Path) -> bool:
    """Whether the file is in `root` and whole; another file of its name is never overwritten."""
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


def _restore(file: RemoteFile, root: Path, rebuilt: Mapping[str, bytes]) -> bool:
    """Writes a rebuilt list if it is exactly the official one."""
    contents = rebuilt.get(file.name)
    algorithm, _, wanted = file.checksum.partition(":")
    if contents is None or hashlib.new(algorithm, contents).hexdigest() != wanted:
        return False
    write_bytes(root / file.name, contents)
    return True


def _download(file: RemoteFile, root: Path) -> None:
    """Fetches `file` from the first address that has it; only a whole file takes its name."""
    if _is_here(file, root):
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


def _absent(files: Sequence[RemoteFile], root: Path) -> DataError:
    listed = "; ".join(f"{file} from {file.addresses[0]}" for file in files)
    return DataError(f"offline, and not in {root}: {listed}: put them there and run this again")
