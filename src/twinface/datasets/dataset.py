"""What every data set offers."""

from __future__ import annotations

from typing import Protocol

from twinface.core.types import FaceSet, PairSet, Region
from twinface.datasets.data_source import DataSource
from twinface.faces.frame import Frame


class Dataset(Protocol):
    """Who is on which picture, and which pairs and protocols are official.

    Attributes:
        name: what a caller writes: "lfw".
        title: what people read: "LFW-a".
        protocols: the names that `protocol` accepts.
        claims: what a result on this data set may be called.
        region: where the face is in its pictures.
        frame: where its landmarks are in its pictures, or None if that is not known.
        source: how to load the data set again.
    """

    name: str
    title: str
    protocols: tuple[str, ...]
    claims: str
    region: Region
    frame: Frame | None
    source: DataSource

    def faces(self) -> FaceSet:
        """All pictures."""

    def training_faces(self) -> FaceSet:
        """The pictures of the people who may be used in training by name."""

    def training_pairs(self) -> PairSet | None:
        """The official labelled training pairs, or None where there are none."""

    def protocol(self, name: str) -> PairSet:
        """The pairs of an official protocol.

        Raises:
            DataError: the data set has no protocol of that name.
        """
