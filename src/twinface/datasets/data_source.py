"""Where the faces of a run come from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class DataSource:
    """All that is needed to load a data set again; a run folder keeps it. See `load_source`.

    Attributes:
        data: name of the data set, a key of `load.DATASETS`.
        root: its folder, or None for the place where the data set looks by itself.
        layout: the version of its pictures, for data sets that have several, or None.
        without_fold: the fold of LFW's View 2 whose people are kept out of training, 0 to 9, or None.
        align: find the faces in the pictures and align them before they are used, see `aligned.AlignedDataset`.
    """

    data: str
    root: str | None = None
    layout: str | None = None
    without_fold: int | None = None
    align: bool = False

    def is_in(self, root: Path | str | None) -> bool:
        """Whether its folder is this one, by whatever name."""
        if self.root is None or root is None:
            return False
        return Path(self.root).expanduser().resolve() == Path(root).expanduser().resolve()

    def has_pictures_of(self, other: DataSource) -> bool:
        """Whether two sources have the same pictures. A public data set is the same wherever it lies; a folder of one's
        own is not. A layout that is not written down may be any.
        """
        if (self.data, self.align) != (other.data, other.align):
            return False
        if None not in (self.layout, other.layout) and self.layout != other.layout:
            return False
        return self.data != "folder" or self.is_in(other.root)
