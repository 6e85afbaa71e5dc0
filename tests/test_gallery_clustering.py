"""Groups of faces: planted people are found, two faces of one photo stay apart, and the figures are those of a loop."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pages import Page
from photo_files import PEOPLE, write_faceless, write_photo
from shell import twinface_here
from toy_gallery import PixelModel, portrait, toy_gallery
from twinface.core.errors import DataError, ModelError
from twinface.core.types import IntArray
from twinface.evaluation.metrics.clustering import bcubed, pairwise
from twinface.recognition.gallery import photo_groups
from twinface.recognition.gallery.clustering import group_faces
from twinface.recognition.gallery.photo_groups import enroll_groups, group_photos, read_groups
from twinface.recognition.gallery.score_rates import score_rates

MODEL = PixelModel()
RATES = score_rates(MODEL.record)
labels = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=12)


@settings(deadline=None)
@given(labels)
def test_figures_of_groups_are_those_of_plain_loops(pairs: list[tuple[int, int]]) -> None:
    people, groups = zip(*pairs, strict=True)
    rows = range(len(pairs))
    precision, recall = [], []
    for row in rows:
        group = {other for other in rows if groups[other] == groups[row]}
        person = {other for other in rows if people[other] == people[row]}
        precision.append(len(group & person) / len(group))
        recall.append(len(group & person) / len(person))
    found = bcubed(people, groups)
    assert (found.precision, found.recall) == pytest.approx((np.mean(precision), np.mean(recall)))
    together = {pair for pair in itertools.combinations(rows, 2) if groups[pair[0]] == groups[pair[1]]}
    same = {pair for pair in itertools.combinations(rows, 2) if people[pair[0]] == people[pair[1]]}
    found = pairwise(people, groups)
    assert found.precision == pytest.approx(len(together & same) / len(together) if together else 1)
    assert found.recall == pytest.approx(len(together & same) / len(same) if same else 1)


def test_figures_need_as_many_groups_as_faces() -> None:
    with pytest.raises(DataError, match="need as many of both"):
        bcubed([1, 2], [1])
    with pytest.raises(DataError):
        pairwise([], [])
    assert bcubed([1], [5]).f == 1


def planted(people: int, photos: int) -> tuple[np.ndarray, IntArray]:
    """Embeddings, and whose each is."""
    pairs = [(person, photo) for person in range(people) for photo in range(photos)]
    faces = np.stack([portrait(person, photo) for person, photo in pairs])[..., None]
    return MODEL(faces), np.array([person for person, _ in pairs])


def test_planted_people_are_found() -> None:
    embeddings, people = planted(40, 4)
    order = np.random.default_rng(0).permutation(len(people))
    groups = group_faces(embeddings[order], np.arange(len(people)), MODEL.record, RATES)
    assert bcubed(people[order], groups).f == 1
    assert np.bincount(groups).tolist() == [4] * 40
    assert groups[0] == 0  # of equal groups, the one with the first face


def test_two_faces_of_one_photo_are_two_people() -> None:
    embeddings, _ = planted(1, 6)
    photos = np.array([0, 0, 1, 1, 2, 2])  # a mirror in each photo
    groups = group_faces(embeddings, photos, MODEL.record, RATES)
    assert all(groups[row] != groups[row + 1] for row in (0, 2, 4))
    assert np.bincount(groups).max() > 1


def test_no_faces_and_models_that_compare_otherwise() -> None:
    empty = group_faces(np.zeros((0, 256), np.float32), np.zeros(0, np.int64), MODEL.record, RATES)
    assert len(empty) == 0
    with pytest.raises(ModelError, match="compares embeddings by euclidean"):
        group_faces(*planted(2, 2), PixelModel(distance="euclidean").record, RATES)


def test_a_folder_is_grouped_looked_at_named_and_enrolled(real_lfw: Path, tmp_path: Path) -> None:
    people = ("George_W_Bush", "Colin_Powell")
    photos, out, place = tmp_path / "photos", tmp_path / "out", tmp_path / "g.db"
    for person in people:
        for number in (1, 2, 3):
            write_photo(photos / f"{person}-{number}.jpg", real_lfw, f"{person}/{number}")
    write_photo(photos / "both.jpg", real_lfw, *(f"{person}/7" for person in people), PEOPLE[1])
    write_faceless(photos / "nobody.png")
    done = twinface_here("cluster", photos, "--out", out, "--model", "sface", "--json")
    assert done.returncode == 2  # a photo without a face
    assert f"1 photo could not be used: {out / 'embeddings' / 'failed.jsonl'} says why" in done.stderr
    result = json.loads(done.stdout)
    assert (result["groups"], result["single"], len(result["faces"])) == (3, 1, 9)
    faces = read_groups(out / "groups.csv")
    for group in (0, 1):
        own = {face.file.partition("-")[0] for face in faces if face.group == group} - {"both.jpg"}
        assert len(own) == 1
    page = Page(out / "groups.html")
    page.check()
    assert len(page.attributes("src", "img")) == 8
    named = {face.file.partition("-")[0]: face.group for face in faces if "-" in face.file}
    words = [word for person, group in named.items() for word in ("--name", f"{group}={person}")]
    enrolled = twinface_here("cluster", photos, "--out", out, "--model", "sface", "--gallery", place, *words)
    assert enrolled.returncode == 0, enrolled.stderr
    found = twinface_here("identify", photos / "both.jpg", "--gallery", place, "--json")
    assert [face["name"] for face in json.loads(found.stdout)["faces"]] == [*people, None]
    wrong = twinface_here("cluster", photos, "--out", out, "--gallery", place, "--name", "99=Nobody")
    assert wrong.returncode == 2
    assert "has no group 99, need 0 to 2" in wrong.stderr


def test_a_model_that_does_not_say_how_a_face_must_lie_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "photos").mkdir()
    cv2.imwrite(str(tmp_path / "photos" / "a.png"), portrait(0))
    monkeypatch.setattr(photo_groups, "load_model", lambda place, threads: PixelModel())
    with pytest.raises(ModelError, match="pixels: its record does not say how a face must lie"):
        group_photos(tmp_path / "photos", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_of_photos_without_faces_no_group_can_be_enrolled(tmp_path: Path) -> None:
    write_faceless(tmp_path / "photos" / "nobody.png")
    group_photos(tmp_path / "photos", tmp_path / "out", "sface")
    with (
        toy_gallery(tmp_path / "g.db") as gallery,
        pytest.raises(DataError, match="has no group 0, no face was found"),
    ):
        enroll_groups(gallery, tmp_path / "photos", tmp_path / "out", {0: "Ann"})
