"""Options that a command would not use are refused, and do not look as if they were used."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from shell import twinface, twinface_here
from twinface.datasets.load import load_dataset
from twinface.faces import extra_formats
from twinface.faces.picture import load_picture


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("verify", "--pairs", "a.csv", "--gallery", "g.db"), "not with --pairs"),
        (("verify", "--pairs", "a.csv", "--key-file", "key"), "not with --pairs"),
        (("verify", "a.jpg", "b.jpg", "--key-file", "key"), "--key-file goes with --gallery"),
        (("identify", "photos.txt", "--out", "a.csv", "--top", "5"), "--top goes with one photo"),
        (("cluster", "photos", "--out", "o", "--gallery", "g.db"), "go with --name"),
        (("cluster", "photos", "--out", "o", "--key-file", "key"), "go with --name"),
        (
            ("cluster", "photos", "--out", "o", "--name", "0=Ann", "--name", "0=Bob"),
            "--name 0=Bob: group 0 is named Ann already",
        ),
        (("recipes", "--json", "show", "default"), "--json goes after the command"),
    ],
)
def test_an_option_without_effect_is_refused(
    words: tuple[str, ...], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TWINFACE_GALLERY", raising=False)
    done = twinface_here(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in " ".join(done.stderr.split())
    assert list(tmp_path.iterdir()) == []


def test_an_option_of_the_whole_program_alone_prints_the_help() -> None:
    plain, debug = twinface(), twinface("--debug")
    assert (debug.returncode, debug.stderr) == (plain.returncode, plain.stderr)
    assert "verify" in debug.stderr


def test_a_model_is_adapted_to_photos_in_heic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pillow_heif = pytest.importorskip("pillow_heif", reason="needs twinface[heic]")
    monkeypatch.setattr(extra_formats, "_added", {})
    faces = load_dataset("orl").faces()
    for number, row in enumerate(range(0, 400, 8)):
        pixels = load_picture(faces.root / faces.paths[row], "rgb")
        pillow_heif.from_bytes("RGB", pixels.shape[1::-1], pixels.tobytes()).save(tmp_path / f"{number}.heic")
    words = ("--photos", tmp_path, "--out", tmp_path / "mine.json", "--json")
    done = twinface_here("adapt", "default", *words)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["faces"] == 50 - len(found["skipped"]) >= 40
