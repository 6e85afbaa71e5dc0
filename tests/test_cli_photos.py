"""`verify`, `detect` and `explain` on photos, as their users meet them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

import twinface
from conftest import TRAINING
from pages import Page
from shell import twinface_here
from twinface.core.types import ByteArray
from twinface.datasets.load import load_dataset
from twinface.faces.decode import decode
from twinface.faces.picture import load_picture

MODEL = ("--model", Path(twinface.__file__).parent / "models" / "shipped" / "default.onnx")


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two photos of Ann, one of Bob, one of Bob (larger) with Ann, and one of nobody."""
    faces = load_dataset("orl").faces()
    ann, again, bob = (load_picture(faces.root / faces.paths[row], "rgb") for row in (0, 1, 10))
    larger = np.asarray(cv2.resize(bob, None, fx=1.6, fy=1.6), np.uint8)
    pictures = {
        "ann": on_paper(ann),
        "again": on_paper(again),
        "bob": on_paper(bob),
        "both": np.hstack([on_paper(ann), on_paper(larger)]),
        "nobody": on_paper(ann[:20, :20]),
    }
    folder = tmp_path_factory.mktemp("photos")
    for name, pixels in pictures.items():
        cv2.imwrite(str(folder / f"{name}.png"), pixels)
    return {name: folder / f"{name}.png" for name in pictures}


def on_paper(face: ByteArray) -> ByteArray:
    paper = np.full((240, 260, 3), 128, np.uint8)
    paper[30 : 30 + face.shape[0], 50 : 50 + face.shape[1]] = face
    return paper


def test_verify_says_who_model_and_faces(photos: dict[str, Path]) -> None:
    same = twinface_here("verify", photos["ann"], photos["again"], *MODEL)
    assert same.returncode == 0, same.stderr
    lines = same.stdout.splitlines()
    assert lines[0].startswith("Same person: the score")
    assert lines[1].startswith("Model default: trained on 3634 people of LFW-a; threshold chosen on")
    assert "of 10,000 pairs of strangers score this high" in lines[2]
    assert [line.split(":")[0] for line in lines[3:5]] == ["ann.png", "again.png"]
    assert "1 face; quality" in lines[3]
    different = twinface_here("verify", photos["ann"], photos["both"], *MODEL)
    assert different.returncode == 1, different.stderr
    assert "both.png: 2 faces, number 1 (the largest) compared; quality" in different.stdout
    assert "The second photo has 2 faces" not in different.stdout + different.stderr


def test_verify_as_json(photos: dict[str, Path]) -> None:
    result = twinface_here("verify", photos["ann"], photos["both"], *MODEL, "--json")
    assert result.returncode == 1
    values = json.loads(result.stdout)
    assert values == twinface.Verifier(MODEL[1]).verify(photos["ann"], photos["both"]).to_dict() | {
        "seconds": values["seconds"]
    }
    assert (values["same"], values["outcome"]) == (False, "different")
    assert [face["found"] for face in values["faces"]] == [1, 2]
    assert values["trained_on"] == "3634 people of LFW-a"


def test_which_face_is_meant(photos: dict[str, Path]) -> None:
    both = photos["both"]
    second = twinface_here("verify", both, both, *MODEL, "--face", 2, "--json")
    assert second.returncode == 0
    values = json.loads(second.stdout)
    assert [face["number"] for face in values["faces"]] == [2, 2]
    for more, said in (
        (("--faces", "one"), "Cannot tell: several faces"),
        (("--face", 3), "Cannot tell: no face"),
    ):
        result = twinface_here("verify", both, photos["ann"], *MODEL, *more)
        assert result.returncode == 2
        assert result.stdout.startswith(said)
    largest = twinface_here("verify", both, photos["bob"], *MODEL, "--faces", "largest")
    assert largest.returncode == 0


