"""People leave a gallery as a file and come back the same, into any store and under any key."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path

import numpy as np
import pytest

from shell import twinface_here
from toy_gallery import NEW_STORES, PixelModel, portrait, toy_gallery
from twinface.core.errors import DataError, GalleryError, ModelMismatchError, NameTakenError
from twinface.recognition.gallery.contents import GallerySettings
from twinface.recognition.gallery.gallery import Gallery
from twinface.recognition.gallery.transfer import Imported

KEY = bytes(range(32))


@pytest.fixture
def source(tmp_path: Path) -> Gallery:
    gallery = toy_gallery(tmp_path / "source.db", create=GallerySettings(keep_crops=True))
    for number, name in enumerate(("Ann", "Bob", "Zoë")):
        gallery.enroll(name, portrait(number), portrait(number, 1))
    gallery.reject("Ann", portrait(0, 7))
    return gallery


def same_people(first: Gallery, second: Gallery) -> None:
    assert [(person.name, person.created, person.faces) for person in first] == [
        (person.name, person.created, person.faces) for person in second
    ]
    for name in (person.name for person in first):
        one, other = first.contents.find(name), second.contents.find(name)
        assert (first.contents.vector(one.template) == second.contents.vector(other.template)).all()
    for number in range(4):
        assert (
            first.identify(portrait(number, 7)).faces[0].name
            == second.identify(portrait(number, 7)).faces[0].name
        )


@pytest.mark.parametrize("key", [None, KEY])
def test_an_export_comes_back_the_same(source: Gallery, tmp_path: Path, key: bytes | None) -> None:
    assert source.export(tmp_path / "people.jsonl") == 3
    target = toy_gallery(tmp_path / "target.db", key=key, create=GallerySettings(keep_crops=True))
    assert target.import_people(tmp_path / "people.jsonl") == Imported(people=3, faces=6, skipped=0)
    same_people(source, target)
    assert target.stats().crops == 6
    assert target.show("Ann").rejected == 1
    assert target.import_people(tmp_path / "people.jsonl") == Imported(people=0, faces=0, skipped=3)
    target.export(tmp_path / "again.jsonl")
    assert (tmp_path / "again.jsonl").read_bytes() == (tmp_path / "people.jsonl").read_bytes()


@pytest.mark.parametrize("store", NEW_STORES)
def test_a_gallery_is_copied_into_every_store_and_back(source: Gallery, tmp_path: Path, store: str) -> None:
    made = NEW_STORES[store](tmp_path)
    place = getattr(made, "url", made.place)
    made.close()
    target = toy_gallery(place, key=KEY)
    assert source.copy_to(target).people == 3
    same_people(source, target)
    back = toy_gallery(tmp_path / "back.db")
    target.copy_to(back)
    same_people(source, back)
    target.close()


def test_embeddings_of_another_model_are_refused(source: Gallery, tmp_path: Path) -> None:
    model = PixelModel("other")
    model.fingerprint = "e" * 64
    other = toy_gallery(tmp_path / "other.db", model=model)
    other.enroll("Cleo", portrait(9))
    with pytest.raises(ModelMismatchError, match="has embeddings of other, and these are of pixels"):
        source.copy_to(other)
    assert len(other) == 1
    empty = toy_gallery(tmp_path / "empty.db")
    with pytest.raises(GalleryError, match="nobody is enrolled yet"):
        empty.export(tmp_path / "none.jsonl")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda head, person: (head | {"format": "2"}, person), "is no export of a gallery"),
        (lambda head, person: ([], person), "line 1: found"),
        (lambda head, person: (head, person | {"name": ""}), "line 2: .* cannot be a name"),
        (lambda head, person: (head, {"name": "Ann"}), 'line 2: "created" is missing'),
        (
            lambda head, person: (head, person | {"faces": [person["faces"][0] | {"vector": "AAAA"}]}),
            "damaged",
        ),
        (
            lambda head, person: (
                head,
                person
                | {
                    "faces": [
                        person["faces"][0]
                        | {"vector": base64.b64encode(np.full(256, np.nan, np.float32).tobytes()).decode()}
                    ]
                },
            ),
            "need 256 finite numbers",
        ),
    ],
)
def test_a_damaged_export_is_named(source: Gallery, tmp_path: Path, change, message: str) -> None:
    source.export(tmp_path / "people.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "people.jsonl").read_text().splitlines()]
    head, person = change(lines[0], lines[1])
    (tmp_path / "bad.jsonl").write_text(f"{json.dumps(head)}\n{json.dumps(person)}\n")
    target = toy_gallery(tmp_path / "target.db")
    with pytest.raises(DataError, match=message):
        target.import_people(tmp_path / "bad.jsonl")
    assert len(target) == 0


def test_from_the_shell(source: Gallery, tmp_path: Path) -> None:
    source.close()
    place, file = tmp_path / "source.db", tmp_path / "people.jsonl"
    assert twinface_here("gallery", "export", file, "--gallery", place).returncode == 0
    done = twinface_here("gallery", "import", file, "--gallery", tmp_path / "b.db", "--json")
    assert json.loads(done.stdout) == {"people": 3, "faces": 6, "skipped": 0}
    copied = twinface_here("gallery", "copy", place, tmp_path / "c.db")
    assert copied.returncode == 0, copied.stderr
    assert "Zoë" in twinface_here("people", "--gallery", tmp_path / "c.db").stdout
    assert twinface_here("gallery", "backup", tmp_path / "d.db", "--gallery", place).returncode == 0
    assert "Zoë" in twinface_here("people", "--gallery", tmp_path / "d.db").stdout


def test_embeddings_are_enrolled_all_or_none(source: Gallery) -> None:
    people = PixelModel()(np.stack([portrait(number) for number in range(20, 270)])[..., None])
    names = [f"number {number}" for number in range(20, 270)]
    assert source.import_embeddings(names, people) == 250
    assert source.identify(portrait(123, 1)).faces[0].name == "number 123"
    assert source.show("number 20").faces[0].quality == 50
    before = source.stats()
    with pytest.raises(NameTakenError):
        source.import_embeddings(["new", "Ann"], people[:2])
    with pytest.raises(DataError, match=r"need .*, all numbers finite, and not all 0"):
        source.import_embeddings(["new"], people[:2])
    for wrong in (np.zeros_like(people[:1]), np.full_like(people[:1], 1e30)):
        with pytest.raises(DataError, match="all numbers finite, and not all 0"):
            source.import_embeddings(["new"], wrong)
    with pytest.raises(DataError, match="found qualities from -5 to 101, need 0 to 100"):
        source.import_embeddings(["new", "newer"], people[:2], [101, -5])
    assert source.stats().people == before.people


@pytest.mark.parametrize(
    ("head", "face", "message"),
    [
        ({"embedding_size": "abc"}, {}, "line 1: found embedding_size 'abc', need a whole number"),
        ({"embedding_size": "-5"}, {}, "line 1: found embedding_size '-5'"),
        ({"embedding_size": "0"}, {}, "line 1: found embedding_size '0'"),
        ({"embedding_size": "9" * 30}, {}, "line 1: found embedding_size"),
        ({"distance": "foo"}, {}, "line 1: found distance 'foo', need one of cosine"),
        ({}, {"number": 10**30}, "Ann: .* face number 1000"),
        ({}, {"number": 0}, "Ann: .* face number 0, need .* 1 to"),
        ({}, {"photo": "the same"}, "Ann: found two faces of one photo"),
    ],
)
@pytest.mark.parametrize("store", NEW_STORES)
def test_a_damaged_export_changes_nothing(
    source: Gallery, tmp_path: Path, store: str, head: dict, face: dict, message: str
) -> None:
    source.export(tmp_path / "people.jsonl")
    first, person, *_ = map(json.loads, (tmp_path / "people.jsonl").read_text().splitlines())
    if "photo" in face:
        face = {"photo": person["faces"][1]["photo"]}
    person["faces"][0] |= face
    (tmp_path / "bad.jsonl").write_text(f"{json.dumps(first | head)}\n{json.dumps(person)}\n")
    made = NEW_STORES[store](tmp_path)
    place = getattr(made, "url", made.place)
    made.close()
    with toy_gallery(place) as target:
        with pytest.raises(DataError, match=message):
            target.import_people(tmp_path / "bad.jsonl")
        assert len(target) == 0
        assert target.import_people(tmp_path / "people.jsonl").people == 3


def test_each_name_needs_a_quality(source: Gallery) -> None:
    with pytest.raises(DataError, match="found 2 names and 1 qualities, need one for each"):
        source.import_embeddings(["a", "b"], np.ones((2, 256), np.float32), [50])


@pytest.mark.parametrize("end", ["", "-wal", "-shm", ".search"])
def test_no_file_of_the_gallery_is_written_over(source: Gallery, tmp_path: Path, end: str) -> None:
    """Another process would go on writing into the file of before, and all of it would be lost."""
    other = toy_gallery(tmp_path / "source.db")
    own = tmp_path / f"source.db{end}"
    (tmp_path / "link.db").symlink_to(own)
    for write in (source.backup, source.export):
        for target in (own, tmp_path / "link.db", tmp_path / "." / ".." / tmp_path.name / own.name):
            with pytest.raises(GalleryError, match="is a file of the gallery itself; name another file"):
                write(target)
    other.enroll("Late", portrait(9))
    source.backup(tmp_path / "backup.db")
    source.close()
    other.close()
    for place in ("source.db", "backup.db"):
        with toy_gallery(tmp_path / place) as again:
            assert [person.name for person in again] == ["Ann", "Bob", "Zoë", "Late"]
            assert again.check() == []


def test_what_a_killed_backup_or_export_left_is_removed_by_a_later_one(tmp_path: Path) -> None:
    gallery = toy_gallery(tmp_path / "g.db")
    gallery.enroll("Ann", portrait(0))
    for write, name in ((gallery.backup, "copy.db"), (gallery.export, "people.jsonl")):
        left, fresh = tmp_path / f".{name}.1.a.part", tmp_path / f".{name}.2.b.part"
        left.write_bytes(b"Ann")
        os.utime(left, (0, 0))
        fresh.write_bytes(b"Ann")  # another process may be writing it
        write(tmp_path / name)
        assert (left.exists(), fresh.exists()) == (False, True)


def test_a_name_that_sqlite_takes_for_memory_is_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with toy_gallery(":memory:") as gallery:
        gallery.enroll("Ann", portrait(0))
    assert "Ann" in toy_gallery(":memory:")
    assert (tmp_path / ":memory:").exists()
