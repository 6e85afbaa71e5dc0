"""Identifies the faces of many photos, into a table that a stopped call is continued in."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from twinface.core.errors import ImageError
from twinface.core.types import ProgressCallback
from twinface.recognition.face_table import is_last_of_picture
from twinface.recognition.gallery.engine import Engine
from twinface.recognition.gallery.identification import identify
from twinface.recognition.gallery.open_set import check_fpir
from twinface.recognition.gallery.records import IdentifiedFace, Shown
from twinface.recognition.photo_table import fill_photo_table
from twinface.recognition.table_file import TableFile

# `name` is empty for nobody, and `best` is the most likely candidate all the same, of those who were not rejected. A
# photo without a face has one row with the number 0.
IDENTITY_COLUMNS = (
    *("file", "number", "found", "name", "best", "probability", "nobody", "score"),
    *("left", "top", "width", "height", "quality", "reason"),
)

_LOOKED_AT = 8  # candidates of a face; those of them who were rejected are passed over


@dataclass(frozen=True)
class IdentifiedFiles(Shown):
    """What a table of identities holds.

    Attributes:
        pictures: the number of photos.
        faces: in all of them.
        known: faces of people in the gallery.
        unreadable: photos that could not be read.
        people: name → on how many photos, the most frequent first.
    """

    pictures: int
    faces: int
    known: int
    unreadable: int
    people: dict[str, int]


def identify_files(
    engine: Engine, source: Path, target: Path, fpir: float, progress: ProgressCallback | None = None
) -> IdentifiedFiles:
    """Says who is on each photo of a folder, or of a list. See `Gallery.identify_files`."""
    check_fpir(fpir)
    work = partial(_rows, engine=engine, root=source if source.is_dir() else source.parent, fpir=fpir)
    store = engine.contents.store

    def open_table(photos: dict[str, Any]) -> TableFile:
        about = {
            "gallery": store.place,
            # Rows of before and after a change would contradict each other.
            "generation": store.generation(),
            "model_sha256": engine.fingerprint,
            "fpir": fpir,
        }
        return TableFile(target, IDENTITY_COLUMNS, photos | about, is_last_of_picture)

    counts = _Counts()
    fill_photo_table(source, open_table, work, counts, progress)
    people = dict(counts.people.most_common())
    return IdentifiedFiles(counts.pictures, counts.faces, sum(people.values()), counts.unreadable, people)


class _Counts:
    """What the rows that are written hold."""

    def __init__(self) -> None:
        self.pictures = self.faces = self.unreadable = 0
        self.people: Counter[str] = Counter()

    def add(self, row: dict[str, Any]) -> None:
        """Counts a row, as it was written or as it is read back."""
        self.pictures += int(row["number"]) <= 1
        self.faces += int(row["number"]) > 0
        self.unreadable += row["found"] in {None, ""}
        if row["name"]:
            self.people[row["name"]] += 1


def _rows(name: str, engine: Engine, root: Path, fpir: float) -> list[dict[str, Any]]:
    """The rows of one photo."""
    empty = dict.fromkeys(IDENTITY_COLUMNS) | {"file": name, "number": 0}
    try:
        faces = identify(engine, root / name, _LOOKED_AT, fpir).faces
    except ImageError as error:
        return [empty | {"reason": str(error)}]
    if not faces:
        return [empty | {"found": 0, "reason": "no face was found"}]
    return [
        empty | _row(face) | {"number": number, "found": len(faces)} for number, face in enumerate(faces, 1)
    ]


def _row(identified: IdentifiedFace) -> dict[str, Any]:
    face = identified.face
    best = next((each for each in identified.candidates if not each.rejected), None)
    values: dict[str, Any] = {"name": identified.name, "nobody": identified.nobody}
    if best is not None:
        values |= {"best": best.name, "probability": best.probability, "score": best.score}
    values |= dict(zip(("left", "top", "width", "height"), face.box or (), strict=False))
    return values | {"quality": face.quality.word if face.quality else None}
