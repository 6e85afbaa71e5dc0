"""Fetches LFW: downloads what is missing, unpacks it, and continues where it was interrupted."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from twinface.core.errors import DataError
from twinface.core.storage import write_bytes
from twinface.core.suggestion import nearest
from twinface.datasets.fetching.download import RemoteFile, download, is_here, make_folder
from twinface.datasets.fetching.lfw_files import LFW_ARCHIVES, LFW_LISTS
from twinface.datasets.fetching.unpack import unpack
from twinface.datasets.lfw.dataset import Lfw
from twinface.datasets.lfw.home import default_folder, picture_folders
from twinface.datasets.lfw.layouts import LAYOUTS
from twinface.datasets.lfw.rebuilt_lists import rebuild_people_lists

_LFWA_BY_HAND = (
    "LFW-a has no public address with a checksum: get lfwa.tar.gz from its makers "
    "(http://www.openu.ac.il/home/hassner/data/lfwa/), unpack it and name its folder with --root, or choose another "
    "layout"
)


def fetch_lfw(
    root: Path | str | None = None,
    layout: str = "funneled",
    offline: bool = False,
    archives: Mapping[str, RemoteFile] = LFW_ARCHIVES,
    lists: Sequence[RemoteFile] = LFW_LISTS,
) -> Path:
    """Puts LFW's pictures and lists into `root`. Files that are there already are not fetched again.

    Args:
        root: the folder; None takes `default_folder()`, where `Lfw` looks by itself.
        layout: which alignment, a key of `archives`.
        offline: do not use the network; files that were put into `root` by hand are checked and unpacked.
        archives, lists: the files to fetch: layout → archive, and the lists.

    Returns:
        `root`, which `Lfw(root, layout)` opens.

    Raises:
        DataError: no address has a file, a file has another checksum, an archive is unsafe, or, offline, files are
            missing: each is named with its checksum and the folder to put it in.
        StorageError: the folder cannot be made.
    """
    root = default_folder() if root is None else Path(root).expanduser()
    make_folder(root)
    if layout not in LAYOUTS:
        raise DataError(f'no LFW layout "{layout}"{nearest(layout, LAYOUTS)}')
    missing = [file for file in lists if not is_here(file, root)]
    if layout not in picture_folders(root):
        if layout not in archives:
            raise DataError(_LFWA_BY_HAND)
        archive = archives[layout]
        if offline and not is_here(archive, root):
            raise _absent([archive, *missing], root)
        download(archive, root)
        unpack(root / archive.name, root, layout)
        (root / archive.name).unlink()
    rebuilt = rebuild_people_lists(Lfw(root, layout).faces()) if missing else {}
    still_missing = [file for file in missing if not _restore(file, root, rebuilt)]
    if offline and still_missing:
        raise _absent(still_missing, root)
    for file in still_missing:
        download(file, root)
    return root


def _restore(file: RemoteFile, root: Path, rebuilt: Mapping[str, bytes]) -> bool:
    """Writes a rebuilt list if it is the official one to the byte; whether it was."""
    contents = rebuilt.get(file.name)
    algorithm, _, wanted = file.checksum.partition(":")
    if contents is None or hashlib.new(algorithm, contents).hexdigest() != wanted:
        return False
    write_bytes(root / file.name, contents)
    return True


def _absent(files: Sequence[RemoteFile], root: Path) -> DataError:
    listed = "; ".join(f"{file} from {file.addresses[0]}" for file in files)
    return DataError(f"offline, and not in {root}: {listed}: put them there and run this again")
