"""A table of faces: where each one is in its picture, and how good it is."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from twinface.faces.quality import Quality
from twinface.recognition.photo_faces import AlignedFace
from twinface.recognition.table_file import Row
from twinface.recognition.verdict import VerdictFace

# In the order of `faces.frame.Landmarks`; left and right as seen in the picture.
_POINTS = ("left_eye", "right_eye", "nose", "left_mouth", "right_mouth")
_BOX = ("left", "top", "width", "height")
_MEASURES = tuple(
    field.name for field in fields(Quality) if field.name not in {"word", "detector", "reasons"}
)

# `number` counts the faces of a picture from 1, the largest first. A picture without a face has one row with number 0.
FACE_COLUMNS = (
    *("file", "number", "found", *_BOX, "score", "turn"),
    *(f"{point}_{axis}" for point in _POINTS for axis in "xy"),
    *("quality", *_MEASURES, "reason"),
)


def face_row(file: str, face: AlignedFace) -> dict[str, Any]:
    """A face as a row of `FACE_COLUMNS`. See `VerdictFace` and `Quality` for the columns; `quality` is the word.

    Args:
        file: the name of its picture.
        face: one that was found in a photo.
    """
    values = VerdictFace.of(face)
    row: dict[str, Any] = dict.fromkeys(FACE_COLUMNS)
    row |= {"file": file, "number": values.number, "found": values.found}
    row |= {"score": values.score, "turn": values.turn}
    row |= dict(zip(_BOX, values.box or (), strict=False))
    for name, point in zip(_POINTS, values.landmarks or (), strict=False):
        row[f"{name}_x"], row[f"{name}_y"] = point
    if values.quality:
        row["quality"] = values.quality.word
        row |= {name: getattr(values.quality, name) for name in _MEASURES}
        row["reason"] = "; ".join(values.quality.reasons) or None
    return row


def faceless_row(file: str, found: int | None, reason: str) -> dict[str, Any]:
    """The row of a picture in which no face was chosen.

    Args:
        file: its name.
        found: how many faces it has; None if it could not be read.
        reason: why none was chosen.
    """
    return dict.fromkeys(FACE_COLUMNS) | {"file": file, "number": 0, "found": found, "reason": reason}


def is_last_of_picture(row: Row) -> bool:
    """Whether a row of a table of all faces is the last one of its picture.

    >>> [is_last_of_picture(row) for row in ({"number": 1, "found": 2}, {"number": "2", "found": "2"})]
    [False, True]
    >>> is_last_of_picture({"number": "0", "found": ""})
    True
    """
    return int(row["number"]) in {0, int(row["found"] or 0)}
