"""What is wrong is said in one clear line, with exit code 2, and nothing that was there is lost."""

import os
import pickle
import resource
import shutil
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from shell import changes, twinface, twinface_here, without_coverage
from twinface.training.run_folder import RunFolder


def picture(path: Path, seed: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = cv2.GaussianBlur(np.random.default_rng(seed).integers(0, 256, (112, 92), np.uint8), (0, 0), 4)
    assert cv2.imwrite(str(path), pixels)
    return path


def huge_png(path: Path) -> Path:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    packer = zlib.compressobj(9)
    rows = b"".join([packer.compress(bytes(13_001)) for _ in range(13_000)]) + packer.flush()
    header = struct.pack(">IIBBBBB", 13_000, 13_000, 8, 0, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )
    return path


def truncated(path: Path) -> Path:
    data = picture(path).read_bytes()
    path.write_bytes(data[: len(data) // 2])
    return path


def text(path: Path) -> Path:
    path.write_text("this is no picture at all")
    return path


def folder_of_people(root: Path, **counts: int) -> Path:
    for person, count in counts.items():
        (root / person).mkdir(parents=True)
        for number in range(1, count + 1):
            picture(root / person / f"{person}_{number:04d}.jpg", seed=number)
    return root


def one_line(result: subprocess.CompletedProcess[str], *words: str) -> str:
    """The error of a command, which has to be one line that says all of `words`."""
    assert result.returncode == 2, result.stderr
    lines = [line for line in result.stderr.splitlines() if line.startswith("twinface: ")]
    assert len(lines) == 1, result.stderr
    assert "Traceback" not in result.stderr
    for word in words:
        assert word in lines[0], lines[0]
    return lines[0]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: path, ["no such file"]),
        (truncated, ["truncated"]),
        (text, ["not a picture", "JPEG"]),
        (huge_png, ["13000", "25"]),
        (lambda path: path.parent, ["folder"]),
    ],
    ids=["missing", "truncated", "text", "huge", "folder"],
)
def test_a_wrong_picture(
    tmp_path: Path, tiny_run: RunFolder, make: Callable[[Path], Path], words: list[str]
) -> None:
    good, bad = picture(tmp_path / "good.jpg"), make(tmp_path / "bad.jpg")
    result = twinface("verify", good, bad, "--model", tiny_run.path)
    one_line(result, str(bad), *words)
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("ann\t1", ["line 2", "2 fields", "3", "4"]),
        ("ann\t1\t2\t3\t4", ["line 2", "5 fields"]),
        ("ann\tone\t2", ["line 2", "one"]),
        ("../ann\t1\t2", ["line 2", "../ann"]),
        ("ann\t1\t../../bob\t1", ["line 2", "../../bob"]),
        ("ann\t1\t9", ["line 2", "ann_0009"]),
        ("zoe\t1\t2", ["line 2", "zoe"]),
    ],
)
def test_a_wrong_pair_file(tmp_path: Path, tiny_run: RunFolder, row: str, words: list[str]) -> None:
    root = folder_of_people(tmp_path / "mine", ann=2, bob=1)
    file = tmp_path / "pairs.txt"
    file.write_text(f"ann\t1\tbob\t1\n{row}\n")
    one_line(
        twinface_here("evaluate", tiny_run.model / "model.onnx", "--pairs", file, "--root", root),
        "pairs.txt",
        *words,
    )


def test_folders_that_cannot_be_trained_on(tmp_path: Path) -> None:
    out = tmp_path / "run"
    train = ("train", "--data", "folder", "--no-align", "--recipe", "demo", "--out", out)
    alone = folder_of_people(tmp_path / "alone", ann=5)
    one_line(twinface_here(*train, "--root", alone), "alone", "people")
    few = folder_of_people(tmp_path / "few", ann=5, bob=5, cid=5)
    one_line(twinface_here(*train, "--root", few), "data.test_people = 13", "Add people")
    one_line(twinface_here(*train, "--root", tmp_path / "nowhere"), "nowhere")
    one_line(twinface_here("train", "--data", "folder", "--out", out), "--root")
    one_line(twinface_here("train", "--data", "lwf", "--out", out), "lfw")
    one_line(twinface_here("train", "--out", out), "--data")
    assert not out.exists()


