"""Corrections are remembered: they change the next answers, and can be taken back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from photo_files import read_table
from toy_gallery import portrait, toy_gallery
from twinface.core.errors import GalleryError, ImageError, UnknownPersonError
from twinface.recognition.canvas import encode_png
from twinface.recognition.gallery.gallery import Gallery


@pytest.fixture
def gallery(tmp_path: Path) -> Gallery:
    opened = toy_gallery(tmp_path / "g.db")
    opened.enroll("Ann", portrait(0, 0), portrait(0, 1))
    opened.enroll("Bob", portrait(1))
    return opened


def name(gallery: Gallery, person: int, photo: int) -> str | None:
    return gallery.identify(portrait(person, photo)).faces[0].name


def test_a_table_passes_over_who_was_rejected(gallery: Gallery, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "a.png").write_bytes(encode_png(np.repeat(portrait(0, 7)[..., None], 3, axis=2)))
    gallery.reject("Ann", folder / "a.png")
    face = gallery.identify(folder / "a.png").faces[0]
    assert [(each.name, each.rejected) for each in face.candidates] == [("Ann", True), ("Bob", False)]
    gallery.identify_files(folder, tmp_path / "who.jsonl")
    [row] = read_table(tmp_path / "who.jsonl")
    bob = face.candidates[1]
    assert (row["name"], row["best"], row["probability"], row["score"]) == (
        face.name,
        "Bob",
        bob.probability,
        bob.score,
    )


def test_a_rejected_face_and_faces_like_it_are_not_the_person(gallery: Gallery) -> None:
    """Person 0 is here in truth two people: one looks like photo 0, the other, a twin, like noisier photos."""
    assert name(gallery, 0, 7) == "Ann"
    gallery.reject("Ann", portrait(0, 7))
    answer = gallery.identify(portrait(0, 7)).faces[0]
    assert answer.name is None
    [ann] = [candidate for candidate in answer.candidates if candidate.name == "Ann"]
    assert (ann.rejected, ann.probability) == (True, 0)
    assert "Not Ann: somebody has said so" in answer.notes[0]
    almost = portrait(0, 7)
    almost[0, 0] ^= 1  # another photo of the same face
    assert gallery.identify(almost).faces[0].name is None
    assert name(gallery, 0, 1) == "Ann"
    assert gallery.show("Ann").rejected == 1


def test_the_last_word_counts(gallery: Gallery) -> None:
    gallery.reject("Ann", portrait(0, 7))
    gallery.confirm("Ann", portrait(0, 7))
    assert name(gallery, 0, 7) == "Ann"
    details = gallery.show("Ann")
    assert (details.confirmed, details.rejected, details.person.faces) == (1, 0, 3)
    gallery.reject("Ann", portrait(0, 7))
    details = gallery.show("Ann")
    assert (details.confirmed, details.rejected, details.person.faces) == (0, 1, 2)
    assert name(gallery, 0, 7) is None


def test_a_confirmed_face_is_found_though_it_was_not_before(gallery: Gallery) -> None:
    """A person who has changed: the new photo does not look like the old ones."""
    assert name(gallery, 30, 0) is None
    gallery.confirm("Bob", portrait(30, 0))
    gallery.confirm("Bob", portrait(30, 1))
    assert name(gallery, 30, 2) == "Bob"


def test_a_moved_face_helps_the_right_person_and_speaks_against_the_other(gallery: Gallery) -> None:
    gallery.enroll("Ann", portrait(1, 5), review="off")
    face = gallery.show("Ann").faces[-1].id
    ann, bob = gallery.move(face, "Ann", "Bob")
    assert (ann.faces, bob.faces) == (2, 2)
    assert gallery.show("Ann").rejected == 1
    assert name(gallery, 1, 5) == "Bob"
    with pytest.raises(GalleryError, match="has no face"):
        gallery.move(face, "Ann", "Bob")
    gallery.enroll("Cleo", portrait(1, 5), review="off")
    with pytest.raises(GalleryError, match="two faces of one photo are two people"):
        gallery.move(face, "Bob", "Cleo")


def test_corrections_of_people_and_photos_that_are_not_there(gallery: Gallery, tmp_path: Path) -> None:
    with pytest.raises(UnknownPersonError):
        gallery.reject("Zoe", portrait(0))
    with pytest.raises(ImageError):
        gallery.confirm("Ann", tmp_path / "missing.jpg")
    with pytest.raises(ImageError, match="none is number 2"):
        gallery.confirm("Ann", portrait(0), face=2)


def test_corrections_go_with_the_person(gallery: Gallery) -> None:
    gallery.reject("Ann", portrait(0, 7))
    gallery.merge("Bob", "Ann")
    assert gallery.show("Bob").rejected == 1
    gallery.forget("Bob")
    assert gallery.stats().corrections == 0


def said_of(gallery: Gallery, person: str) -> tuple[int, int]:
    details = gallery.show(person)
    return details.confirmed, details.rejected


def test_a_face_that_is_moved_back_is_the_persons_again(gallery: Gallery) -> None:
    face = gallery.show("Ann").faces[-1].id
    gallery.move(face, "Ann", "Bob")
    gallery.move(face, "Bob", "Ann")
    assert name(gallery, 0, 1) == "Ann"
    assert (said_of(gallery, "Ann"), said_of(gallery, "Bob")) == ((0, 0), (0, 1))


def test_a_move_is_the_last_word_for_both_people(gallery: Gallery) -> None:
    gallery.confirm("Ann", portrait(1, 5))
    gallery.reject("Bob", portrait(1, 5))
    assert name(gallery, 1, 5) is None
    gallery.move(gallery.show("Ann").faces[-1].id, "Ann", "Bob")
    assert name(gallery, 1, 5) == "Bob"
    assert (said_of(gallery, "Ann"), said_of(gallery, "Bob")) == ((0, 1), (0, 0))


def test_the_one_who_is_named_is_among_the_candidates_that_are_shown(gallery: Gallery) -> None:
    gallery.enroll("Annie", portrait(0, 3))  # the same face as Ann's
    photo = next(
        number
        for number in range(20, 60)
        if gallery.identify(portrait(0, number)).faces[0].candidates[0].name == "Ann"
    )
    gallery.reject("Ann", portrait(0, photo))
    face = gallery.identify(portrait(0, photo), count=1).faces[0]
    assert face.name == "Annie"
    assert [each.name for each in face.candidates] == ["Ann", "Annie"]


def test_to_enrol_a_face_is_the_last_word_on_it(gallery: Gallery) -> None:
    gallery.reject("Bob", portrait(1, 5))
    assert name(gallery, 1, 5) is None
    assert gallery.enroll("Bob", portrait(1, 5))
    assert name(gallery, 1, 5) == "Bob"
    assert said_of(gallery, "Bob") == (0, 0)


@pytest.mark.parametrize("first", ["Ann", "Annie"])
def test_a_merge_is_the_last_word_on_the_faces_of_both(gallery: Gallery, first: str) -> None:
    gallery.enroll("Annie", portrait(0, 2))
    gallery.reject("Annie", portrait(0, 1))  # a face of Ann
    gallery.reject("Ann", portrait(0, 2))  # and one of Annie
    gallery.reject("Annie", portrait(40))  # nobody's
    gallery.merge(first, "Annie" if first == "Ann" else "Ann")
    assert [name(gallery, 0, photo) for photo in (1, 2)] == [first, first]
    assert said_of(gallery, first) == (0, 1)


def test_a_correction_is_a_change_of_the_gallery(gallery: Gallery, tmp_path: Path) -> None:
    """A table of who is on which photo is not continued after it."""
    for change in (
        lambda: gallery.reject("Ann", portrait(0, 7)),
        lambda: gallery.confirm("Ann", portrait(0, 7)),
    ):
        before = gallery.stats().generation
        change()
        assert gallery.stats().generation > before


def test_a_verdict_about_a_rejected_face_says_so(gallery: Gallery) -> None:
    assert gallery.verify("Ann", portrait(0, 7)).notes == ()
    gallery.reject("Ann", portrait(0, 7))
    assert gallery.verify("Ann", portrait(0, 7)).notes == ("Somebody said of this face that it is not Ann.",)
    assert gallery.verify("Ann", portrait(0, 8)).notes == ()
