"""Finds the faces of many photos, into a table that a stopped call is continued in."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from twinface.core.errors import ImageError
from twinface.core.types import ProgressCallback
from twinface.faces.detect import YUNET
from twinface.faces.frame import STANDARD_FRAME
from twinface.recognition.face_table import FACE_COLUMNS, face_row, faceless_row, is_last_of_picture
from twinface.recognition.photo_faces import AlignedFace, FaceReader
from twinface.recognition.photo_table import fill_photo_table
from twinface.recognition.table_file import TableFile, table_kind
from twinface.recognition.verdict import VerdictFace

_PHOTO_COLUMNS = ("file", "found", "faces", "reason")
_NO_FACE = "no face was found"


@dataclass(frozen=True)
class DetectedInFiles:
    """What a table of faces holds.

    Attributes:
        pictures: the number of photos.
        faces: in all of them.
        without_face: photos in which no face was found.
        unreadable: photos that could not be read.
    """

    pictures: int
    faces: int
    without_face: int
    unreadable: int


def detect_files(
    source: Path | str, target: Path | str, progress: ProgressCallback | None = None
) -> DetectedInFiles:
    """Finds all faces in the photos of a folder, or of a list, and writes where they are and how good.

    Memory stays the same for any number of photos.

    Args:
        source: a folder, which is searched with all its subfolders; or a text file with one path per line, relative to
            that file. See `picture_list.list_pictures`.
        target: the table to write. As .csv it has one row a face (`face_table.FACE_COLUMNS`), and one row with the
            number 0 for a photo without a face. As .jsonl it has one line a photo: its file, how many faces were found,
            the faces as `VerdictFace.to_dict` gives them, and why there are none. It can hold the result of an earlier
            call with the same photos; then only the rest is searched.
        progress: called with (photos done, photos in total).

    Raises:
        DataError: there is no picture, a name cannot be used, or `target` holds something else.
        ModelError: the detector's weights are missing.
        StorageError: `target` cannot be written.
    """
    source, target = Path(source), Path(target)
    in_rows = table_kind(target) == "csv"
    reader = FaceReader(STANDARD_FRAME)
    work = partial(_found, reader=reader, root=source if source.is_dir() else source.parent, in_rows=in_rows)
    columns = FACE_COLUMNS if in_rows else _PHOTO_COLUMNS
    ends_group = is_last_of_picture if in_rows else lambda row: True

    def open_table(photos: dict[str, Any]) -> TableFile:
        return TableFile(target, columns, photos | {"detector_sha256": YUNET.sha256}, ends_group)

    counts = _Counts()
    fill_photo_table(source, open_table, work, counts, progress)
    return DetectedInFiles(counts.pictures, counts.faces, counts.without_face, counts.unreadable)


class _Counts:
    """What the rows that are written hold; the attributes are those of `DetectedInFiles`."""

    def __init__(self) -> None:
        self.pictures = self.faces = self.without_face = self.unreadable = 0

    def add(self, row: dict[str, Any]) -> None:
        """Counts a row of either kind of table, as it was written or as it is read back."""
        found = int(row["found"]) if row["found"] not in {None, ""} else None
        is_first = int(row.get("number") or 0) <= 1
        self.pictures += is_first
        self.faces += (found or 0) * is_first
        self.without_face += found == 0
        self.unreadable += found is None


def _found(name: str, reader: FaceReader, root: Path, in_rows: bool) -> list[dict[str, Any]]:
    """The rows of one photo."""
    faces: tuple[AlignedFace, ...] = ()
    try:
        faces = reader.read_all(root / name)
        found, reason = len(faces), None if faces else _NO_FACE
    except ImageError as error:
        found, reason = None, str(error)
    if not in_rows:
        values = [VerdictFace.of(face).to_dict() for face in faces]
        return [{"file": name, "found": found, "faces": values, "reason": reason}]
    return [face_row(name, face) for face in faces] or [faceless_row(name, found, reason or "")]
