"""Embeddings of many files equal those of single pictures, also after a kill and with damaged files."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from photo_files import PEOPLE, SHIPPED, write_faceless, write_photo
from twinface.core.errors import DataError
from twinface.core.types import ByteArray, Float32Array
from twinface.models.load import load_model
from twinface.models.onnx_model import OnnxModel
from twinface.recognition.batch import BATCH, embed_files
from twinface.recognition.verifier import Verifier
from twinface.training.run_folder import RunFolder

PICTURES = 3 * BATCH + 5


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures in folders: one damaged, one hidden, one link that leads out; and a file that is not a picture."""
    root = tmp_path_factory.mktemp("photos") / "mine"
    random = np.random.default_rng(0)
    for number in range(PICTURES - 1):
        folder = root / f"{number % 4}"
        folder.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / f"{number:03}.png"), random.integers(0, 256, (40, 40), np.uint8))
    (root / "3" / "damaged.jpg").write_bytes(b"\xff\xd8 no picture")
    shutil.copy(root / "0" / "000.png", root / "0" / ".hidden.png")
    shutil.copy(root / "0" / "000.png", root.parent / "elsewhere.png")
    (root / "1" / "link.png").symlink_to(root.parent / "elsewhere.png")
    (root / "1" / "notes.txt").write_text("no picture")
    return root


@pytest.fixture(scope="module")
def model(tiny_run: RunFolder) -> OnnxModel:
    return load_model(tiny_run.path, threads=1)


class Dies(OnnxModel):
    """A model that stops the process after some batches."""

    def __init__(self, model: OnnxModel, batches: int) -> None:
        self.path, self.record, self.fingerprint = model.path, model.record, model.fingerprint
        self.model, self.left = model, batches

    def __call__(self, faces: ByteArray) -> Float32Array:
        if not self.left:
            raise KeyboardInterrupt
        self.left -= 1
        return self.model(faces)


