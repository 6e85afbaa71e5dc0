"""Loads a data set by its name.

A new data set is one file with a class that offers what `Dataset` describes, and one line in `DATASETS`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from twinface.core.errors import DataError
from twinface.core.suggestion import nearest
from twinface.datasets.aligned import AlignedDataset
from twinface.datasets.checked import CheckedDataset
from twinface.datasets.data_source import DataSource
from twinface.datasets.dataset import Dataset
from twinface.datasets.folder import Folder
from twinface.datasets.lfw.dataset import Lfw
from twinface.datasets.lfw.without_fold import LfwWithoutFold
from twinface.datasets.orl import Orl

# Name → constructor, called with (root, layout).
DATASETS: dict[str, Callable[[Path | str | None, str | None], Dataset]] = {
    "lfw": Lfw,
    "orl": Orl,
    "folder": Folder,
}


def load_dataset(
    name: str, root: Path | str | None = None, layout: str | None = None, *, align: bool = False
) -> Dataset:
    """The data set of a name.

    Args:
        name: "lfw", "orl" or "folder" (a key of `DATASETS`).
        root: its folder; None where the data set looks by itself.
        layout: the version of its pictures, for data sets that have several.
        align: its pictures are photos: find the faces and align them, see `aligned.AlignedDataset`.

    Raises:
        DataError: the name is unknown, or the data set is not there.
    """
    if name not in DATASETS:
        raise DataError(
            f"--data {name}: no data set of that name{nearest(name, DATASETS)}{_own_folder(name)}"
        )
    return _checked(DATASETS[name](root, layout), align)


def load_source(source: DataSource) -> Dataset:
    """The data set that a run came from, or is to come from.

    Raises:
        DataError: the name is unknown, the data set is not there, or it has no such fold.
    """
    if source.without_fold is None:
        return load_dataset(source.data, source.root, source.layout, align=source.align)
    dataset = load_dataset(source.data, source.root, source.layout)
    if not isinstance(dataset, Lfw):
        raise DataError(f"{dataset.title} has no official folds; LFW has")
    return _checked(LfwWithoutFold(dataset, source.without_fold), source.align)


def _checked(dataset: Dataset, align: bool) -> Dataset:
    """A data set of one's own may hold anything, so its pictures are looked at before they are used."""
    if align:
        return AlignedDataset(dataset)
    return CheckedDataset(dataset) if isinstance(dataset, Folder) else dataset


def _own_folder(name: str) -> str:
    """What to do if the name of a data set is the place of a folder."""
    return f"; for photos of your own: twinface train {name}" if Path(name).expanduser().is_dir() else ""
