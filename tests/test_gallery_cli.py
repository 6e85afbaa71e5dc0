"""The commands of a gallery on real photos: what they print, and their exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import pytest

from photo_files import read_table, write_faceless, write_photo
from shell import twinface_here
from twinface.recognition.gallery.identification import POOR_FACE_NOTE

A, B, C = "George_W_Bush", "Colin_Powell", "Tony_Blair"


@pytest.fixture(scope="module")
def photos(real_lfw: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("photos")
    for person in (A, B, C):
        for number in (1, 2, 3, 4, 7):
            write_photo(root / f"{person}-{number}.jpg", real_lfw, f"{person}/{number}")
    write_photo(root / "both.jpg", real_lfw, f"{B}/5", f"{A}/5", "Aaron_Eckhart")
    write_photo(root / "tiny.jpg", real_lfw, f"{A}/6", scale=0.16)
    write_faceless(root / "nobody.png")
    return root


@pytest.fixture
def place(photos: Path, tmp_path: Path) -> Path:
    """A gallery of two people."""
    target = tmp_path / "g.db"
    for person in (A, B):
        done = twinface_here(
            *("enroll", person, photos / f"{person}-1.jpg", photos / f"{person}-2.jpg"),
            *("--gallery", target, "--model", "sface"),
        )
        assert done.returncode == 0, done.stderr
        assert f"{person}: 2 of 2 photos enrolled (new)" in done.stdout
    return target


def test_a_photo_of_three_is_identified_face_by_face(place: Path, photos: Path) -> None:
    found = twinface_here("identify", photos / "both.jpg", "--gallery", place, "--json")
    assert found.returncode == 0, found.stderr
    answer = json.loads(found.stdout)
    assert [face["name"] for face in answer["faces"]] == [B, A, None]
    assert (answer["people"], answer["model"]) == (2, "sface")
    for face in answer["faces"]:
        assert sum(each["probability"] for each in face["candidates"]) + face["nobody"] <= 1 + 1e-9
    shown = twinface_here("identify", photos / "both.jpg", "--gallery", place, "--top", 1).stdout
    assert "Nobody I know: face 3" in shown
    assert f"* {B}: probability" in shown
    assert "labelled outside data" in shown
    assert "Measured: FPIR" in shown
    assert answer["rates"] in shown
    assert twinface_here("identify", photos / f"{C}-1.jpg", "--gallery", place).returncode == 1
    assert twinface_here("identify", photos / "nobody.png", "--gallery", place).returncode == 2


def test_of_a_poor_face_it_says_that_the_rates_do_not_hold(place: Path, photos: Path, tmp_path: Path) -> None:
    blurred = tmp_path / "blurred.png"
    cv2.imwrite(str(blurred), cv2.GaussianBlur(cv2.imread(str(photos / f"{A}-3.jpg")), (0, 0), 5))
    assert POOR_FACE_NOTE in twinface_here("identify", blurred, "--gallery", place).stdout
    assert POOR_FACE_NOTE not in twinface_here("identify", photos / f"{A}-3.jpg", "--gallery", place).stdout


def test_a_person_is_verified_by_name(place: Path, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    same = twinface_here("verify", A, photos / f"{A}-3.jpg", "--gallery", place)
    assert same.returncode == 0, same.stderr
    assert "Same person" in same.stdout
    other = twinface_here("verify", A, photos / f"{B}-3.jpg", "--gallery", place, "--json")
    assert (other.returncode, json.loads(other.stdout)["same"]) == (1, False)
    assert twinface_here("verify", C, photos / f"{C}-3.jpg", "--gallery", place).returncode == 2
    wanted = twinface_here(
        "verify", A, photos / f"{A}-3.jpg", "--gallery", place, "--far", "0.0001", "--json"
    )
    assert json.loads(wanted.stdout)["threshold"] > json.loads(other.stdout)["threshold"]
    blurred = photos / "blurred.png"
    cv2.imwrite(str(blurred), cv2.GaussianBlur(cv2.imread(str(photos / f"{A}-3.jpg")), (0, 0), 5))
    poor = twinface_here("verify", A, blurred, "--gallery", place)
    assert "--any-quality" in poor.stdout
    judged = twinface_here("verify", A, blurred, "--gallery", place, "--any-quality", "--json")
    assert json.loads(judged.stdout)["outcome"] != "poor_quality"
    blurred.unlink()
    file = twinface_here("verify", photos / f"{A}-1.jpg", photos / f"{A}-3.jpg", "--gallery", place)
    assert "the first argument is a person's name" in " ".join(file.stderr.split())
    monkeypatch.setenv("TWINFACE_GALLERY", str(place))
    assert twinface_here("verify", A, photos / f"{A}-3.jpg").returncode == 0
    typo = twinface_here("verify", "typo.jpg", photos / f"{A}-3.jpg")
    assert "typo.jpg: there is no such file; and nobody in the gallery" in typo.stderr
    # A file is a photo, unless --gallery says otherwise.
    both = twinface_here("verify", photos / f"{A}-1.jpg", photos / f"{A}-3.jpg", "--model", "sface")
    assert both.returncode == 0, both.stderr


def test_photos_are_refused_with_reasons(place: Path, photos: Path) -> None:
    several = [photos / name for name in ("tiny.jpg", "nobody.png", f"{B}-4.jpg", f"{A}-7.jpg")]
    done = twinface_here("enroll", A, *several, "--gallery", place, "--json")
    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout)["photos"]
    assert [photo["accepted"] for photo in results] == [False, False, False, True]
    assert "too small" in results[0]["reasons"][0]
    assert results[1]["reasons"] == ["no face was found"]
    assert "does not look like the person's other photos" in results[2]["reasons"][0]
    strict = twinface_here("enroll", C, photos / "both.jpg", "--gallery", place, "--review", "strict")
    assert strict.returncode == 2
    assert "a strict review needs photos of one" in strict.stdout


def test_two_faces_of_one_photo_are_never_one_person(place: Path, photos: Path) -> None:
    for face, person in ((1, B), (2, A)):
        said = twinface_here(
            "gallery", "confirm", person, photos / "both.jpg", "--face", face, "--gallery", place
        )
        assert said.returncode == 0, said.stderr
    again = twinface_here("gallery", "confirm", A, photos / "both.jpg", "--face", 1, "--gallery", place)
    assert again.returncode == 2
    assert "two faces of one photo are two people" in again.stderr
    merged = twinface_here("merge", A, B, "--gallery", place)
    assert merged.returncode == 2
    assert "are on one photo" in merged.stderr


def test_people_are_listed_shown_renamed_and_forgotten(place: Path) -> None:
    listed = json.loads(twinface_here("people", "--gallery", place, "--json").stdout)
    assert [(person["name"], person["faces"]) for person in listed] == [(A, 2), (B, 2)]
    page = twinface_here("people", "--gallery", place, "--limit", 1, "--after", listed[0]["id"])
    assert B in page.stdout
    assert A not in page.stdout
    shown = json.loads(twinface_here("show", A, "--gallery", place, "--json").stdout)
    assert len(shown["faces"]) == 2
    split = twinface_here("split", A, "Third", "--faces", shown["faces"][0]["id"], "--gallery", place)
    assert split.returncode == 0, split.stderr
    assert twinface_here("merge", A, "Third", "--gallery", place).returncode == 0
    assert twinface_here("rename", A, "The President", "--gallery", place).returncode == 0
    refused = twinface_here("forget", "The President", "--gallery", place)
    assert refused.returncode == 2
    assert "--yes" in refused.stderr
    forgotten = twinface_here("forget", "the president", "--gallery", place, "--yes")
    assert forgotten.returncode == 0, forgotten.stderr
    assert A.encode() not in place.read_bytes()
    stats = json.loads(twinface_here("gallery", "stats", "--gallery", place, "--json").stdout)
    assert (stats["people"], stats["faces"], stats["model"]) == (1, 2, "sface")
    assert twinface_here("gallery", "check", "--gallery", place).stdout == "sound\n"
    log = json.loads(twinface_here("gallery", "audit", "--gallery", place, "--json").stdout)
    assert [entry["what"] for entry in log][-2:] == ["rename", "forget"]


def test_an_encrypted_gallery_from_the_shell(photos: Path, tmp_path: Path) -> None:
    key, place = tmp_path / "key", tmp_path / "g.db"
    assert twinface_here("gallery", "key", key).returncode == 0
    done = twinface_here(
        "enroll", A, photos / f"{A}-1.jpg", "--gallery", place, "--key-file", key, "--model", "sface"
    )
    assert done.returncode == 0, done.stderr
    assert A.encode() not in place.read_bytes()
    locked = twinface_here("people", "--gallery", place)
    assert locked.returncode == 2
    assert "needs a key" in locked.stderr
    assert A in twinface_here("people", "--gallery", place, "--key-file", key).stdout


def test_what_is_not_there_is_said(tmp_path: Path, photos: Path) -> None:
    found = twinface_here("identify", photos / f"{A}-1.jpg", "--gallery", tmp_path / "none.db")
    assert found.returncode == 2
    assert "found no gallery there: `twinface enroll NAME PHOTO` makes one" in found.stderr
    (tmp_path / "no gallery.db").write_bytes(b"hello, this is not a database" * 100)
    found = twinface_here("people", "--gallery", tmp_path / "no gallery.db")
    assert found.returncode == 2
    assert "is no gallery, or is damaged" in found.stderr


def test_a_folder_is_identified_into_a_table_and_continued(place: Path, photos: Path, tmp_path: Path) -> None:
    (photos / "damaged.jpg").write_bytes(b"no picture")
    table = tmp_path / "who.csv"
    try:
        done = twinface_here("identify", photos, "--gallery", place, "--out", table, "--json")
    finally:
        (photos / "damaged.jpg").unlink()
    assert done.returncode == 2
    assert "1 of 19 photos could not be read" in done.stderr
    result = json.loads(done.stdout)
    rows = read_table(table)
    assert (result["pictures"], result["unreadable"], result["faces"]) == (19, 1, 19)
    assert set(result["people"]) == {A, B}
    found = {(row["file"], row["number"]): row["name"] for row in rows}
    assert found["both.jpg", "1"] == B
    assert found["both.jpg", "3"] == ""
    assert found[f"{C}-1.jpg", "1"] == ""
    assert found[f"{A}-3.jpg", "1"] == A
    assert found["nobody.png", "0"] == ""
    whole = table.read_bytes()
    (photos / "damaged.jpg").write_bytes(b"no picture")
    table.write_bytes(whole[: len(whole) // 2])
    try:
        again = twinface_here("identify", photos, "--gallery", place, "--out", table, "--json")
        assert table.read_bytes() == whole
        assert json.loads(again.stdout) == result
        twinface_here("forget", A, "--gallery", place, "--yes")
        refused = twinface_here("identify", photos, "--gallery", place, "--out", table)
    finally:
        (photos / "damaged.jpg").unlink()
    assert refused.returncode == 2
    assert "generation" in refused.stderr
    assert "need --out" in " ".join(twinface_here("identify", photos, "--gallery", place).stderr.split())


def test_a_gallery_is_certified(place: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    done = twinface_here("gallery", "certify", "--gallery", place, "--out", page, "--traffic", 50)
    assert done.returncode == 0, done.stderr
    assert "2 people, 4 faces, model sface; threshold" in done.stdout
    assert "strangers taken for somebody: 0.0000 [" in done.stdout
    assert "own people missed: 0.0000 [" in done.stdout
    assert "false alarms a day at 50 strangers" in done.stdout
    assert A in page.read_text(encoding="utf-8")