def test_no_face_is_an_outcome_of_its_own(photos: dict[str, Path], tmp_path: Path) -> None:
    show = tmp_path / "why.html"
    result = twinface_here("verify", photos["ann"], photos["nobody"], *MODEL, "--json", "--show", show)
    assert result.returncode == 2
    values = json.loads(result.stdout)
    assert (values["same"], values["outcome"], values["score"]) == (None, "no_face", None)
    page = Page(show)
    page.check()
    assert "Cannot tell: no face" in page.text
    aligned = twinface_here("verify", photos["ann"], photos["nobody"], *MODEL, "--aligned")
    assert aligned.returncode in (0, 1)
    assert "nobody.png: taken as it is" in aligned.stdout


def test_verify_shows_a_picture_or_a_page(photos: dict[str, Path], tmp_path: Path) -> None:
    plain = twinface_here("verify", photos["ann"], photos["again"], *MODEL)
    for name in ("new/pair.png", "pair.html"):
        result = twinface_here("verify", photos["ann"], photos["again"], *MODEL, "--show", tmp_path / name)
        assert (result.returncode, result.stdout) == (0, plain.stdout)
        assert result.stderr.endswith(f"shown: {tmp_path / name}\n")
    assert decode((tmp_path / "new" / "pair.png").read_bytes(), "rgb", "drawn").shape[1] == 1056
    page = Page(tmp_path / "pair.html")
    page.check()
    assert "ann.png" in page.text
    wrong = twinface_here("verify", photos["ann"], photos["again"], *MODEL, "--show", tmp_path / "a.gif")
    assert wrong.returncode == 2
    assert "need a name that ends in .png (a picture) or .html (a page)" in wrong.stderr
    assert wrong.stdout == ""


def test_showing_needs_no_library_for_training(photos: dict[str, Path], tmp_path: Path) -> None:
    for name in ("pair.png", "pair.html"):
        words = ["twinface", "verify", photos["ann"], photos["again"], *MODEL, "--show", tmp_path / name]
        program = (
            "import sys\n"
            f"for name in {sorted(TRAINING)!r}: sys.modules[name] = None\n"
            f"sys.argv = {[str(word) for word in words]!r}\n"
            "from twinface.cli import main; main()"
        )
        result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stderr
        assert (tmp_path / name).stat().st_size


def test_a_bad_file_is_an_error_also_where_the_other_photo_has_no_face(
    photos: dict[str, Path], tmp_path: Path
) -> None:
    both = twinface_here("verify", photos["nobody"], photos["nobody"], *MODEL, "--json")
    assert len(json.loads(both.stdout)["notes"]) == 2
    result = twinface_here("verify", photos["nobody"], tmp_path / "missing.jpg", *MODEL)
    assert (result.returncode, result.stdout) == (2, "")
    assert "missing.jpg: no such file" in result.stderr


def test_verify_needs_two_photos_or_a_file_of_pairs(photos: dict[str, Path], tmp_path: Path) -> None:
    for words, said in (
        ((photos["ann"],), "need two photos, or --pairs FILE"),
        ((photos["ann"], photos["bob"], "--out", "a.csv"), "go with --pairs"),
        ((photos["ann"], photos["bob"], "--pairs", "a.csv"), "takes neither photos"),
        (("--pairs", "a.csv", "--json"), "needs --out"),
    ):
        result = twinface_here("verify", *words, *MODEL)
        assert result.returncode == 2
        assert said in " ".join(result.stderr.split())
    missing = twinface_here("verify", photos["ann"], tmp_path / "missing.jpg", *MODEL)
    assert missing.returncode == 2
    assert "missing.jpg: no such file" in missing.stderr


