"""The faces of a folder of photos, as a table that is continued after a kill."""

from __future__ import annotations

from pathlib import Path

import pytest

from photo_files import PEOPLE, SHIPPED, read_table, write_photo_folder
from twinface.core.errors import DataError
from twinface.recognition.batch_detect import DetectedInFiles, detect_files
from twinface.recognition.verifier import Verifier


@pytest.fixture(scope="module")
def photos(real_lfw: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_photo_folder(tmp_path_factory.mktemp("photos"), real_lfw)


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_faces_of_a_folder(photos: Path, tmp_path: Path, suffix: str) -> None:
    out = tmp_path / f"faces.{suffix}"
    told: list[tuple[int, int]] = []
    counts = detect_files(photos, out, lambda *now: told.append(now))
    assert counts == DetectedInFiles(
        pictures=len(PEOPLE) + 3, faces=len(PEOPLE) + 2, without_face=1, unreadable=1
    )
    assert told[-1] == (counts.pictures, counts.pictures)
    rows = {row["file"]: row for row in read_table(out)}
    assert len(rows) == counts.pictures
    reader = Verifier(SHIPPED).reader
    face = reader.read_all(photos / "two faces.jpg")[1]
    if suffix == "csv":
        last = rows["two faces.jpg"]  # the second of its rows
        assert [int(last[name]) for name in ("number", "found")] == [2, 2]
        box, nose, word = (
            [last[name] for name in ("left", "top", "width", "height")],
            last["nose_x"],
            last["quality"],
        )
    else:
        assert rows["two faces.jpg"]["found"] == len(rows["two faces.jpg"]["faces"]) == 2
        last = rows["two faces.jpg"]["faces"][1]
        box, nose, word = last["box"], last["landmarks"][2][0], last["quality"]["word"]
    assert [float(value) for value in box] == pytest.approx(face.detected.box, abs=0.06)
    assert float(nose) == pytest.approx(face.detected.landmarks[2, 0], abs=0.06)
    assert word == face.quality.word
    assert rows["nobody.png"]["reason"] == "no face was found"
    assert "damaged" in rows["damaged.jpg"]["reason"]
    data = out.read_bytes()
    for kept in (2, len(data) // 2, data.index(b"two faces") + 20, data.rindex(b"two faces"), len(data)):
        out.write_bytes(data[:kept])
        assert detect_files(photos, out) == counts
        assert out.read_bytes() == data
    with pytest.raises(DataError, match="pictures_sha256"):
        detect_files(photos / "a", out)
