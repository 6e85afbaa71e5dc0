"""Pairs of a file get the verdicts of single calls, also after a kill, with damaged photos and with odd files."""

from __future__ import annotations

import contextlib
import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from photo_files import PEOPLE, SHIPPED, read_table, write_photo_folder
from twinface.core.errors import DataError
from twinface.core.types import ByteArray, Float32Array
from twinface.models.load import load_model
from twinface.models.onnx_model import OnnxModel
from twinface.recognition import pair_file
from twinface.recognition.pair_file import RESULT_COLUMNS, PairFileResult, verify_pairs
from twinface.recognition.pair_rows import check_pair_rows
from twinface.recognition.verifier import Verifier


@pytest.fixture(scope="module")
def photos(real_lfw: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_photo_folder(tmp_path_factory.mktemp("photos"), real_lfw)


@pytest.fixture(scope="module")
def verifier() -> Verifier:
    return Verifier(load_model(SHIPPED, threads=1))


class Dies(OnnxModel):
    """A model that stops the process after some faces."""

    def __init__(self, model: OnnxModel, faces: int) -> None:
        self.record, self.fingerprint = model.record, model.fingerprint
        self.model, self.left = model, faces

    def __call__(self, faces: ByteArray) -> Float32Array:
        self.left -= len(faces)
        if self.left < 0:
            raise KeyboardInterrupt
        return self.model(faces)


def write_pairs(path: Path, rows: list[tuple[str, ...]], header: str = "left,right\n") -> Path:
    with path.open("w", newline="") as file:
        file.write(header)
        csv.writer(file).writerows(rows)
    return path


def many(count: int) -> list[tuple[str, str]]:
    random = np.random.default_rng(0)
    names = [f"a/{number}.jpg" for number in range(len(PEOPLE))] + ["nobody.png", "damaged.jpg"]
    return [(names[a], names[b]) for a, b in random.integers(0, len(names), (count, 2))]


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_rows_equal_single_verdicts(photos: Path, verifier: Verifier, tmp_path: Path, suffix: str) -> None:
    pairs = [
        ("a/0.jpg", "two faces.jpg", "kept, as it is", "7"),
        ("a/1.jpg", "a/2.jpg", 'a "note"\nof two lines', "x"),
        ("nobody.png", "damaged.jpg", "", ""),
        ("a/0.jpg", "missing.jpg", "ü", "y"),
        ("a/3.jpg", "a/3.jpg", "", ""),
    ]
    file = write_pairs(tmp_path / "pairs.csv", pairs, "\ufeffLeft, right,note,Number\n")
    told: list[tuple[int, int]] = []
    out = tmp_path / f"out.{suffix}"
    result = verify_pairs(verifier, file, photos, out, lambda *now: told.append(now))
    rows = read_table(out)
    assert list(rows[0]) == ["left", "right", "note", "Number", *RESULT_COLUMNS]
    assert [(row["left"], row["right"], row["note"], row["Number"]) for row in rows] == pairs
    assert [row["outcome"] for row in rows] == ["same", "different", "no_face", "unreadable", "same"]
    assert result == PairFileResult(5, same=2, different=1, no_face=1, unreadable=1)
    assert (result.untold, told) == (2, [(5, 5)])
    empty = "" if suffix == "csv" else None
    for row in rows:
        if row["outcome"] in ("same", "different"):
            verdict = verifier.verify(photos / row["left"], photos / row["right"])
            assert float(row["score"]) == pytest.approx(verdict.score, abs=1e-5)
            assert float(row["probability"]) == pytest.approx(verdict.probability, abs=1e-4)
            assert row["left_quality"] == verdict.faces[0].quality.word
            assert int(row["right_faces"]) == verdict.faces[1].found
            assert row["reason"] == empty
        else:
            assert row["score"] == row["probability"] == empty
        assert float(row["threshold"]) == verifier.record.threshold.value
    assert int(rows[0]["right_faces"]) == 2
    assert int(rows[2]["left_faces"]) == 0
    assert rows[2]["right_faces"] == rows[3]["right_quality"] == empty
    assert "nobody.png: no face" in rows[2]["reason"]
    assert "damaged.jpg" in rows[2]["reason"]
    assert "missing.jpg: no such file" in rows[3]["reason"]


def test_one_face_only(photos: Path, verifier: Verifier, tmp_path: Path) -> None:
    file = write_pairs(tmp_path / "pairs.csv", [("a/0.jpg", "two faces.jpg")])
    result = verify_pairs(Verifier(verifier.model, faces="one"), file, photos, tmp_path / "out.csv")
    assert (result.several_faces, result.untold) == (1, 1)
    [row] = read_table(tmp_path / "out.csv")
    assert row["right_faces"] == "2"
    with pytest.raises(DataError, match=r"another call \(faces in out\.csv\.about\.json"):
        verify_pairs(verifier, file, photos, tmp_path / "out.csv")


def test_paths_are_relative_to_the_file_and_the_result_can_be_printed(
    photos: Path, verifier: Verifier, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write_pairs(photos / "here.csv", [("a/0.jpg", "a/1.jpg"), ("a/0.jpg", "a/0.jpg")], header="")
    assert verify_pairs(verifier, file).different == 1
    printed = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert [row["outcome"] for row in printed] == ["different", "same"]


def test_each_photo_is_read_once_while_it_is_remembered(
    photos: Path, verifier: Verifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write_pairs(tmp_path / "pairs.csv", many(60))
    verify_pairs(verifier, file, photos, tmp_path / "whole.csv")
    read_paths: list[Path] = []

    class Counting(Verifier):
        def read(self, picture: Path) -> Any:
            read_paths.append(picture)
            return super().read(picture)

    counting = Counting(verifier.model)
    verify_pairs(counting, file, photos, tmp_path / "counted.csv")
    assert len(read_paths) == len(set(read_paths)) == len(PEOPLE) + 2
    # With room for three photos, they are read again and again, and the result stays the same.
    monkeypatch.setattr(pair_file, "_REMEMBERED", 3 * (4 * 384 + 550))
    monkeypatch.setattr(pair_file, "_PAIRS", 5)
    read_paths.clear()
    verify_pairs(counting, file, photos, tmp_path / "forgetful.csv")
    assert len(read_paths) > 30
    assert (tmp_path / "forgetful.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_a_stopped_call_continues_to_the_same_file(
    photos: Path, verifier: Verifier, tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pair_file, "_PHOTOS", 2)
    monkeypatch.setattr(pair_file, "_PAIRS", 3)
    file = write_pairs(tmp_path / "pairs.csv", many(40))
    whole, out = tmp_path / f"whole.{suffix}", tmp_path / f"out.{suffix}"
    counts = verify_pairs(verifier, file, photos, whole)
    dies = Verifier(Dies(verifier.model, 4))
    with pytest.raises(KeyboardInterrupt):
        verify_pairs(dies, file, photos, out)
    data = whole.read_bytes()
    assert data.startswith(out.read_bytes())
    for kept in (len(out.read_bytes()), 3, data.index(b"\n") + 1, len(data) // 2, len(data) - 1):
        out.write_bytes(data[:kept])
        assert verify_pairs(verifier, file, photos, out) == counts
        assert out.read_bytes() == data
    dead = Verifier(Dies(verifier.model, 0))
    assert verify_pairs(dead, file, photos, out) == counts  # nothing is left to do


def test_a_row_with_a_line_break_is_cut_as_a_whole(photos: Path, verifier: Verifier, tmp_path: Path) -> None:
    file = write_pairs(tmp_path / "pairs.csv", [("a/0.jpg", "a/1.jpg", "one\ntwo")] * 2, "left,right,note\n")
    out = tmp_path / "out.csv"
    verify_pairs(verifier, file, photos, out)
    data = out.read_bytes()
    out.write_bytes(data[: data.rindex(b"two")])
    verify_pairs(verifier, file, photos, out)
    assert out.read_bytes() == data


def test_another_result_is_left_alone(photos: Path, verifier: Verifier, tmp_path: Path) -> None:
    file = write_pairs(tmp_path / "pairs.csv", [("a/0.jpg", "a/1.jpg")])
    out = tmp_path / "out.csv"
    verify_pairs(verifier, file, photos, out)
    before = out.read_bytes()
    other_pairs = write_pairs(tmp_path / "other.csv", [("a/0.jpg", "a/2.jpg")])
    with pytest.raises(DataError, match="pairs_sha256"):
        verify_pairs(verifier, other_pairs, photos, out)
    with pytest.raises(DataError, match="root"):
        verify_pairs(verifier, file, photos.parent, out)
    other_model = Dies(verifier.model, 9)
    other_model.fingerprint = "0" * 64
    with pytest.raises(DataError, match="model_sha256"):
        verify_pairs(Verifier(other_model), file, photos, out)
    with pytest.raises(DataError, match=r"no other\.csv\.about\.json that says what"):
        verify_pairs(verifier, file, photos, other_pairs)
    with pytest.raises(DataError, match=r"\.csv or \.jsonl"):
        verify_pairs(verifier, file, photos, tmp_path / "out.txt")
    assert out.read_bytes() == before
    out.write_bytes(before.replace(b"different", b"maybe"))
    with pytest.raises(DataError, match="rows that this command did not write"):
        verify_pairs(verifier, file, photos, out)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "holds no pairs"),
        (b"left,right\n", "holds no pairs"),
        (b"left;right\na;b\n", r"line 1: 1 columns \(left;right\), need the columns left,right"),
        (b"a,b,c\n", "line 1: 3 columns"),
        (b"left,right,x\na,b\n", "line 2: 2 cells, need 3"),
        (b"left,right\na,\n", "line 2, right: empty"),
        (b"left,right\na,../../b\n", "line 2, right: .* is outside of"),
        (b"left,right\n/etc/passwd,b\n", "line 2, left: .* is outside of"),
        (b"left,right\n" + b"a" * 5000 + b",b\n", "5,000 characters"),
        (b"left,right,score\na,b,1\n", "the result has a column 'score'"),
        (b"left,right,x,x\na,b,1,2\n", "two columns have the name 'x'"),
        (b'left,right\n"a,b\n', "line 2: it is not CSV"),
        (b"\0" * 100_000, "line 1: more than 65,536 bytes"),
        (b"left,right\na\0,b\n", "outside of"),
    ],
)
def test_a_file_that_is_no_list_of_pairs_is_refused_before_any_work(
    tmp_path: Path, text: bytes, message: str
) -> None:
    file = tmp_path / "pairs.csv"
    file.write_bytes(text)
    with pytest.raises(DataError, match=message):
        check_pair_rows(file, tmp_path, RESULT_COLUMNS)


def test_missing_files_and_pipes_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name, message in (("missing.csv", "No such file"), ("pipe", "not a plain"), (".", "not a plain")):
        with pytest.raises(DataError, match=message):
            check_pair_rows(tmp_path / name, tmp_path)


def test_a_link_that_leads_out_of_the_root_is_not_opened(
    photos: Path, verifier: Verifier, tmp_path: Path
) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "link.jpg").symlink_to(photos / "a" / "0.jpg")
    file = write_pairs(root / "pairs.csv", [("link.jpg", "link.jpg")])
    assert verify_pairs(verifier, file, None, tmp_path / "out.csv").unreadable == 1
    assert "leads out of" in read_table(tmp_path / "out.csv")[0]["reason"]


