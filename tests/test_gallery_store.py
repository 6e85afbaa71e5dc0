"""Every store: what is written is there, what failed is not, and pages of a list have no gap."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from toy_gallery import NEW_STORES, WHEN, new_face, new_person, new_sqlite
from twinface.core.errors import NameTakenError, StorageError
from twinface.recognition.gallery.schema import VERSION
from twinface.recognition.gallery.sql_store import TakenError
from twinface.recognition.gallery.store import Store
from twinface.recognition.gallery.stored import Changes, Counts, NewCorrection, StoredFace
from twinface.recognition.gallery.stores import open_store


@pytest.fixture(params=NEW_STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    opened = NEW_STORES[request.param](tmp_path)
    yield opened
    opened.close()


def added(store: Store, *names: str) -> list[int]:
    with store.write():
        return store.add_people([new_person(name) for name in names])


def test_a_person_is_found_by_name_and_by_number(store: Store) -> None:
    [ann, bob] = added(store, "Ann", "Bob")
    assert 0 < ann < bob
    assert store.find(b"ann") == replace(new_person("Ann"), id=ann)
    assert store.find(b"Ann") is None
    assert store.people_with([bob, 99_999]) == [replace(new_person("Bob"), id=bob)]
    assert store.people_with([]) == []
    assert store.templates() == [(ann, b"\1" * 64), (bob, b"\1" * 64)]
    with store.write():
        store.change_person(ann, b"Anna", b"anna", None)
    assert store.find(b"ann") is None
    assert store.find(b"anna") == replace(new_person("Anna", None), id=ann, audit_id="audit-Ann")
    assert store.templates() == [(bob, b"\1" * 64)]


def test_a_name_is_taken_once(store: Store) -> None:
    [ann, bob] = added(store, "Ann", "Bob")
    with pytest.raises(NameTakenError), store.write():
        store.add_person(new_person("ann"))
    with pytest.raises(NameTakenError), store.write():
        store.change_person(bob, b"ann", b"ann", None)
    assert [person.id for person in store.people()] == [ann, bob]


def test_nothing_of_a_failed_transaction_is_there(store: Store) -> None:
    added(store, "Ann")
    before = (store.generation(), store.counts(), store.info())

    def fail_halfway() -> None:
        with store.write():
            [bob] = store.add_people([new_person("Bob")])
            store.add_faces([bob], [new_face(1)])
            store.add_audit(WHEN, "enroll", "", "")
            store.set_info("model", "m")
            raise RuntimeError("in between")

    with pytest.raises(RuntimeError, match="in between"):
        fail_halfway()
    assert (store.generation(), store.counts(), store.info()) == before
    added(store, "Bob")


def test_the_first_vector_of_each_person(store: Store) -> None:
    [ann, bob, cy] = added(store, "Ann", "Bob", "Cy")
    with store.write():
        store.add_faces([bob, ann, bob], [new_face(number, b"%d" % number) for number in (1, 2, 3)])
    assert store.first_vectors([ann, bob, cy, 99_999]) == {bob: bytes([1]) * 64, ann: bytes([2]) * 64}
    assert store.first_vectors([]) == {}


def test_faces_and_templates_are_counted(store: Store) -> None:
    [ann, bob, cy] = added(store, "Ann", "Bob", "Cy")
    with store.write():
        store.add_faces([bob, ann, bob], [new_face(number, b"%d" % number) for number in (1, 2, 3)])
        store.change_person(cy, b"Cy", b"cy", None)
    assert store.face_counts([ann, bob, cy, 99_999]) == {ann: 1, bob: 2}
    assert store.face_counts([]) == {}
    assert (store.template_count(), store.counts().people) == (2, 3)


def test_faces_go_with_their_person_and_a_photo_gives_one_face(store: Store) -> None:
    [ann, bob] = added(store, "Ann", "Bob")
    with store.write():
        store.add_faces([ann, ann, bob], [new_face(1, b"p"), new_face(2, b"q", b"crop"), new_face(3, b"p")])
    with pytest.raises(TakenError), store.write():
        store.add_faces([ann], [new_face(4, b"p")])
    faces = store.faces_of([bob, ann])
    assert [(face.person, face.number, face.photo, face.crop) for face in faces] == [
        (ann, 1, b"p", None),
        (ann, 2, b"q", b"crop"),
        (bob, 3, b"p", None),
    ]
    first = faces[0]
    assert first == StoredFace(**vars(new_face(1, b"p")), id=first.id, person=ann)
    with store.write():
        store.change_face(faces[1].id, bob, b"new", None)
        store.remove_faces([first.id])
    assert [(face.vector, face.number) for face in store.faces_of([bob])] == [
        (b"new", 2),
        (bytes([3]) * 64, 3),
    ]
    assert store.faces_of([ann]) == []


def test_a_removed_person_leaves_nothing_behind(store: Store) -> None:
    [ann, bob] = added(store, "Ann", "Bob")
    said = NewCorrection(**vars(new_face(1, b"p")), kind="reject")
    with store.write():
        store.add_faces([ann, bob], [new_face(1, b"p"), new_face(2, b"p")])
        store.add_correction(ann, said)
        store.add_correction(bob, said)
        [face] = store.faces_of([ann])
        store.set_next_vectors("face", {face.id: b"next"})
    assert [each.person for each in store.corrections_on(b"p")] == [ann, bob]
    with store.write():
        store.remove_person(ann)
    assert store.counts() == Counts(people=1, faces=1, crops=0, corrections=1, audit=0)
    assert store.next_vectors("face", [face.id]) == {}
    assert [each.person for each in store.corrections_on(b"p")] == [bob]
    assert store.check() == []
    assert added(store, "Cleo")[0] > bob  # numbers are not used twice


def test_corrections_change_hands(store: Store) -> None:
    [ann, bob] = added(store, "Ann", "Bob")
    with store.write():
        for kind in ("reject", "confirm"):
            store.add_correction(ann, NewCorrection(**vars(new_face(1, b"p")), kind=kind))  # type: ignore[arg-type]
    first, second = store.corrections_of([ann])
    assert (first.kind, second.kind) == ("reject", "confirm")
    with store.write():
        store.set_next_vectors("correction", {first.id: b"first", second.id: b"second"})
        store.change_correction(first.id, bob, b"other", b"crop")
        store.remove_corrections([second.id])
    assert store.next_vectors("correction", [first.id, second.id]) == {first.id: b"first"}
    [only] = store.corrections_of([ann, bob])
    assert (only.id, only.person, only.vector, only.crop, only.kind) == (
        first.id,
        bob,
        b"other",
        b"crop",
        "reject",
    )


def test_changes_are_counted_by_generation(store: Store) -> None:
    start = store.generation()
    [ann, bob] = added(store, "Ann", "Bob")
    middle = store.generation()
    assert middle > start
    with store.write():
        store.set_info("model", "m")  # no person changes
    assert store.generation() == middle
    with store.write():
        store.remove_person(ann)
    with store.write():
        store.change_person(bob, b"Bob", b"bob", b"t")
    assert store.changes_since(middle) == Changes(store.generation(), (bob,), (ann,))
    assert store.changes_since(start) == Changes(store.generation(), (bob,), (ann,))
    assert store.changes_since(store.generation()) == Changes(store.generation(), (), ())


def test_lists_come_in_pages(store: Store) -> None:
    ids = added(store, *(f"person {number}" for number in range(25)))
    seen, after = [], 0
    while page := store.people(after, 7):
        assert len(page) <= 7
        seen += [person.id for person in page]
        after = seen[-1]
    assert seen == ids
    assert [id for id, _ in store.templates(ids[9], 3)] == ids[10:13]
    with store.write():
        for number in range(5):
            store.add_audit(WHEN, "enroll", f"who-{number}", "1 faces")
    first = store.audit(limit=2)
    assert [entry.who for entry in first] == ["who-0", "who-1"]
    assert [entry.who for entry in store.audit(after=first[-1].id)] == ["who-2", "who-3", "who-4"]


def test_embeddings_by_the_next_model_are_kept_apart(store: Store) -> None:
    with store.write():
        store.set_next_vectors("face", {1: b"a", 2: b"b"})
        store.set_next_vectors("face", {2: b"c"})
        store.set_next_vectors("correction", {1: b"d"})
    assert store.next_vectors("face", [1, 2, 3]) == {1: b"a", 2: b"c"}
    assert store.next_vectors("correction", [1, 2, 3]) == {1: b"d"}
    with store.write():
        store.drop_next_vectors()
    assert store.next_vectors("face", [1, 2, 3]) == {}


def test_names_that_hold_a_text(store: Store) -> None:
    added(store, "Ann", "Joanna", "Bob")
    assert store.named_like(b"nn") == 2
    assert store.named_like(b"zz") == 0


def test_a_store_is_the_same_when_it_is_opened_again(tmp_path: Path) -> None:
    for name, make in NEW_STORES.items():
        folder = tmp_path / name
        folder.mkdir()
        store = make(folder)
        [ann] = added(store, "Ann")
        size = store.size()
        assert size > 0
        store.close()
        again = make(folder)
        assert again.info()["schema"] == str(VERSION)
        assert [person.id for person in again.people()] == [ann]
        again.close()


def test_who_reads_does_not_wait_for_one_who_writes(tmp_path: Path) -> None:
    store = new_sqlite(tmp_path)
    [ann] = added(store, "Ann")
    with store.write():
        # Another process, which would wait for a minute and then fail.
        again = new_sqlite(tmp_path)
        assert [person.id for person in again.people()] == [ann]
        again.close()
    store.close()


@pytest.mark.parametrize("create", [True, False])
def test_a_database_of_another_program_is_left_as_it_is(tmp_path: Path, create: bool) -> None:
    file = tmp_path / "places.sqlite"
    with sqlite3.connect(file) as foreign:
        foreign.execute("CREATE TABLE bookmarks (address TEXT)")
    foreign.close()
    before = file.read_bytes()
    with pytest.raises(StorageError, match="is no gallery, but a database with the table bookmarks"):
        open_store(file, create)
    assert file.read_bytes() == before


def test_tables_of_a_newer_version_are_refused(tmp_path: Path) -> None:
    for name, make in NEW_STORES.items():
        folder = tmp_path / name
        folder.mkdir()
        store = make(folder)
        with store.write():
            store.set_info("schema", str(VERSION + 1))
        store.close()
        with pytest.raises(StorageError, match="made by a newer Twinface"):
            make(folder)