@pytest.mark.slow
def test_a_damaged_picture_is_left_out_and_other_ones_later_are_refused(tmp_path: Path) -> None:
    root = folder_of_people(tmp_path / "mine", **{f"p{n}": 3 for n in range(12)})
    bad = truncated(root / "p4" / "p4_0002.jpg")
    out = tmp_path / "run"
    result = twinface_here(
        "train", "--data", "folder", "--root", root, "--no-align", "--recipe", "demo", "--out", out,
        *changes("data.test_people=2", "data.validation_people=3"),
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert "1 left out: cannot be read (p4/p4_0002.jpg: " in result.stderr
    assert 'p4/p4_0002.jpg,no,cannot be read,"damaged JPEG' in (out / "skipped.csv").read_text()
    picture(bad)
    one_line(twinface_here("train", "--resume", out), "SHA-256")
    bad.unlink()
    assert twinface_here("train", "--resume", out).returncode == 0
    for path in root.rglob("*_0001.jpg"):
        picture(path, seed=99)
    one_line(twinface_here("train", "--resume", out), "SHA-256")


@pytest.mark.parametrize(
    ("damage", "word"),
    [
        (lambda file: file.write_bytes(file.read_bytes()[:-100]), "not a complete Twinface model"),
        (lambda file: file.write_bytes(b"x" + file.read_bytes()[1:]), "checksum"),
        (lambda file: file.write_bytes(pickle.dumps({"a": 1})), "pickle"),
        (lambda file: file.unlink(), "training has not ended"),
    ],
    ids=["cut", "changed", "pickle", "missing"],
)
def test_a_wrong_model(
    tmp_path: Path, tiny_run: RunFolder, damage: Callable[[Path], None], word: str
) -> None:
    run = tmp_path / "run"
    shutil.copytree(tiny_run.path, run)
    damage(run / "model" / "model.onnx")
    good = picture(tmp_path / "good.jpg")
    one_line(twinface_here("verify", good, good, "--model", run), word)
    one_line(twinface_here("evaluate", run, "--protocol", "unseen"), word)


@pytest.mark.slow
def test_a_full_disk(tmp_path: Path, tiny_run: RunFolder) -> None:
    """A limit on the size of a file stands in for a disk that fills up: the write fails in the same place."""
    run = tmp_path / "run"
    shutil.copytree(tiny_run.path, run)
    settings = run / "settings.toml"
    settings.write_text(settings.read_text().replace("epochs = 3", "epochs = 5"))
    before = {path: path.read_bytes() for path in run.rglob("*.safetensors")}

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    result = twinface("train", "--resume", run, preexec_fn=limit, env=without_coverage())
    one_line(result, "safetensors", "could not be written", "free some space")
    assert {path: path.read_bytes() for path in before} == before
    assert not list(run.rglob("*.part"))
    assert twinface_here("train", "--resume", run).returncode == 0


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = twinface_here("train", "--data", "orl", "--recipe", "demo", "--out", tmp_path / "file" / "run")
    one_line(result, "file")


@pytest.mark.parametrize(
    ("damage", "word"),
    [
        (lambda run: (run / "settings.toml").write_text("[trainer"), "settings.toml"),
        (lambda run: (run / "settings.toml").write_text("[trainer]\nepoch = 3"), 'did you mean "epochs"?'),
        (lambda run: (run / "run.json").write_text("{"), "run.json"),
        (lambda run: (run / "metrics.jsonl").write_text("{\n"), "metrics.jsonl"),
        (lambda run: (run / "state.safetensors").write_bytes(b"junk"), "state.safetensors"),
    ],
)
def test_a_damaged_run_folder(
    tmp_path: Path, tiny_run: RunFolder, damage: Callable[[Path], None], word: str
) -> None:
    run = tmp_path / "run"
    shutil.copytree(tiny_run.path, run)
    damage(run)
    settings = run / "settings.toml"
    settings.write_text(settings.read_text().replace("epochs = 3", "epochs = 4"))
    one_line(twinface_here("train", "--resume", run), word)


def test_what_is_no_run(tmp_path: Path) -> None:
    one_line(twinface_here("train", "--resume", tmp_path), "holds no run")
    one_line(twinface_here("report", tmp_path), "holds no run")
    one_line(twinface_here("evaluate", tmp_path, "--protocol", "unseen"), "found no model")


def test_evaluate_needs_one_thing_to_judge_on(tiny_run: RunFolder, tmp_path: Path) -> None:
    one_line(twinface_here("evaluate", tiny_run.path), "--protocol", "--pairs")
    one_line(twinface_here("evaluate", tiny_run.path, "--protocol", "view7"), "view7")
    one_line(twinface_here("evaluate", tiny_run.path, "--protocol", "view1"), "ORL", "view1")
    one_line(
        twinface_here("evaluate", tiny_run.path, "--pairs", tmp_path / "none.txt", "--root", tmp_path),
        "none.txt",
    )


def test_no_input_is_asked_for(tiny_run: RunFolder) -> None:
    environment = {**os.environ, "COLUMNS": "80"}
    result = subprocess.run(
        [sys.executable, "-m", "twinface", "verify"],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, env=environment, check=False,
    )  # fmt: skip
    assert result.returncode == 2
    assert "need two photos" in result.stderr
