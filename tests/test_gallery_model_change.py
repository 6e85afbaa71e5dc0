"""A gallery changes its model while others use it: nobody is searched or enrolled by the old one."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from toy_gallery import NEW_STORES, PixelModel, portrait, toy_gallery
from toy_jobs import new_place
from twinface.core.errors import GalleryError, ModelMismatchError, StorageError
from twinface.core.types import ByteArray, Float32Array
from twinface.recognition.gallery import sqlite, transfer
from twinface.recognition.gallery.changes import split
from twinface.recognition.gallery.contents import GallerySettings
from twinface.recognition.gallery.enrolment import enrol
from twinface.recognition.gallery.gallery import Gallery
from twinface.recognition.gallery.identification import identify
from twinface.recognition.gallery.search import ExactSearch, Search

KEY = bytes(range(32))


class Reversed(PixelModel):
    """The same pixels in another order: embeddings of the same length that mean nothing to the model of pixels.

    Args:
        meanwhile: called once, when the first faces are embedded.
    """

    fingerprint = "b" * 64

    def __init__(self, meanwhile: Callable[[], object] | None = None, distance: str = "cosine") -> None:
        super().__init__(type(self).__name__.lower(), distance)
        self.meanwhile = meanwhile

    def __call__(self, faces: ByteArray) -> Float32Array:
        if self.meanwhile is not None:
            meanwhile, self.meanwhile = self.meanwhile, None
            meanwhile()
        return np.ascontiguousarray(super().__call__(faces)[:, ::-1])


class StoppedError(Exception):
    pass


class Rolled(Reversed):
    """A third model."""

    fingerprint = "c" * 64

    def __call__(self, faces: ByteArray) -> Float32Array:
        return np.roll(super().__call__(faces), 100, axis=1)


class Shorter(PixelModel):
    """Embeddings of another length."""

    fingerprint = "d" * 64

    def __init__(self) -> None:
        super().__init__("shorter")
        object.__setattr__(self.record, "embedding_size", 240)

    def __call__(self, faces: ByteArray) -> Float32Array:
        return np.ascontiguousarray(super().__call__(faces)[:, :240])


class Proposing:
    """A search that proposes what it found before the gallery was moved."""

    def __init__(self, search: Search, proposed: list[list[int]]) -> None:
        self.count, self.proposed = search.people(), proposed

    def people(self) -> int:
        return self.count

    def candidates(self, faces: Float32Array, count: int) -> list[list[int]]:
        return self.proposed


def made(place: Path | str, people: int = 3, **more: object) -> Gallery:
    gallery = toy_gallery(place, create=GallerySettings(keep_crops=True), **more)
    for number in range(people):
        gallery.enroll(f"person {number}", portrait(number))
    return gallery


def name(gallery: Gallery, person: int, photo: int = 7) -> str | None:
    return gallery.identify(portrait(person, photo)).faces[0].name


def refuses_the_old_model(gallery: Gallery) -> None:
    for _ in range(2):
        with pytest.raises(ModelMismatchError, match="was made with the model reversed"):
            name(gallery, 0)
    for verb in (gallery.enroll, gallery.confirm, gallery.reject):
        with pytest.raises(ModelMismatchError):
            verb("person 0", portrait(0, 8))
    with pytest.raises(ModelMismatchError):
        gallery.import_embeddings(["new"], np.ones((1, 256), np.float32))
    with pytest.raises(ModelMismatchError):
        gallery.split("person 0", "another")
    assert [person.faces for person in gallery] == [1, 1, 1]


def test_an_open_gallery_never_uses_the_model_of_before(tmp_path: Path) -> None:
    gallery, other = made(tmp_path / "g.db"), toy_gallery(tmp_path / "g.db")
    assert name(other, 0) == "person 0"
    gallery.reembed(Reversed())
    refuses_the_old_model(other)
    assert name(gallery, 0) == "person 0"


def test_nor_after_its_key_was_changed_or_people_came_in(tmp_path: Path) -> None:
    gallery = made(tmp_path / "g.db", key=KEY)
    other = toy_gallery(tmp_path / "g.db", key=KEY)
    assert name(other, 0) == "person 0"
    gallery.reembed(Reversed())
    other.change_key(bytes(32))
    refuses_the_old_model(other)
    with toy_gallery(tmp_path / "empty.db", model=Reversed()) as source:
        source.enroll("new", portrait(9))
        source.forget("new")
        assert source.copy_to(other).people == 0
    refuses_the_old_model(other)


def test_the_new_model_serves_even_if_the_old_rows_could_not_be_erased(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "_WAIT", 0.2)
    gallery = made(tmp_path / "g.db")
    reader = sqlite3.connect(tmp_path / "g.db", isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM people").fetchall()
    gallery.store._open.execute("PRAGMA busy_timeout = 100")  # type: ignore[attr-defined]
    with pytest.raises(StorageError, match=r"it is done, but .* scrub"):
        gallery.reembed(Reversed())
    reader.close()
    assert name(gallery, 0) == "person 0"
    assert gallery.engine.verifier.record.name == "reversed"
    gallery.scrub()


@pytest.mark.parametrize("model", [Reversed, Shorter])
def test_a_call_that_began_with_the_old_model_enrols_nothing(tmp_path: Path, model: type[PixelModel]) -> None:
    gallery = made(tmp_path / "g.db")
    engine = gallery.engine
    gallery.reembed(model())
    with pytest.raises(ModelMismatchError, match=r"was moved to the model .* meanwhile"):
        enrol(engine, "person 0", [portrait(0, 8)], "standard")
    with pytest.raises(ModelMismatchError, match=r"was moved to the model .* meanwhile"):
        split(gallery.contents, engine, "person 0", "another", None)
    with pytest.raises(ModelMismatchError, match=r"was moved to the model .* meanwhile"):
        identify(engine, portrait(0, 8), 5, 0.01)


def test_a_search_of_the_old_model_stops(tmp_path: Path) -> None:
    gallery = made(tmp_path / "g.db")
    engine = gallery.engine
    search = ExactSearch(gallery.contents, engine.verifier.record, engine.fingerprint)
    assert search.people() == 3
    gallery.reembed(Reversed())
    for old in (search, ExactSearch(gallery.contents, engine.verifier.record, engine.fingerprint)):
        with pytest.raises(ModelMismatchError, match="was moved to the model reversed"):
            old.people()


@pytest.mark.parametrize("store", NEW_STORES)
def test_a_call_that_began_with_the_old_model_names_nobody(store: str, tmp_path: Path) -> None:
    """In a database of its own search, too, and between the search and the tables."""
    gallery = made(new_place(store, tmp_path))
    engine = gallery.engine
    proposed = engine.search.candidates(np.ones((1, 256), np.float32), 3)
    moved = replace(engine, search=Proposing(engine.search, proposed))
    gallery.reembed(Reversed())
    with pytest.raises(ModelMismatchError, match="was moved to the model reversed meanwhile: call again"):
        identify(moved, portrait(0, 7), 5, 0.01)
    with pytest.raises(ModelMismatchError, match="was moved to the model reversed meanwhile: call again"):
        moved.look_alikes(np.ones(256, np.float32))


def test_an_export_is_of_one_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gallery = made(tmp_path / "g.db")
    monkeypatch.setattr(transfer, "_TOGETHER", 1)
    people = transfer.plain_people(gallery.contents, gallery.engine.fingerprint)
    assert next(people).name == "person 0"
    gallery.reembed(Reversed())
    with pytest.raises(ModelMismatchError, match="was moved to the model reversed meanwhile"):
        list(people)


def test_templates_are_fused_by_the_distance_of_the_gallery_as_it_is(tmp_path: Path) -> None:
    gallery = toy_gallery(tmp_path / "g.db", create=GallerySettings(keep_crops=True))
    gallery.enroll("Ann", portrait(0, 0), portrait(0, 1))
    other = toy_gallery(tmp_path / "g.db")
    assert name(other, 0) == "Ann"
    gallery.reembed(Reversed(distance="euclidean"))
    template = gallery.contents.find("Ann").template
    other.rename("Ann", "Anna")
    assert gallery.contents.find("Anna").template == template


def test_a_gallery_that_was_opened_empty_sees_what_others_enrol(tmp_path: Path) -> None:
    opened = toy_gallery(tmp_path / "g.db", create=GallerySettings(keep_crops=True))
    made(tmp_path / "g.db")
    assert opened.rename("person 0", "Ann").faces == 1
    assert name(opened, 0) == "Ann"


def test_two_calls_do_not_mix_the_embeddings_of_two_models(tmp_path: Path) -> None:
    gallery, other = made(tmp_path / "g.db", 20), toy_gallery(tmp_path / "g.db")
    ended = Reversed(lambda: other.reembed(Rolled()))
    with pytest.raises(GalleryError, match="another call has begun to move it"):
        gallery.reembed(ended)
    assert gallery.stats().model == "rolled"
    assert [name(other, number, 5) for number in range(20)] == [f"person {number}" for number in range(20)]

    def stop() -> None:
        raise StoppedError

    def begin() -> None:
        with pytest.raises(StoppedError):
            other.reembed(Rolled(stop))

    with pytest.raises(GalleryError, match="another call has begun to move it"):
        gallery.reembed(Reversed(begin))
    assert gallery.reembed(Reversed()).is_finished
    assert [name(gallery, number, 5) for number in range(20)] == [f"person {number}" for number in range(20)]


def test_a_correction_that_comes_late_is_embedded_too(tmp_path: Path) -> None:
    """Between the last embedding and the exchange: `progress` is called there."""
    gallery, other = made(tmp_path / "g.db"), toy_gallery(tmp_path / "g.db")

    def late(done: int, total: int) -> None:
        if not other.stats().corrections:
            other.reject("person 1", portrait(1, 7))

    assert gallery.reembed(Reversed(), progress=late).is_finished
    [said] = gallery.store.corrections_of([gallery.contents.find("person 1").id])
    assert len(gallery.contents.vector(said.vector)) == 256
    almost = portrait(1, 7)
    almost[0, 0] ^= 1
    assert gallery.identify(almost).faces[0].name is None


def test_no_embedding_of_a_correction_outlives_it(tmp_path: Path) -> None:
    gallery = made(tmp_path / "g.db")
    gallery.reject("person 1", portrait(1, 7))
    [face] = gallery.store.faces_of([gallery.contents.find("person 2").id])
    with gallery.store.write():
        gallery.store.change_face(face.id, face.person, face.vector, None)
    assert not gallery.reembed(Reversed()).is_finished  # so the new embeddings wait
    [said] = gallery.store.corrections_of([gallery.contents.find("person 1").id])
    waiting = gallery.store.next_vectors("correction", [said.id])[said.id]
    assert waiting
    gallery.confirm("person 1", portrait(1, 7))
    assert gallery.store.next_vectors("correction", [said.id]) == {}
    gallery.forget("person 1")
    gallery.close()
    assert waiting not in (tmp_path / "g.db").read_bytes()


def test_an_import_stops_when_the_gallery_is_moved(tmp_path: Path) -> None:
    gallery, other = made(tmp_path / "g.db"), toy_gallery(tmp_path / "g.db")
    source = toy_gallery(tmp_path / "source.db")
    source.enroll("first", portrait(50))
    vectors = np.random.default_rng(0).normal(size=(600, 256)).astype(np.float32)
    source.import_embeddings([f"number {number}" for number in range(600)], vectors)

    def move(done: int, total: int) -> None:
        other.reembed(Reversed(), leave_out=True)

    with pytest.raises(ModelMismatchError, match="was moved to the model reversed"):
        source.copy_to(gallery, move)
    assert len(gallery) == 503  # those of the first transaction
    assert gallery.contents.find_or_none("number 599") is None


def test_a_correction_without_a_crop_can_be_copied_after_a_change_of_the_model(tmp_path: Path) -> None:
    gallery = made(tmp_path / "g.db")
    gallery.reject("person 1", portrait(1, 7))
    [said] = gallery.store.corrections_of([gallery.contents.find("person 1").id])
    with gallery.store.write():  # as one that came from a gallery without crops
        gallery.store.change_correction(said.id, said.person, said.vector, None)
    gallery.reembed(Reversed())
    target = toy_gallery(tmp_path / "target.db", model=Reversed())
    assert gallery.copy_to(target).people == 3
    assert (target.show("person 1").rejected, name(target, 1)) == (1, "person 1")
