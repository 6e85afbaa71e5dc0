"""The list of photos that are left out, or that may show somebody else."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest

from pictures import LOSSLESS
from twinface.core.errors import DataError
from twinface.datasets.checked import photo_notes
from twinface.datasets.load import load_dataset
from twinface.datasets.photo_notes import PhotoNote, Reason, note_lines, refuse_left_out, write_notes

NOTES = [
    PhotoNote("ann/1.jpg", Reason.NO_FACE),
    PhotoNote("ann/2\x1b.jpg", Reason.NO_FACE),
    PhotoNote("bob/1.jpg", Reason.UNREADABLE, "the file is empty, need a picture"),
    PhotoNote("bob/2.jpg", Reason.SEVERAL, "2 faces"),
]


def test_notes_as_a_table_and_as_lines(tmp_path: Path) -> None:
    write_notes(tmp_path / "skipped.csv", NOTES)
    with (tmp_path / "skipped.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["path"], row["used"]) for row in rows] == [
        ("ann/1.jpg", "no"),
        ("ann/2\\x1b.jpg", "no"),
        ("bob/1.jpg", "no"),
        ("bob/2.jpg", "yes"),
    ]
    assert rows[2]["detail"] == "the file is empty, need a picture"
    lines = list(note_lines(NOTES))
    assert lines[0] == "2 left out: no face was found (ann/1.jpg, …)"
    assert lines[2] == "1 used: several faces: the largest near the middle was taken (bob/2.jpg: 2 faces)"


def test_strict_refuses_what_is_left_out_and_nothing_else() -> None:
    refuse_left_out("photos", NOTES[3:])
    with pytest.raises(
        DataError, match=r"photos: 3 photos or folders cannot be used, and --strict .*: 2 left out"
    ):
        refuse_left_out("photos", NOTES)


def test_a_folder_of_framed_pictures_loses_those_that_cannot_be_read(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for person in ("ann", "bob"):
        (tmp_path / "photos" / person).mkdir(parents=True)
        (tmp_path / "photos" / person / "1.png").write_bytes(LOSSLESS["png"])
    (tmp_path / "photos/bob/2.png").write_bytes(LOSSLESS["png"][:100])
    (tmp_path / "photos/bob/3.gif").write_bytes(b"GIF89a")
    cv2.imwrite(str(tmp_path / "photos/ann/2.jpg"), np.zeros((4, 4, 3), np.uint8))
    dataset = load_dataset("folder", tmp_path / "photos")
    assert dataset.faces().paths == ("ann/1.png", "bob/1.png")
    assert [(note.path, note.reason) for note in photo_notes(dataset)] == [
        ("ann/2.jpg", Reason.UNREADABLE),
        ("bob/2.png", Reason.UNREADABLE),
        ("bob/3.gif", Reason.FORMAT),
    ]
    assert "of 4 pictures 2 left out: cannot be read (ann/2.jpg: 4 x 4 pixels" in caplog.text