def files(folder: Path) -> dict[str, bytes]:
    """Name → content, without the lock."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != ".lock"}


def test_rows_equal_single_embeddings_and_a_damaged_picture_loses_only_its_row(
    photos: Path, model: OnnxModel, tiny_run: RunFolder, tmp_path: Path
) -> None:
    told: list[tuple[int, int]] = []
    done = embed_files(photos, tmp_path / "out", model, lambda *now: told.append(now), faces="aligned")
    assert (done.pictures, done.failed, done.length) == (PICTURES, 1, model.record.embedding_size)
    assert done.rows == PICTURES
    assert told[-1] == (PICTURES, PICTURES)
    names = (tmp_path / "out" / "pictures.txt").read_text().splitlines()
    assert len(names) == PICTURES
    assert names == sorted(names)
    rows = np.load(tmp_path / "out" / "embeddings.npy")
    assert rows.dtype == np.float32
    verifier = Verifier(tiny_run.path, threads=1, aligned=True)
    [failure] = map(json.loads, (tmp_path / "out" / "failed.jsonl").read_text().splitlines())
    assert failure["picture"] == names[failure["row"]] == "3/damaged.jpg"
    assert "damaged.jpg" in failure["reason"]
    for row, name in enumerate(names):
        if row == failure["row"]:
            assert np.isnan(rows[row]).all()
        else:
            np.testing.assert_allclose(rows[row], verifier.embed(photos / name)[0], atol=1e-5)


@pytest.mark.parametrize("batches", [0, 1, 3])
def test_a_stopped_call_continues_to_the_same_files(
    photos: Path, model: OnnxModel, tmp_path: Path, batches: int
) -> None:
    embed_files(photos, tmp_path / "whole", model, faces="aligned")
    with pytest.raises(KeyboardInterrupt):
        embed_files(photos, tmp_path / "stopped", Dies(model, batches), faces="aligned")
    part = tmp_path / "stopped" / "embeddings.part"
    with part.open("rb") as file:
        np.lib.format.read_magic(file)
        np.lib.format.read_array_header_1_0(file)
        rows = (part.stat().st_size - file.tell()) // (4 * model.record.embedding_size)
    assert rows <= batches * BATCH  # later batches that were done out of order are lost
    assert rows % BATCH == 0
    if batches:
        with part.open("ab") as file:  # a kill in the middle of a row
            file.write(b"\0" * 7)
    else:
        part.write_bytes(b"\x93NUM")
    with (tmp_path / "stopped" / "failed.jsonl").open("ab") as file:
        file.write(b'{"row": 9')
    told: list[int] = []
    embed_files(photos, tmp_path / "stopped", model, lambda done, total: told.append(done), faces="aligned")
    assert told[0] == min(rows + BATCH, PICTURES)
    assert files(tmp_path / "stopped") == files(tmp_path / "whole")
    embed_files(photos, tmp_path / "stopped", Dies(model, 0), faces="aligned")  # nothing is left to do


def test_a_list_names_pictures_relative_to_itself(photos: Path, model: OnnxModel, tmp_path: Path) -> None:
    names = ["0/000.png", "2/002.png"]
    listed = photos.parent / "list.txt"
    listed.write_text("".join(f"mine/{name}\r\n" for name in names) + "\n")
    done = embed_files(listed, tmp_path / "out", model, faces="aligned")
    assert (done.pictures, done.failed) == (2, 0)
    expected = Verifier(model.path, threads=1, aligned=True).embed(*(photos / name for name in names))
    np.testing.assert_allclose(np.load(tmp_path / "out" / "embeddings.npy"), expected, atol=1e-6)


def test_a_folder_of_other_embeddings_is_left_alone(photos: Path, model: OnnxModel, tmp_path: Path) -> None:
    embed_files(photos / "0", tmp_path / "out", model, faces="aligned")
    before = files(tmp_path / "out")
    with pytest.raises(DataError, match=r"of other pictures, .* or by another model \(pictures_sha256"):
        embed_files(photos / "1", tmp_path / "out", model, faces="aligned")
    with pytest.raises(DataError, match="model_sha256"):
        embed_files(photos / "0", tmp_path / "out", SHIPPED, faces="aligned")
    assert files(tmp_path / "out") == before


def test_a_damaged_record_of_the_folder_is_an_error(photos: Path, model: OnnxModel, tmp_path: Path) -> None:
    (tmp_path / "about.json").write_text('{"pictures": 3}')
    with pytest.raises(DataError, match=r"about\.json: cannot be read .* name another folder"):
        embed_files(photos / "0", tmp_path, model, faces="aligned")
    assert files(tmp_path) == {"about.json": b'{"pictures": 3}'}


def test_no_picture_is_an_error(model: OnnxModel, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for source in (tmp_path / "empty", tmp_path / "missing"):
        with pytest.raises(DataError, match=f"{source.name}.* need"):
            embed_files(source, tmp_path / "out", model, faces="aligned")
    assert not (tmp_path / "out" / "about.json").exists()


def test_the_command_says_what_failed(photos: Path, tiny_run: RunFolder, tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "twinface",
        "embed",
        str(photos),
        "--model",
        str(tiny_run.path),
        "--aligned",
        "--json",
    ]
    ended = subprocess.run(
        [*command, "--out", str(tmp_path / "out")], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 2
    assert json.loads(ended.stdout)["failed"] == 1
    assert "failed.jsonl" in ended.stderr


@pytest.fixture(scope="module")
def raw_photos(real_lfw: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three batches of photos: with one face, with two, without one, and a damaged one."""
    root = tmp_path_factory.mktemp("raw")
    for number, person in enumerate(PEOPLE):
        write_photo(root / f"one{number}.jpg", real_lfw, person)
        write_photo(root / f"two{number}.jpg", real_lfw, person, PEOPLE[number - 1])
    for number in range(2 * BATCH - 2 * len(PEOPLE)):
        shutil.copy(root / f"one{number % len(PEOPLE)}.jpg", root / f"copy{number:02}.jpg")
    write_faceless(root / "two00.png")
    (root / "two01.jpg").write_bytes(b"\xff\xd8 no picture")
    return root