def test_pictures_that_are_framed_already_are_taken_as_they_are(
    real_lfw: Path, verifier: Verifier, tmp_path: Path
) -> None:
    names = [f"{person}/{person}_0001.jpg" for person in PEOPLE[:3]]
    file = write_pairs(tmp_path / "pairs.csv", [(names[0], names[1]), (names[2], names[2])])
    aligned = Verifier(verifier.model, aligned=True)
    verify_pairs(aligned, file, real_lfw / "lfwa", tmp_path / "out.jsonl")
    for row in read_table(tmp_path / "out.jsonl"):
        verdict = aligned.verify(real_lfw / "lfwa" / row["left"], real_lfw / "lfwa" / row["right"])
        assert row["score"] == pytest.approx(verdict.score, abs=1e-5)
        assert row["left_faces"] is row["right_quality"] is None


@given(st.binary(max_size=60) | st.text('left,right\n"\r;/. ', max_size=60).map(str.encode))
def test_any_bytes_are_pairs_or_an_error(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    file = tmp_path_factory.getbasetemp() / "any.csv"
    file.write_bytes(data)
    with contextlib.suppress(DataError):
        rows = check_pair_rows(file, file.parent)
        assert len(list(rows)) == rows.count > 0


@pytest.mark.slow
def test_kills_change_nothing(photos: Path, verifier: Verifier, tmp_path: Path) -> None:
    """A process that is killed with SIGKILL again and again writes the bytes of an uninterrupted one."""
    file = write_pairs(tmp_path / "pairs.csv", many(4000))
    whole, out = tmp_path / "whole.csv", tmp_path / "out.csv"
    verify_pairs(verifier, file, photos, whole)
    code = (
        "import sys, pathlib, time\n"
        "from twinface.recognition import pair_file\n"
        "from twinface.recognition.verifier import Verifier\n"
        "pair_file._PAIRS = 20\n"
        "verifier = Verifier(sys.argv[1], threads=1)\n"
        "pair_file.verify_pairs(verifier, *map(pathlib.Path, sys.argv[2:]), lambda done, all: time.sleep(0.01))\n"
    )
    command = [sys.executable, "-c", code, str(SHIPPED), str(file), str(photos), str(out)]
    random = np.random.default_rng(0)
    kills = 0
    while True:
        process = subprocess.Popen(command)
        size = out.stat().st_size if out.exists() else 0
        while process.poll() is None and (out.stat().st_size if out.exists() else 0) <= size:
            time.sleep(0.005)
        time.sleep(random.uniform(0, 0.3))
        if kills < 6:
            process.send_signal(signal.SIGKILL)
        if process.wait() == 0:
            break
        assert process.returncode == -signal.SIGKILL
        kills += 1
    assert kills >= 3
    assert out.read_bytes() == whole.read_bytes()
