"""Verbs of a gallery: enrol, identify, verify, rename, merge, split, forget; and rules that protect it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import twinface
from toy_gallery import PixelModel, portrait, toy_gallery
from twinface.cli.people import forget
from twinface.core.errors import (
    GalleryError,
    ImageError,
    ModelMismatchError,
    NameTakenError,
    SettingsError,
    UnknownPersonError,
)
from twinface.models.catalog import best_installed
from twinface.recognition.gallery import corrections
from twinface.recognition.gallery.contents import GallerySettings, model_place
from twinface.recognition.gallery.enrolment import enrol
from twinface.recognition.gallery.gallery import Gallery


@pytest.fixture
def gallery(tmp_path: Path) -> Gallery:
    opened = toy_gallery(tmp_path / "g.db")
    for number, name in enumerate(("Ann", "Bob", "Cleo")):
        assert opened.enroll(name, portrait(number, 0), portrait(number, 1))
    return opened


def best(gallery: Gallery, person: int, photo: int = 5) -> str | None:
    [face] = gallery.identify(portrait(person, photo)).faces
    return face.name


def test_people_are_found_again_and_strangers_are_nobody(gallery: Gallery) -> None:
    answer = gallery.identify(portrait(1, 9), count=2)
    assert answer
    [face] = answer.faces
    assert (face.name, face.candidates[0].name) == ("Bob", "Bob")
    assert len(face.candidates) == 2
    assert sum(candidate.probability for candidate in face.candidates) + face.nobody <= 1 + 1e-9
    assert face.candidates[0].probability > 0.99
    assert (answer.people, answer.fpir, answer.model) == (3, 0.01, "pixels")
    stranger = gallery.identify(portrait(77))
    assert not stranger
    assert stranger.faces[0].name is None
    assert stranger.faces[0].nobody > 0.99
    assert all(candidate.fpir > 0.01 for candidate in stranger.faces[0].candidates)


def test_a_person_is_verified_by_name(gallery: Gallery) -> None:
    assert gallery.verify("ann", portrait(0, 4))
    verdict = gallery.verify("Ann", portrait(1, 4))
    assert (verdict.same, verdict.outcome) == (False, "different")
    with pytest.raises(UnknownPersonError, match=r"nobody in the gallery .* is named 'Zoe'"):
        gallery.verify("Zoe", portrait(0))


def test_the_list_of_people_comes_in_pages(gallery: Gallery) -> None:
    first = gallery.people(limit=2)
    assert [(person.name, person.faces) for person in first] == [("Ann", 2), ("Bob", 2)]
    assert [person.name for person in gallery.people(after=first[-1].id)] == ["Cleo"]
    assert [person.name for person in gallery] == ["Ann", "Bob", "Cleo"]
    assert len(gallery) == 3
    assert "ANN " in gallery
    assert "Zoe" not in gallery


def test_everything_is_there_when_it_is_opened_again(gallery: Gallery, tmp_path: Path) -> None:
    before = gallery.show("Ann")
    gallery.close()
    again = toy_gallery(tmp_path / "g.db", create=False)
    assert again.show("Ann") == before
    assert best(again, 2) == "Cleo"
    stats = again.stats()
    assert (stats.people, stats.faces, stats.model, stats.embedding_size) == (3, 6, "pixels", 256)
    assert stats.bytes > 0


def test_a_photo_is_enrolled_once(gallery: Gallery) -> None:
    again = gallery.enroll("Ann", portrait(0, 1))
    assert again
    assert again.photos[0].reasons == ("was enrolled before",)
    assert len(gallery.show("Ann").faces) == 2


def test_a_photo_of_somebody_else_is_refused_unless_review_is_off(gallery: Gallery) -> None:
    wrong = gallery.enroll("Ann", portrait(1, 3), portrait(0, 3))
    assert [photo.accepted for photo in wrong.photos] == [False, True]
    assert "does not look like the person's other photos" in wrong.photos[0].reasons[0]
    assert gallery.enroll("Ann", portrait(1, 3), review="off").photos[0].accepted
    with pytest.raises(GalleryError, match="need one of off, standard, strict"):
        gallery.enroll("Ann", portrait(0), review="lax")  # type: ignore[arg-type]


def test_of_new_photos_that_disagree_the_odd_one_is_refused(gallery: Gallery) -> None:
    result = gallery.enroll("Dora", portrait(40, 0), portrait(41, 0), portrait(40, 1))
    assert [photo.accepted for photo in result.photos] == [True, False, True]


def test_one_person_under_two_names_is_noticed(gallery: Gallery) -> None:
    strict = gallery.enroll("Anna", portrait(0, 6), review="strict")
    assert not strict
    assert strict.id is None
    assert "looks like Ann, who is in the gallery already" in strict.photos[0].reasons[-1]
    assert "Anna" not in gallery
    standard = gallery.enroll("Anna", portrait(0, 6))
    assert standard
    assert standard.is_new
    [twin] = standard.look_alikes
    assert (twin.name, twin.same_person) == ("Ann", True)
    assert "score as one person would" in standard.notes[0]


def test_merged_people_are_one(gallery: Gallery) -> None:
    gallery.enroll("Anna", portrait(0, 6), portrait(0, 1))
    merged = gallery.merge("Ann", "Anna")
    assert (merged.name, merged.faces) == ("Ann", 3)
    assert "Anna" not in gallery
    assert best(gallery, 0) == "Ann"
    with pytest.raises(GalleryError, match="one person already"):
        gallery.merge("Ann", "ANN")


def test_a_person_is_split_by_hand_or_by_likeness(gallery: Gallery) -> None:
    gallery.enroll("Ann", portrait(1, 3), portrait(1, 4), review="off")
    first, second = gallery.split("Ann", "Bobby")
    assert (first.faces, second.faces) == (2, 2)
    assert {face.name for face in gallery.identify(portrait(1, 9)).faces} <= {"Bob", "Bobby"}
    assert best(gallery, 0) == "Ann"
    with pytest.raises(GalleryError, match="all faces look like one person"):
        gallery.split("Ann", "Other")
    faces = [face.id for face in gallery.show("Ann").faces]
    with pytest.raises(GalleryError, match="need some of them, and not all"):
        gallery.split("Ann", "Other", faces)
    with pytest.raises(NameTakenError):
        gallery.split("Ann", "Bob", faces[:1])
    assert [person.faces for person in gallery.split("Ann", "Other", faces[:1])] == [1, 1]


def test_a_person_without_two_faces_cannot_be_split(gallery: Gallery) -> None:
    gallery.enroll("Dora", portrait(9))
    with pytest.raises(GalleryError, match="Dora: found 1 faces, need two or more"):
        gallery.split("Dora", "Eve")
    gallery.reject("Dora", portrait(9))
    with pytest.raises(GalleryError, match="Dora: found 0 faces, need two or more"):
        gallery.split("Dora", "Eve")
    assert "Eve" not in gallery


def test_what_cannot_be_a_name_is_not_in_the_gallery(gallery: Gallery) -> None:
    assert ["ann" in gallery, "" in gallery, "\0" in gallery, 7 in gallery] == [True, False, False, False]


def test_a_person_gets_another_name(gallery: Gallery) -> None:
    assert gallery.rename("ann", "Ann Smith").name == "Ann Smith"
    assert best(gallery, 0) == "Ann Smith"
    assert gallery.rename("Ann Smith", "ANN SMITH").name == "ANN SMITH"
    with pytest.raises(NameTakenError):
        gallery.rename("Bob", "cleo")
    with pytest.raises(UnknownPersonError):
        gallery.rename("Ann", "Zoe")


@pytest.mark.parametrize("name", ["", "  ", "a" * 201, "a\x1b[2Jb", "\ud800"])
def test_names_that_are_none(gallery: Gallery, name: str) -> None:
    with pytest.raises(GalleryError, match="cannot be a name"):
        gallery.enroll(name, portrait(0))


def test_a_forgotten_person_is_not_found_even_by_who_has_searched_before(
    gallery: Gallery, tmp_path: Path
) -> None:
    other = toy_gallery(tmp_path / "g.db")
    assert best(other, 0) == "Ann"
    gallery.forget("Ann")
    assert best(gallery, 0) is None
    assert best(other, 0) is None
    assert [person.name for person in other] == ["Bob", "Cleo"]
    with pytest.raises(UnknownPersonError):
        gallery.forget("Ann")
    gallery.enroll("Ann", portrait(50, 0))
    assert best(other, 50) == "Ann"
    assert best(other, 0) is None


def test_bad_photos_are_said_one_by_one(gallery: Gallery, tmp_path: Path) -> None:
    (tmp_path / "no picture.jpg").write_bytes(b"hello")
    result = gallery.enroll("Eve", tmp_path / "no picture.jpg", tmp_path / "missing.jpg", portrait(60))
    assert [photo.accepted for photo in result.photos] == [False, False, True]
    assert "no such file" in result.photos[1].reasons[0]
    with pytest.raises(ImageError):
        gallery.identify(tmp_path / "missing.jpg")
    with pytest.raises(SettingsError, match="fpir 0"):
        gallery.identify(portrait(0), fpir=0)
    with pytest.raises(GalleryError, match="at least one"):
        gallery.enroll("Eve")
    assert not gallery.enroll("Fay", tmp_path / "missing.jpg")
    assert "Fay" not in gallery


def test_another_model_is_refused(gallery: Gallery, tmp_path: Path) -> None:
    model = PixelModel("other")
    model.fingerprint = "e" * 64
    other = toy_gallery(tmp_path / "g.db", model=model)
    with pytest.raises(ModelMismatchError, match="was made with the model pixels"):
        other.identify(portrait(0))
    assert len(other) == 3  # what needs no model works


def test_a_gallery_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(GalleryError, match="found no gallery there"):
        twinface.Gallery(tmp_path / "none.db", create=False)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(GalleryError, match="found no store for such a URL"):
        twinface.Gallery("mysql://a:secret@b/c")
    monkeypatch.setenv("TWINFACE_GALLERY", str(tmp_path / "mine.db"))
    with twinface.Gallery() as mine:
        assert mine.stats().place == str(tmp_path / "mine.db")
        assert np.array([person.id for person in mine]).size == 0


def test_the_audit_log_names_nobody(gallery: Gallery) -> None:
    gallery.rename("Ann", "Ann Smith")
    gallery.forget("Bob")
    log = gallery.audit()
    assert [entry.what for entry in log] == ["enroll", "enroll", "enroll", "rename", "forget"]
    assert log[0].who == log[3].who != ""
    assert log[4].who == ""
    everything = " ".join(str(vars(entry)) for entry in log)
    assert not any(name in everything for name in ("Ann", "Bob", "Cleo"))


def test_settings_are_for_new_galleries(gallery: Gallery, tmp_path: Path) -> None:
    with pytest.raises(GalleryError, match="encryption off and without crops, which cannot be changed"):
        toy_gallery(tmp_path / "g.db", create=GallerySettings(keep_crops=True))
    with pytest.raises(GalleryError, match="cannot be changed"):
        toy_gallery(tmp_path / "g.db", create=GallerySettings(encryption="all"))
    assert len(toy_gallery(tmp_path / "g.db", create=GallerySettings(encryption="off"))) == 3


def test_a_gallery_that_was_moved_meanwhile_takes_no_embedding_of_the_old_model(gallery: Gallery) -> None:
    engine = gallery.engine
    with gallery.store.write():
        gallery.store.set_info("fingerprint", "e" * 64)
    with pytest.raises(ModelMismatchError, match="meanwhile"):
        enrol(engine, "Dora", [portrait(9)], "off")
    with pytest.raises(ModelMismatchError, match="meanwhile"):
        corrections.confirm(engine, "Ann", portrait(0, 9), None)
    assert len(gallery) == 3


def test_the_best_model_is_written_down_by_its_own_name(tmp_path: Path) -> None:
    assert model_place("best") == best_installed()
    assert model_place("default") == "default"
    assert model_place(tmp_path / "best") == str(tmp_path / "best")


def test_an_id_is_one_person_whatever_the_names_are(tmp_path: Path) -> None:
    gallery = toy_gallery(tmp_path / "g.db")
    ann, bob = gallery.enroll("Ann", portrait(0)).id, gallery.enroll("Bob", portrait(1)).id
    assert ann is not None
    assert bob is not None
    gallery.rename(ann, "Anna")
    gallery.rename(bob, "Ann")
    assert (gallery.show(ann).person.name, gallery.show(bob).person.name) == ("Anna", "Ann")
    assert gallery.enroll(ann, portrait(0, 1)).name == "Anna"
    assert gallery.verify(ann, portrait(0, 2)).same
    gallery.forget(ann)
    assert [person.name for person in gallery] == ["Ann"]
    with pytest.raises(UnknownPersonError):
        gallery.enroll(ann, portrait(0))
    assert gallery.merge(bob, gallery.enroll("Bert", portrait(1, 1), review="off").id or 0).id == bob


def test_an_id_is_any_whole_number(gallery: Gallery) -> None:
    ann = gallery.people()[0].id
    assert gallery.show(np.int64(ann)).person.name == "Ann"  # type: ignore[arg-type]
    for nobody in (0, -1, 1 << 63):
        with pytest.raises(UnknownPersonError, match=f"nobody in the gallery has the id {nobody}"):
            gallery.show(nobody)


def test_a_number_of_candidates_below_0_is_refused(gallery: Gallery) -> None:
    with pytest.raises(SettingsError, match="count: found -1, need 0 or more"):
        gallery.identify(portrait(1, 9), count=-1)


def test_the_person_is_forgotten_whose_name_was_shown(
    gallery: Gallery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody gives the name to another person while the command waits for its answer."""

    def renamed(name: str) -> bool:
        gallery.rename("Ann", "Ann Smith")
        gallery.rename("Bob", name)
        return True

    monkeypatch.setattr("twinface.cli.people._is_sure", renamed)
    forget(gallery=str(tmp_path / "g.db"), key_file=None, name="Ann")
    assert [person.name for person in gallery] == ["Ann", "Cleo"]
