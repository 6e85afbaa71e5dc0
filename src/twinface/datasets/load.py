"""Loads a data set by its name.

A new data set is one file with a class that offers what `Dataset` describes, and one line in `DATASETS`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from twinface.core.errors import DataError
from twinface.core.suggestion import nearest
from twinface.datasets.aligned import AlignedDataset
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
        raise DataError(f'no data set "{name}"{nearest(name, DATASETS)}')
    dataset = DATASETS[name](root, layout)
    return AlignedDataset(dataset) if align else dataset


def load_source(source: DataSource) -> Dataset:
    """The data set that a run came from, or is to come from.

    Raises:
        DataError: the name is unknown, the data set is not there, or it has no such fold.
    """
    dataset = load_dataset(source.data, source.root, source.layout)
    if source.without_fold is not None:
        if not isinstance(dataset, Lfw):
            raise DataError(f"{dataset.title} has no official folds; LFW has")
        dataset = LfwWithoutFold(dataset, source.without_fold)
    return AlignedDataset(dataset) if source.align else dataset
