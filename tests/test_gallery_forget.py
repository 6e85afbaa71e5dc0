"""Forgetting leaves no byte: the raw files are searched for everything that belonged to a person."""

from __future__ import annotations

import random
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from toy_gallery import PixelModel, files_no_larger_than, portrait, toy_gallery
from twinface.core.errors import StorageError, UnknownPersonError
from twinface.core.types import ByteArray, Float32Array
from twinface.faces.encode import encode_jpeg
from twinface.recognition.gallery import search, sqlite
from twinface.recognition.gallery.contents import GallerySettings
from twinface.recognition.gallery.gallery import Gallery
from twinface.recognition.gallery.ranking import prepare_templates
from twinface.recognition.gallery.search_copy import copy_file

JPEG_HEADER = 700  # bytes that two JPEGs can have in common


def traces(gallery: Gallery, name: str) -> list[bytes]:
    """Everything by which a person could be known again in a file."""
    person = gallery.contents.find(name)
    store = gallery.store
    faces = [*store.faces_of([person.id]), *store.corrections_of([person.id])]
    assert person.template is not None
    rows = [person.template]
    if gallery.stats().encryption == "off":
        # As the search copy holds it.
        template = np.frombuffer(person.template, np.float32)[None]
        rows += [np.asarray(prepare_templates(template, "cosine").rows).tobytes()]
    for face in faces:
        rows += [face.vector, face.photo, (face.crop or b"")[JPEG_HEADER:]]
    # Pieces from everywhere in a row: a part of it would be too much already.
    pieces = [row[at : at + 16] for row in rows for at in range(0, len(row) - 15, 120)]
    return [name.encode(), name.casefold().encode(), *pieces]


