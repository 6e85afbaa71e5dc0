"""What is said of single photos of a data set: those that are left out, and those that may show somebody else."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from twinface.core.errors import DataError
from twinface.core.formatting import one_line
from twinface.core.storage import write_text


class Reason(StrEnum):
    """Why there is something to say of a photo. The value is what people read."""

    UNREADABLE = "cannot be read"
    NO_FACE = "no face was found"
    SEVERAL = "several faces: the largest near the middle was taken"
    DEEPER = "lies in a folder inside a person's folder"
    LOOSE = "lies outside of the folders of people"
    FORMAT = "a format that is not read"
    NAME = "its name cannot be used"
    LINK = "a link to a folder within the data set"
    NOBODY = "a folder without a picture"

    @property
    def leaves_out(self) -> bool:
        """Whether the photo is not used."""
        return self is not Reason.SEVERAL


@dataclass(frozen=True)
class PhotoNote:
    """What is said of one photo, or of one folder.

    Attributes:
        path: relative to the data set's root.
        reason: see `Reason`.
        detail: more of it, or "".
    """

    path: str
    reason: Reason
    detail: str = ""


def write_notes(file: Path, notes: Sequence[PhotoNote]) -> None:
    """Writes notes as a CSV with the columns path, used, reason, detail.

    Raises:
        StorageError: the file cannot be written.
    """
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["path", "used", "reason", "detail"])
    for note in notes:
        used = "no" if note.reason.leaves_out else "yes"
        rows.writerow([one_line(note.path), used, note.reason.value, note.detail])
    write_text(file, text.getvalue())


def note_lines(notes: Sequence[PhotoNote]) -> Iterator[str]:
    """One line for each reason, with a count and an example, the most frequent first.

    >>> list(note_lines([PhotoNote("a/1.jpg", Reason.NO_FACE), PhotoNote("b/1.jpg", Reason.NO_FACE)]))
    ['2 left out: no face was found (a/1.jpg, …)']
    """
    for reason, number in Counter(note.reason for note in notes).most_common():
        first = next(note for note in notes if note.reason is reason)
        detail = f": {first.detail}" if first.detail else ""
        more = ", …" if number > 1 else ""
        kept = "left out" if reason.leaves_out else "used"
        yield f"{number:,} {kept}: {reason.value} ({one_line(first.path)}{detail}{more})"


def left_out(notes: Sequence[PhotoNote]) -> list[PhotoNote]:
    """The notes of photos that are not used."""
    return [note for note in notes if note.reason.leaves_out]


def refuse_left_out(name: str, notes: Sequence[PhotoNote]) -> None:
    """Refuses a data set of which something cannot be used.

    Args:
        name: of the data set.
        notes: on its photos.

    Raises:
        DataError: something is left out; the message has each reason with its count and an example.
    """
    missing = left_out(notes)
    if missing:
        raise DataError(
            f"{name}: {len(missing):,} photos or folders cannot be used, and --strict allows none: "
            + "; ".join(note_lines(missing))
        )
