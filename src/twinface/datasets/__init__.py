"""Who is on which picture, which pairs, which folds: one file a data set.

A new data set is one file with a class of the shape of `Dataset`, and one line in `DATASETS`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from twinface.core.types import FaceSet, PairSet, Region
from twinface.datasets.folder import Folder
from twinface.datasets.lfw import Lfw
from twinface.datasets.names import unknown_choice
from twinface.datasets.orl import Orl


class Dataset(Protocol):
    """What every data set answers.

    Attributes:
        name: what a caller writes: "lfw".
        title: what people read: "LFW-a".
        protocols: names that `protocol` takes.
        claims: what a result on it may be called.
        region: where the face is in its pictures.
    """

    name: str
    title: str
    protocols: tuple[str, ...]
    claims: str
    region: Region

    def faces(self) -> FaceSet:
        """Every picture."""

    def training_faces(self) -> FaceSet:
        """The pictures whose people may be used in training by name."""

    def training_pairs(self) -> PairSet | None:
        """The official labelled training pairs, or None where there are none."""

    def protocol(self, name: str) -> PairSet:
        """The pairs of an official protocol; a DataError says which there are."""


def open_dataset(name: str, root: Path | str | None = None, layout: str | None = None) -> Dataset:
    """The data set called `name`.

    Args:
        name: a key of `DATASETS`.
        root: its folder; None where the data set knows where to look.
        layout: which version of its pictures, for data sets that have several.

    Raises:
        DataError: the name is unknown, or the data set is not there.
    """
    if name not in DATASETS:
        raise unknown_choice("data set", name, DATASETS)
    return DATASETS[name](root, layout)


DATASETS: dict[str, Callable[[Path | str | None, str | None], Dataset]] = {
    "lfw": Lfw,
    "orl": Orl,
    "folder": Folder,
}
