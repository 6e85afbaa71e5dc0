"""The search proposes who a plain loop finds, for each distance, with and without a copy on the disk."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from toy_gallery import PixelModel, portrait, toy_gallery
from twinface.core.types import Float32Array
from twinface.models.distances import DISTANCES
from twinface.recognition.gallery import search
from twinface.recognition.gallery.fusion import fuse
from twinface.recognition.gallery.gallery import Gallery
from twinface.recognition.gallery.ranking import prepare_templates, rank
from twinface.recognition.gallery.search_copy import (
    TOKEN,
    CopyHeader,
    copy_file,
    erase_from_copy,
    read_copy,
    write_copy,
)
from twinface.recognition.gallery.sqlite import SqliteStore


@pytest.mark.parametrize("distance", DISTANCES)
def test_the_highest_scores_are_those_of_a_plain_loop(distance: str) -> None:
    random = np.random.default_rng(0)
    record = PixelModel(distance=distance).record
    if distance == "weighted-l1":
        record.distance_parameters["weight"] = random.random(256).astype(np.float32)
    templates = random.normal(size=(60, 256)).astype(np.float32) * random.random((60, 1)).astype(np.float32)
    faces = random.normal(size=(4, 256)).astype(np.float32)
    found = rank(prepare_templates(templates, distance), faces, 7, record)
    for face, (rows, values) in zip(faces, found, strict=True):
        scores = [float(record.score(template, face)) for template in templates]
        expected = sorted(range(60), key=lambda row: -scores[row])
        # Rounded to bytes: neighbours may change places.
        assert set(expected[:4]) <= set(rows.tolist()) <= set(expected[:10])
        assert (np.diff(values) <= 0).all()
    few = rank(prepare_templates(templates[:3], distance), faces, 7, record)
    assert [len(rows) for rows, _ in few] == [3] * 4
    assert len(rank(prepare_templates(templates[:0], distance), faces, 7, record)[0][0]) == 0


def test_products_of_bytes_are_close_to_cosines() -> None:
    random = np.random.default_rng(1)
    record = PixelModel().record
    templates, faces = (random.normal(size=(count, 256)).astype(np.float32) for count in (3000, 5))
    found = rank(prepare_templates(templates, "cosine"), faces, 3000, record)
    for face, (rows, values) in zip(faces, found, strict=True):
        assert np.abs(values - record.score(templates[rows], face)).max() < 0.005


@pytest.mark.parametrize("count", [1, 8, 9, 2000, 9500])
def test_of_many_people_the_nearest_are_the_first_of_all(count: int) -> None:
    random = np.random.default_rng(2)
    record = PixelModel().record
    templates = random.normal(size=(9500, 256)).astype(np.float32)
    templates[40:60] = templates[30]  # ties
    faces = np.stack([templates[30], templates[9499], templates[5000]])  # 9499 is in no whole block
    prepared = prepare_templates(templates, "cosine")
    for some, everyone in zip(
        rank(prepared, faces, count, record), rank(prepared, faces, 9500, record), strict=True
    ):
        assert some[0].tolist() == everyone[0][:count].tolist()
        assert some[1].tolist() == everyone[1][:count].tolist()


def test_a_template_is_the_mean_by_quality() -> None:
    vectors = np.array([[3.0, 0.0, 0.5], [0.0, 1.0, 0.1]], np.float32)
    assert fuse(vectors, [30, 90], "cosine") == pytest.approx(
        [0.25 * 3 / 9.25**0.5, 0.75 / 1.01**0.5, 0.25 * 0.5 / 9.25**0.5 + 0.75 * 0.1 / 1.01**0.5], abs=1e-6
    )
    assert fuse(vectors, [30, 90], "local-cosine") == pytest.approx([0.25, 0.75, 0.2])
    assert fuse(vectors, [30, 90], "euclidean") == pytest.approx([0.75, 0.75, 0.2])
    assert np.linalg.norm(fuse(vectors[:1], [0], "cosine")) == pytest.approx(1)
    assert fuse(vectors[:1], [0], "euclidean").tolist() == vectors[0].tolist()
    assert fuse(vectors, [0, 0], "euclidean") == pytest.approx(vectors.mean(axis=0))


def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Gallery:
    monkeypatch.setattr(search, "COPY_FROM", 5)
    gallery = toy_gallery(tmp_path / "g.db")
    for number in range(12):
        gallery.enroll(f"person {number}", portrait(number))
    toy_gallery(tmp_path / "g.db").identify(portrait(0))
    assert copy_file(tmp_path / "g.db").exists()
    return gallery


def names(gallery: Gallery, people: range) -> list[str | None]:
    return [gallery.identify(portrait(number, 3)).faces[0].name for number in people]


def test_a_copy_finds_what_the_tables_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gallery = copied(tmp_path, monkeypatch)
    gallery.enroll("person 12", portrait(12))
    gallery.forget("person 3")
    gallery.rename("person 5", "another")
    expected = [f"person {number}" for number in range(13)]
    expected[3], expected[5] = None, "another"  # type: ignore[call-overload]
    again = toy_gallery(tmp_path / "g.db")
    reads: list[int] = []
    monkeypatch.setattr(again.store, "templates", lambda *_: reads.append(1) or [])
    assert names(again, range(13)) == expected
    assert reads == []  # the copy was used


@pytest.mark.parametrize("damage", ["cut", "header", "other model", "empty"])
def test_a_damaged_copy_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str) -> None:
    copied(tmp_path, monkeypatch).close()
    file = copy_file(tmp_path / "g.db")
    content = file.read_bytes()
    file.write_bytes(
        {
            "cut": content[:-1],
            "header": b"x" + content[1:],
            "other model": content.replace(b"f" * 64, b"e" * 64),
            "empty": b"",
        }[damage]
    )
    assert names(toy_gallery(tmp_path / "g.db"), range(12)) == [f"person {number}" for number in range(12)]
    gallery = toy_gallery(tmp_path / "g.db")
    gallery.forget("person 3")
    assert names(gallery, range(2, 5)) == ["person 2", None, "person 4"]


def test_a_copy_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    templates: Float32Array = np.random.default_rng(0).normal(size=(20, 6)).astype(np.float32)
    prepared = prepare_templates(templates, "euclidean")
    header = CopyHeader("model", 5, "token", 20, 6)
    store = SqliteStore(tmp_path / "g.db")
    with store.write():
        store.set_info(TOKEN, "token")
        write_copy(tmp_path / "g.db", header, np.arange(1, 21), prepared)
    found = read_copy(tmp_path / "g.db", "model", "token", 6)
    assert found is not None
    assert found[0] == header
    assert found[1].tolist() == list(range(1, 21))
    for name in ("rows", "scale", "less"):
        assert (getattr(found[2], name) == getattr(prepared, name)).all()
    erase_from_copy(store, tmp_path / "g.db", [3, 20, 99])
    token = store.info()[TOKEN]
    assert token != "token"
    erased = read_copy(tmp_path / "g.db", "model", token, 6)
    assert erased is not None
    assert [place for place, id in enumerate(erased[1].tolist()) if not id] == [2, 19]
    assert not erased[2].rows[[2, 19]].any()
    assert (erased[2].rows[3:19] == prepared.rows[3:19]).all()
    assert read_copy(tmp_path / "g.db", "model", token, 7) is None
    assert read_copy(tmp_path / "g.db", "model", "token", 6) is None
    assert read_copy(tmp_path / "none.db", "model", token, 6) is None
    erase_from_copy(store, tmp_path / "g.db", [3, 99])  # nobody of them is there
    assert store.info()[TOKEN] == token
    store.close()


def restored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, copy_is_new: bool) -> Gallery:
    """A gallery from whose copy somebody is gone, whose backup of before is put back."""
    monkeypatch.setattr(search, "_MOST_HIDDEN", 5 if copy_is_new else 1000)
    gallery = copied(tmp_path, monkeypatch)
    gallery.backup(tmp_path / "backup.db")
    gallery.forget("person 3")
    if copy_is_new:  # more has changed than is read beside the copy
        for number in range(20, 30):
            gallery.enroll(f"person {number}", portrait(number))
    with toy_gallery(tmp_path / "g.db") as again:
        assert names(again, range(3, 5)) == [None, "person 4"]
    gallery.close()
    for end in ("", "-wal", "-shm"):
        (tmp_path / f"g.db{end}").unlink(missing_ok=True)
    shutil.copy(tmp_path / "backup.db", tmp_path / "g.db")
    return toy_gallery(tmp_path / "g.db")


@pytest.mark.parametrize("copy_is_new", [False, True])
def test_a_backup_that_is_put_back_is_not_searched_with_the_copy_of_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, copy_is_new: bool
) -> None:
    gallery = restored(tmp_path, monkeypatch, copy_is_new)
    assert names(gallery, range(12)) == [f"person {number}" for number in range(12)]
    assert gallery.identify(portrait(0)).people == len(gallery) == 12


def test_a_search_works_where_the_copy_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gallery = copied(tmp_path, monkeypatch)
    with gallery.store.write():  # as a process that died before it came to the copy
        gallery.store.remove_person(gallery.contents.find("person 3").id)
    again = toy_gallery(tmp_path / "g.db")
    again.store._open.execute("PRAGMA busy_timeout = 100")  # type: ignore[attr-defined]
    with SqliteStore(tmp_path / "g.db").write():
        assert names(again, range(2, 5)) == ["person 2", None, "person 4"]
