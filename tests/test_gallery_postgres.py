"""A gallery in PostgreSQL: the database's own search, forgetting in its files, and many processes at once."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import numpy as np
import pytest

from gallery_kills import run
from toy_gallery import PixelModel, new_database, portrait, toy_gallery
from twinface.core.errors import GalleryError, StorageError
from twinface.recognition.gallery.gallery import Gallery
from twinface.recognition.gallery.search import ExactSearch, StoreSearch

psycopg = pytest.importorskip("psycopg")
postgres = pytest.importorskip("twinface.recognition.gallery.postgres")


@pytest.fixture
def url() -> str:
    return new_database()


@pytest.fixture
def gallery(url: str) -> Gallery:
    opened = toy_gallery(url)
    for number in range(20):
        opened.enroll(f"person {number}", portrait(number, 0), portrait(number, 1))
    return opened


def name(gallery: Gallery, person: int, photo: int = 5) -> str | None:
    return gallery.identify(portrait(person, photo)).faces[0].name


def files_of(gallery: Gallery) -> dict[str, bytes]:
    """The files with the database's tables and indexes; the write-ahead log is the server's own affair."""
    store = gallery.store
    [(folder,)] = store.rows("SHOW data_directory")  # type: ignore[attr-defined]
    [(own,)] = store.rows("SELECT oid FROM pg_database WHERE datname = current_database()")  # type: ignore[attr-defined]
    store.rows("CHECKPOINT")  # type: ignore[attr-defined]
    return {str(file): file.read_bytes() for file in Path(folder, "base", str(own)).iterdir()}


def test_people_are_found_by_the_database(gallery: Gallery, url: str) -> None:
    assert isinstance(gallery.engine.search, StoreSearch)
    assert [name(gallery, number) for number in range(20)] == [f"person {number}" for number in range(20)]
    assert name(gallery, 99) is None
    exact = ExactSearch(gallery.contents, gallery.engine.verifier.record, gallery.engine.fingerprint)
    faces = PixelModel()(np.stack([portrait(number, 5) for number in range(10)])[..., None])
    for mine, theirs in zip(
        exact.candidates(faces, 8), gallery.engine.search.candidates(faces, 8), strict=True
    ):
        assert mine[0] == theirs[0]
        assert len(set(mine) & set(theirs)) >= 7
    other = toy_gallery(url)
    gallery.forget("person 3")
    gallery.rename("person 4", "another")
    gallery.enroll("twin", portrait(5, 8))
    gallery.merge("person 5", "twin")
    assert [name(other, number) for number in (3, 4, 5)] == [None, "another", "person 5"]
    assert other.check() == []
    assert other.stats().people == 19
    assert other.stats().place.startswith("postgresql://")


def test_no_byte_of_a_forgotten_person_is_in_the_files_of_tables(gallery: Gallery) -> None:
    person = gallery.contents.find("person 7")
    rows = [person.name, person.template or b""]
    rows += [face.vector for face in gallery.store.faces_of([person.id])]
    needles = [b"person 7", *(row[at : at + 12] for row in rows[1:] for at in range(0, len(row), 100))]
    assert any(needle in content for content in files_of(gallery).values() for needle in needles)
    gallery.forget("person 7")
    assert [
        file for file, content in files_of(gallery).items() for needle in needles if needle in content
    ] == []


def test_rows_that_an_older_transaction_keeps_are_named(
    gallery: Gallery, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "_WAIT", 0.5)
    [face, _] = gallery.store.faces_of([gallery.contents.find("person 7").id])
    needles = [b"person 7", face.vector[:16]]

    def remain() -> bool:
        return any(needle in content for content in files_of(gallery).values() for needle in needles)

    with psycopg.connect(url) as reader:
        reader.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        reader.execute("SELECT 1 FROM pg_database")  # no lock on a table of the gallery
        with pytest.raises(StorageError, match=r"deleted rows were kept; it is done, but .* scrub") as caught:
            gallery.forget("person 7")
        assert "nothing of this call was written" not in str(caught.value)
        assert "person 7" not in gallery
        assert remain()
        with pytest.raises(StorageError, match="deleted rows were kept"):
            gallery.scrub()
    gallery.scrub()
    assert not remain()


def test_a_transaction_that_ends_soon_is_waited_for(gallery: Gallery, url: str) -> None:
    with psycopg.connect(url) as reader:
        reader.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        reader.execute("SELECT 1 FROM pg_database")
        ending = threading.Timer(1, reader.rollback)
        ending.start()
        gallery.forget("person 7")
        ending.join()
    assert not any(b"person 7" in content for content in files_of(gallery).values())


def test_an_old_key_and_photos_of_jobs_are_in_no_file(url: str) -> None:
    gallery = toy_gallery(url, key=bytes(range(32)))
    gallery.enroll("Ann", portrait(0))
    store = gallery.store
    old = json.loads(gallery.contents.info["encryption"])["key"].encode()
    with store.write():
        store.rows(  # type: ignore[attr-defined]
            "INSERT INTO jobs (id, kind, settings, state, done, total, waiting, created, tries) "
            "VALUES ('a', 'embed', '{}', 'open', 0, 1, 1, 0, 0)"
        )
        store.rows("INSERT INTO job_photos (job, number, name) VALUES (1, 1, ?)", (b"a photo of Ann",))  # type: ignore[attr-defined]
    assert any(old in content for content in files_of(gallery).values())
    with store.write():
        store.rows("DELETE FROM job_photos")  # type: ignore[attr-defined]
    gallery.change_key(bytes(32))
    for content in files_of(gallery).values():
        assert old not in content
        assert b"a photo of Ann" not in content


def test_a_role_that_owns_the_database_and_nothing_else_is_enough(url: str) -> None:
    role = f"role_{uuid4().hex}"
    database = urlsplit(url).path[1:]
    with psycopg.connect(url, autocommit=True) as server:
        server.execute(f"CREATE ROLE {role} LOGIN")
        server.execute(f"ALTER DATABASE {database} OWNER TO {role}")
    parts = urlsplit(url)
    gallery = toy_gallery(urlunsplit(parts._replace(netloc=f"{role}@{parts.netloc.rpartition('@')[2]}")))
    for number in range(3):
        gallery.enroll(f"person {number}", portrait(number))
    assert isinstance(gallery.engine.search, ExactSearch)  # it may not make the extension
    assert name(gallery, 2) == "person 2"
    gallery.forget("person 1")
    gallery.rename("person 2", "Bert")
    gallery.scrub()
    assert not any(b"person 1" in content for content in files_of(toy_gallery(url)).values())


def test_a_split_gives_the_person_of_before_first(gallery: Gallery) -> None:
    for number in range(6):
        face = gallery.show(f"person {number}").faces[0]
        both = gallery.split(f"person {number}", f"new {number}", [face.id])
        assert [person.name for person in both] == [f"person {number}", f"new {number}"]


def test_many_candidates_can_be_asked_for(gallery: Gallery) -> None:
    answer = gallery.identify(portrait(3, 5), count=2000)
    assert answer.faces[0].name == "person 3"
    gallery.reject("person 4", portrait(4, 0))
    gallery.reject("person 4", portrait(4, 1))
    assert (len(gallery), gallery.identify(portrait(3, 5)).people) == (20, 19)


def test_sealed_templates_are_in_no_table_of_vectors(url: str) -> None:
    gallery = toy_gallery(url, key=bytes(range(32)))
    for number in range(5):
        gallery.enroll(f"Secret{number}", portrait(number))
    assert isinstance(gallery.engine.search, ExactSearch)
    assert name(gallery, 2) == "Secret2"
    assert gallery.store.rows("SELECT to_regclass('vectors')") == [(None,)]  # type: ignore[attr-defined]
    vector = PixelModel()(portrait(2)[None, ..., None])[0]
    for content in files_of(gallery).values():
        assert b"Secret2" not in content
        assert vector.tobytes()[:12] not in content


def test_a_server_that_does_not_answer_is_named_without_the_password() -> None:
    with pytest.raises(GalleryError, match="the URL of the gallery cannot be read") as unread:
        toy_gallery("postgresql://me:geheim@[abc/people")
    assert "geheim" not in str(unread.value)
    with pytest.raises(StorageError) as caught:
        toy_gallery("postgresql://me:geheim@127.0.0.1:1/people")
    assert "postgresql://127.0.0.1/people" in str(caught.value)
    assert "geheim" not in str(caught.value)


def test_an_empty_database_is_no_gallery_until_somebody_is_enrolled(url: str, tmp_path: Path) -> None:
    with pytest.raises(GalleryError, match="found no gallery there"):
        toy_gallery(url, create=False)
    gallery = toy_gallery(url)
    with pytest.raises(GalleryError, match="pg_dump"):
        gallery.backup(tmp_path / "copy")


def test_a_connection_that_the_server_has_ended_is_opened_again(gallery: Gallery) -> None:
    gallery.store._open.close()  # type: ignore[attr-defined]
    assert len(gallery) == 20
    gallery.store._open.close()  # type: ignore[attr-defined]
    assert gallery.enroll("new", portrait(50))


@pytest.mark.slow
def test_processes_that_are_killed_lose_nothing_and_leave_nothing(url: str, tmp_path: Path) -> None:
    outcome = run(url, tmp_path, processes=4, people=30, kills=15)
    assert (outcome.enrolled, outcome.forgotten, outcome.kills) == (120, 56, 15)
    assert (outcome.lost, outcome.doubled, outcome.remaining, outcome.damage) == ([], [], [], [])