def test_a_list_of_photos_needs_a_table(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("ann.png\n")
    result = twinface_here("detect", tmp_path / "list.txt")
    assert result.returncode == 2
    assert "many photos need --out FILE.csv" in " ".join(result.stderr.split())


def test_pairs_of_no_folder_are_refused(tmp_path: Path) -> None:
    (tmp_path / "pairs.csv").write_text("left,right\na.png,b.png\n")
    result = twinface_here("verify", "--pairs", tmp_path / "pairs.csv", "--root", tmp_path / "none", *MODEL)
    assert result.returncode == 2
    assert "none: there is no such folder, need the one that paths in" in result.stderr


def test_explain_takes_the_wanted_rates(photos: dict[str, Path]) -> None:
    words = ("explain", photos["ann"], photos["again"], *MODEL, "--json")
    plain, wanted = (json.loads(twinface_here(*words, *more).stdout) for more in ((), ("--far", "0.01")))
    assert wanted["threshold"] > plain["threshold"]


def test_verify_the_pairs_of_a_file(photos: dict[str, Path], tmp_path: Path) -> None:
    pairs = tmp_path / "pairs.csv"
    pairs.write_text("left,right\nann.png,again.png\nann.png,bob.png\n")
    root = photos["ann"].parent
    out = tmp_path / "verdicts.jsonl"
    result = twinface_here("verify", "--pairs", pairs, "--root", root, "--out", out, *MODEL, "--json")
    assert result.returncode == 0, result.stderr
    counts = json.loads(result.stdout)
    assert (counts["pairs"], counts["same"], counts["different"]) == (2, 1, 1)
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert [row["outcome"] for row in rows] == ["same", "different"]
    pairs.write_text("left,right\nann.png,nobody.png\nann.png,both.png\n")
    one = twinface_here(
        "verify", "--pairs", pairs, "--root", root, "--out", tmp_path / "b.csv", "--faces", "one", *MODEL
    )
    assert one.returncode == 2
    assert "2 of 2 pairs could not be told: 1 without a face, 1 with several" in one.stderr


def test_detect_lists_faces(photos: dict[str, Path], tmp_path: Path) -> None:
    found = twinface_here("detect", photos["both"])
    assert found.returncode == 0, found.stderr
    lines = found.stdout.splitlines()
    assert lines[0] == "both.png: 2 faces"
    assert [line.split(":")[0] for line in lines[1:]] == ["face 1", "face 2"]
    values = json.loads(twinface_here("detect", photos["both"], "--json").stdout)
    assert (values["photo"], values["width"], values["height"]) == (str(photos["both"]), 520, 240)
    large, small = values["faces"]
    assert large["box"][0] > 260 > small["box"][0] + small["box"][2]
    assert len(large["landmarks"]) == 5
    assert large["score"] > 0.6
    assert large["quality"]["word"] in ("good", "usable", "poor")
    for name in ("a.png", "a.html"):
        shown = twinface_here("detect", photos["both"], "--show", tmp_path / name)
        assert (shown.returncode, shown.stdout) == (0, found.stdout)
    Page(tmp_path / "a.html").check()


def test_detect_without_a_face_and_without_a_photo(photos: dict[str, Path], tmp_path: Path) -> None:
    none = twinface_here("detect", photos["nobody"], "--show", tmp_path / "a.html")
    assert (none.returncode, none.stdout) == (1, "nobody.png: no face\n")
    assert "No face found" in Page(tmp_path / "a.html").text
    (tmp_path / "text.jpg").write_text("hello")
    for name in ("missing.jpg", "text.jpg"):
        bad = twinface_here("detect", tmp_path / name)
        assert bad.returncode == 2
        assert name in bad.stderr


def test_detect_a_folder(photos: dict[str, Path], tmp_path: Path) -> None:
    folder, out = photos["ann"].parent, tmp_path / "faces.csv"
    assert twinface_here("detect", folder).returncode == 2
    result = twinface_here("detect", folder, "--out", out)
    assert result.returncode == 0, result.stderr
    assert result.stdout == f"{out}: 5 faces in 5 photos, 1 without a face\n"
    assert out.read_text().count("both.png") == 2


def test_explain_takes_the_face_that_is_asked_for(photos: dict[str, Path]) -> None:
    result = twinface_here("explain", photos["both"], photos["both"], *MODEL, "--face", 2, "--json")
    assert result.returncode == 0, result.stderr
    values = json.loads(result.stdout)
    assert [face["number"] for face in values["faces"]] == [2, 2]
    assert np.array(values["grid"]["left"]).max() > 0
    none = twinface_here("explain", photos["ann"], photos["nobody"], *MODEL)
    assert none.returncode == 2
    assert "nobody.png: no face was found" in none.stderr