def found(folder: Path, needles: list[bytes]) -> list[str]:
    contents = {file.name: file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    return [
        f"{name}: {needle!r}" for name, content in contents.items() for needle in needles if needle in content
    ]


@pytest.mark.parametrize("encryption", ["off", "all"])
def test_no_byte_of_a_forgotten_person_is_in_any_file(
    tmp_path: Path, encryption: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "COPY_FROM", 5)
    settings = GallerySettings(encryption=encryption, keep_crops=True)  # type: ignore[arg-type]
    key = None if encryption == "off" else bytes(range(32))
    gallery = toy_gallery(tmp_path / "g.db", create=settings, key=key)
    draw = random.Random(0)
    names = [f"Person Number{number:03}" for number in range(30)]
    for number, name in enumerate(names):
        gallery.enroll(name, *(portrait(number, photo) for photo in range(draw.randint(1, 4))), review="off")
    gallery.reject(names[3], portrait(90))
    toy_gallery(tmp_path / "g.db", key=key).identify(portrait(0, 8))
    assert copy_file(tmp_path / "g.db").exists() == (encryption == "off")
    draw.shuffle(names)
    gone: list[bytes] = []
    for name in names[:18]:
        mine = traces(gallery, name)
        if encryption == "off":
            assert found(tmp_path, mine)  # the search for bytes works
        gallery.forget(name)
        gone += mine
        assert found(tmp_path, mine) == []
        if draw.random() < 0.3:  # pages are taken and moved in between
            gallery.enroll(f"New {name[::-1]}", portrait(draw.randint(200, 999)), review="off")
            toy_gallery(tmp_path / "g.db", key=key).identify(portrait(0, 8))
    gallery.backup(tmp_path / "backup.db")
    gallery.close()
    assert found(tmp_path, gone) == []
    assert toy_gallery(tmp_path / "backup.db", key=key).check() == []


def test_an_old_name_is_erased_too(tmp_path: Path) -> None:
    gallery = toy_gallery(tmp_path / "g.db")
    gallery.enroll("Mistakenly Named", portrait(0))
    gallery.enroll("Bob", portrait(1))
    assert found(tmp_path, [b"Mistakenly"])
    gallery.rename("Mistakenly Named", "Ann")
    assert found(tmp_path, [b"Mistakenly", b"mistakenly"]) == []
    gallery.enroll("Once Another", portrait(0, 1), review="off")
    gallery.merge("Ann", "Once Another")
    assert found(tmp_path, [b"Once", b"once"]) == []


def test_a_name_that_others_have_a_part_of_can_be_forgotten(tmp_path: Path) -> None:
    gallery = toy_gallery(tmp_path / "g.db")
    gallery.enroll("Ann", portrait(0))
    gallery.enroll("Joann", portrait(1))
    gallery.forget("Ann")
    assert [person.name for person in gallery] == ["Joann"]


def test_a_copy_of_a_process_that_died_in_between_is_cleaned_at_the_next_search(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The person is gone from the tables, and the process died before it came to the search copy."""
    monkeypatch.setattr(search, "COPY_FROM", 2)
    gallery = toy_gallery(tmp_path / "g.db")
    for number, name in enumerate(("Ann", "Bob", "Cleo")):
        gallery.enroll(name, portrait(number))
    # A larger gallery comes to this by itself: its copy is written once a tenth of the people have changed.
    toy_gallery(tmp_path / "g.db").identify(portrait(0))
    unfinished = tmp_path / ".g.db.search.1.2.part"
    mine = traces(gallery, "Ann")
    assert found(tmp_path, mine)
    with gallery.store.write():
        gallery.store.remove_person(gallery.contents.find("Ann").id)
    unfinished.write_bytes(mine[2])
    gallery.store.erase_remains(mine)
    assert any(entry.startswith("g.db.search") for entry in found(tmp_path, mine))
    again = toy_gallery(tmp_path / "g.db")
    assert again.identify(portrait(0, 3)).faces[0].name is None
    assert again.identify(portrait(1, 3)).faces[0].name == "Bob"
    assert found(tmp_path, mine[2:]) == []


def test_a_reader_who_holds_the_log_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "_WAIT", 0.2)
    gallery = toy_gallery(tmp_path / "g.db")
    gallery.enroll("Ann", portrait(0))
    gallery.enroll("Bob", portrait(1))
    reader = sqlite3.connect(tmp_path / "g.db", isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM people").fetchall()
    gallery.store._open.execute("PRAGMA busy_timeout = 100")  # type: ignore[attr-defined]
    with pytest.raises(StorageError, match="twinface gallery scrub"):
        gallery.forget("Ann")
    assert "Ann" not in gallery
    reader.close()
    gallery.scrub()
    assert found(tmp_path, [b"Ann"]) == []


def test_threads_of_one_object_enrol_and_forget_at_once(tmp_path: Path) -> None:
    gallery = toy_gallery(tmp_path / "g.db")
    problems: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for turn in range(3):
                name = f"person {number} {turn}"
                gallery.enroll(name, portrait(10 * number + turn), review="off")
                assert gallery.identify(portrait(10 * number + turn, 1)).faces[0].name == name
                if turn != 1:
                    gallery.forget(name)
        except BaseException as error:
            problems.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert sorted(person.name for person in gallery) == [f"person {number} 1" for number in range(1, 5)]
    assert gallery.check() == []


def test_crops_are_kept_only_if_asked_for(tmp_path: Path) -> None:
    plain = toy_gallery(tmp_path / "plain.db")
    keeping = toy_gallery(tmp_path / "keeping.db", create=GallerySettings(keep_crops=True))
    for gallery in (plain, keeping):
        gallery.enroll("Ann", portrait(0))
    assert (plain.stats().crops, keeping.stats().crops) == (0, 1)
    [face] = keeping.store.faces_of([1])
    assert face.crop == encode_jpeg(PixelModelFace.rgb(portrait(0)))


class PixelModelFace:
    """The face that the model of pixels is shown."""

    @staticmethod
    def rgb(gray: np.ndarray) -> np.ndarray:
        assert PixelModel().record.preparation.color == "gray"
        return gray[..., None].repeat(3, axis=2)


def test_bytes_that_sqlite_left_behind_are_found_and_removed(tmp_path: Path) -> None:
    gallery = toy_gallery(tmp_path / "g.db")
    gallery.enroll("Ann", portrait(0))
    left_behind(tmp_path / "g.db", "left behind by somebody")
    gallery.store.erase_remains([])
    assert found(tmp_path, [b"left behind"])
    gallery.store.erase_remains([b"left behind"])
    assert found(tmp_path, [b"left behind"]) == []
    assert [person.name for person in gallery] == ["Ann"]


@pytest.mark.parametrize("encryption", ["off", "all"])
def test_no_byte_stays_in_what_was_said_about_others(tmp_path: Path, encryption: str) -> None:
    """ "This face is not Bob", said of a face of Ann, holds Ann's embedding."""
    settings = GallerySettings(encryption=encryption, keep_crops=True)  # type: ignore[arg-type]
    gallery = toy_gallery(tmp_path / "g.db", create=settings, key=None if encryption == "off" else bytes(32))
    gallery.enroll("Ann", portrait(0, 0))
    gallery.enroll("Bob", portrait(1, 0))
    gallery.enroll("Bob", portrait(0, 5), review="off")
    gallery.move(gallery.show("Bob").faces[-1].id, "Bob", "Ann")
    gallery.reject("Bob", portrait(0, 0))
    gallery.reject("Bob", portrait(7, 7))  # of nobody here
    mine = traces(gallery, "Ann")
    [*others, last] = gallery.store.corrections_of([gallery.contents.find("Bob").id])
    for said in others:
        mine += [said.vector[:16], (said.crop or b"")[JPEG_HEADER:][:16]]
    assert len(others) == 2
    gallery.forget("Ann")
    assert gallery.store.corrections_of([gallery.contents.find("Bob").id]) == [last]
    gallery.close()
    assert found(tmp_path, mine) == []


def left_behind(place: Path, text: str) -> None:
    """As SQLite leaves a row now and then: deleted, and still in a free part of the file."""
    careless = sqlite3.connect(place)
    careless.execute("PRAGMA secure_delete = OFF")
    careless.execute("INSERT INTO info VALUES ('note', ?)", (text,))
    careless.commit()
    careless.execute("DELETE FROM info WHERE key = 'note'")
    careless.commit()
    careless.close()


def test_a_full_disk_leaves_a_true_message_and_scrub_finishes_the_work(tmp_path: Path) -> None:
    gallery = toy_gallery(tmp_path / "g.db")
    gallery.enroll("Zacharias Q", portrait(0))
    vectors = np.random.default_rng(0).normal(size=(200, 256)).astype(np.float32)
    gallery.import_embeddings([f"person {number}" for number in range(200)], vectors)
    left_behind(tmp_path / "g.db", "Zacharias Q is here")
    gallery.store.erase_remains([])
    with (
        files_no_larger_than((tmp_path / "g.db").stat().st_size + 1000),
        pytest.raises(StorageError, match=r"it is done, but .* call `twinface gallery scrub`") as caught,
    ):
        gallery.forget("Zacharias Q")
    assert "nothing of this call was written" not in str(caught.value)
    assert "Zacharias Q" not in gallery
    assert found(tmp_path, [b"Zacharias Q"])
    gallery.scrub()
    assert found(tmp_path, [b"Zacharias Q"]) == []
    assert len(gallery) == 200


def test_a_search_copy_that_cannot_be_written_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "COPY_FROM", 2)
    gallery = toy_gallery(tmp_path / "g.db")
    for number, name in enumerate(("Ann", "Bob", "Cleo")):
        gallery.enroll(name, portrait(number))
    toy_gallery(tmp_path / "g.db").identify(portrait(0))
    copy = copy_file(tmp_path / "g.db")
    copy.unlink()
    copy.mkdir()
    with pytest.raises(
        StorageError, match=r"remove the file g\.db\.search, then call `twinface gallery scrub`"
    ):
        gallery.forget("Ann")
    assert "Ann" not in gallery
    copy.rmdir()
    gallery.scrub()
    assert found(tmp_path, [b"Ann"]) == []


def test_a_copy_that_another_process_is_writing_is_left_alone(tmp_path: Path) -> None:
    """Whoever writes it holds the write lock; so `forget` waits, and then no unfinished copy is in use."""
    gallery = toy_gallery(tmp_path / "g.db")
    gallery.enroll("Ann", portrait(0))
    other = sqlite3.connect(tmp_path / "g.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    unfinished = tmp_path / ".g.db.search.1.0123abcd.part"
    unfinished.write_bytes(b"of another process")
    erasing = threading.Thread(target=gallery.scrub)
    erasing.start()
    erasing.join(0.3)
    assert unfinished.exists()
    other.execute("COMMIT")
    erasing.join()
    assert not unfinished.exists()


def test_only_names_are_looked_for_in_the_names_of_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gallery = toy_gallery(tmp_path / "g.db")
    gallery.enroll("Ann", portrait(0, 0), portrait(0, 1))
    asked: list[bytes] = []
    named_like = gallery.store.named_like
    monkeypatch.setattr(gallery.store, "named_like", lambda name: asked.append(name) or named_like(name))
    gallery.forget("Ann")
    assert asked == [b"Ann", b"ann"]


class InterruptedModel(PixelModel):
    """Something happens each time before it embeds."""

    meanwhile: Callable[[], None] = staticmethod(lambda: None)

    def __call__(self, faces: ByteArray) -> Float32Array:
        self.meanwhile()
        return super().__call__(faces)


@pytest.mark.parametrize("call", ["enroll", "confirm", "reject"])
def test_who_is_forgotten_while_photos_are_looked_at_does_not_come_back(tmp_path: Path, call: str) -> None:
    model = InterruptedModel()
    gallery = toy_gallery(tmp_path / "g.db", model=model)
    id = gallery.enroll("Zacharias", portrait(0)).id
    assert id is not None
    mine = traces(gallery, "Zacharias")
    model.meanwhile = lambda: toy_gallery(tmp_path / "g.db").forget(id)
    with pytest.raises(UnknownPersonError, match=f"nobody in the gallery has the id {id}"):
        getattr(gallery, call)(id, portrait(0, 1))
    assert len(gallery) == 0
    assert found(tmp_path, mine) == []


def test_others_read_and_write_while_a_call_waits_to_erase(tmp_path: Path) -> None:
    gallery = toy_gallery(tmp_path / "g.db")
    for number, name in enumerate(("Ann", "Bob", "Cleo")):
        gallery.enroll(name, portrait(number))
    reader = sqlite3.connect(tmp_path / "g.db", isolation_level=None, check_same_thread=False)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM people").fetchall()
    forgetting = threading.Thread(target=gallery.forget, args=("Ann",))
    forgetting.start()
    while "Ann" in gallery:
        pass
    assert gallery.identify(portrait(1, 3)).faces[0].name == "Bob"
    gallery.reject("Cleo", portrait(1, 4))
    assert forgetting.is_alive()
    reader.close()
    forgetting.join(60)
    assert not forgetting.is_alive()


def test_a_link_to_the_file_is_the_same_gallery(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "COPY_FROM", 2)
    (tmp_path / "data").mkdir()
    (tmp_path / "link.db").symlink_to(tmp_path / "data" / "g.db")
    gallery = toy_gallery(tmp_path / "link.db")
    for number, name in enumerate(("Ann", "Bob", "Cleo")):
        gallery.enroll(name, portrait(number))
    toy_gallery(tmp_path / "data" / "g.db").identify(portrait(0))
    mine = traces(gallery, "Ann")
    gallery.forget("Ann")
    assert found(tmp_path, mine) == []
    assert [file.name for file in tmp_path.iterdir() if not file.is_dir()] == ["link.db"]