@pytest.fixture(scope="module")
def all_faces(raw_photos: Path, model: OnnxModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of embeddings of all faces in `raw_photos`."""
    folder = tmp_path_factory.mktemp("all") / "out"
    embed_files(raw_photos, folder, model, faces="all")
    return folder


def table_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "faces.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_each_face_of_a_photo_has_a_row(raw_photos: Path, all_faces: Path, model: OnnxModel) -> None:
    done = embed_files(raw_photos, all_faces, model, faces="all")  # nothing is left to do
    rows, table = np.load(all_faces / "embeddings.npy"), table_of(all_faces)
    assert done.rows == len(rows) == len(table) == 2 * BATCH + 2 + len(PEOPLE)
    assert (done.pictures, done.failed) == (2 * BATCH + 2, 2)
    verifier = Verifier(model)
    for embedding, row in zip(rows, table, strict=True):
        photo = raw_photos / row["file"]
        if row["number"] == "0":
            assert np.isnan(embedding).all()
            assert photo.name in ("two00.png", "two01.jpg")
            assert row["found"] == ("0" if photo.name == "two00.png" else "")
            assert photo.name in row["reason"]
            continue
        assert int(row["found"]) == (2 if photo.name.startswith("two") else 1)
        face = verifier.reader.read_all(photo)[int(row["number"]) - 1]
        np.testing.assert_allclose(embedding, verifier.embed_faces(face)[0], atol=1e-5)
        assert face.detected is not None
        assert face.quality is not None
        assert float(row["left"]) == pytest.approx(face.detected.box[0], abs=0.06)
        assert float(row["nose_y"]) == pytest.approx(face.detected.landmarks[2, 1], abs=0.06)
        assert row["quality"] == face.quality.word
        assert float(row["eye_distance"]) == face.quality.eye_distance
    failures = [json.loads(line) for line in (all_faces / "failed.jsonl").read_text().splitlines()]
    assert {table[failure["row"]]["file"] for failure in failures} == {"two00.png", "two01.jpg"}


def test_the_largest_face_or_the_only_one_has_a_row(
    raw_photos: Path, model: OnnxModel, tmp_path: Path
) -> None:
    embed_files(raw_photos, tmp_path / "largest", model)
    names = (tmp_path / "largest" / "pictures.txt").read_text().splitlines()
    largest = np.load(tmp_path / "largest" / "embeddings.npy")
    assert [row["file"] for row in table_of(tmp_path / "largest")] == names
    row = names.index("two3.jpg")
    np.testing.assert_allclose(largest[row], Verifier(model).embed(raw_photos / "two3.jpg")[0], atol=1e-5)
    done = embed_files(raw_photos, tmp_path / "one", model, faces="one")
    assert done.failed == 2 + len(PEOPLE)
    assert np.isnan(np.load(tmp_path / "one" / "embeddings.npy")[row]).all()
    assert "2 faces, need one" in table_of(tmp_path / "one")[row]["reason"]
    for faces in ("all", "one", "aligned"):
        with pytest.raises(DataError, match="faces in about"):
            embed_files(raw_photos, tmp_path / "largest", model, faces=faces)


@pytest.mark.parametrize(
    ("rows", "first"), [(0, BATCH), (17, BATCH), (30, 2 * BATCH), (38, 2 * BATCH + 2), (40, None)]
)
def test_rows_of_faces_continue_to_the_same_files(
    raw_photos: Path, all_faces: Path, model: OnnxModel, tmp_path: Path, rows: int, first: int | None
) -> None:
    """A kill can leave any number of rows in either table. Batches that are whole are kept."""
    shutil.copytree(all_faces, tmp_path, dirs_exist_ok=True)
    whole = files(tmp_path)
    about = json.loads(whole["about.json"])
    assert about["rows"] == 40
    (tmp_path / "about.json").write_text(json.dumps(about | {"failed": None, "rows": None}))
    (tmp_path / "embeddings.npy").unlink()
    kept = len(whole["embeddings.npy"]) - (about["rows"] - rows) * about["length"] * 4
    (tmp_path / "embeddings.part").write_bytes(whole["embeddings.npy"][:kept])
    if rows == 17:  # not even the first line of the table
        (tmp_path / "faces.csv").write_bytes(whole["faces.csv"][:5])
    told: list[int] = []
    embed_files(raw_photos, tmp_path, model, lambda done, total: told.append(done), faces="all")
    assert told[:1] == ([first] if first else [])
    assert files(tmp_path) == whole


def test_a_folder_of_an_earlier_version_is_read(photos: Path, model: OnnxModel, tmp_path: Path) -> None:
    """It has no faces.csv, and its about.json has fewer fields."""
    embed_files(photos, tmp_path, model, faces="aligned")
    about = json.loads((tmp_path / "about.json").read_text())
    for field in ("faces", "detector_sha256", "rows"):
        del about[field]
    (tmp_path / "about.json").write_text(json.dumps(about))
    before = files(tmp_path)
    assert "faces.csv" not in before
    done = embed_files(photos, tmp_path, model, faces="aligned")
    assert (done.pictures, done.rows, done.failed) == (PICTURES, PICTURES, 1)
    assert files(tmp_path) == before
    with pytest.raises(DataError, match="faces in about"):
        embed_files(photos, tmp_path, model)
