"""A gallery moves to another model: from kept crops, all at once, and a stopped call goes on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from toy_gallery import NEW_STORES, PixelModel, portrait, toy_gallery
from twinface.core.errors import GalleryError, ModelMismatchError
from twinface.core.types import ByteArray, Float32Array
from twinface.recognition.gallery.contents import GallerySettings
from twinface.recognition.gallery.gallery import Gallery


class HalfModel(PixelModel):
    """The same pixels in another order, without the last row: shorter embeddings that say the same."""

    fingerprint = "a" * 64

    def __init__(self) -> None:
        super().__init__("half")
        object.__setattr__(self.record, "embedding_size", 240)
        self.calls = 0

    def __call__(self, faces: ByteArray) -> Float32Array:
        self.calls += len(faces)
        return np.ascontiguousarray(super().__call__(faces)[:, :240][:, ::-1])


@pytest.fixture(params=NEW_STORES)
def gallery(request: pytest.FixtureRequest, tmp_path: Path) -> Gallery:
    store = NEW_STORES[request.param](tmp_path)
    place = getattr(store, "url", store.place)
    store.close()
    opened = toy_gallery(place, create=GallerySettings(keep_crops=True))
    for number in range(6):
        opened.enroll(f"person {number}", portrait(number, 0), portrait(number, 1))
    opened.place = place  # type: ignore[attr-defined]
    return opened


def name(gallery: Gallery, person: int, photo: int = 7) -> str | None:
    return gallery.identify(portrait(person, photo)).faces[0].name


def drop_crops(gallery: Gallery, person: str) -> None:
    """As if the person had been enrolled before crops were kept."""
    with gallery.store.write():
        for face in gallery.store.faces_of([gallery.contents.find(person).id]):
            gallery.store.change_face(face.id, face.person, face.vector, None)


def test_everybody_is_found_by_the_new_model_and_corrections_stay(gallery: Gallery) -> None:
    gallery.reject("person 1", portrait(1, 7))
    other = toy_gallery(gallery.place, model=None)  # type: ignore[attr-defined]
    other._model = PixelModel()
    assert name(other, 0) == "person 0"
    done = gallery.reembed(HalfModel())
    assert (done.is_finished, done.faces, done.lost, done.photograph_again) == (True, 12, 0, ())
    assert [name(gallery, number) for number in range(6)] == [
        f"person {number}" if number != 1 else None for number in range(6)
    ]
    assert name(gallery, 99) is None
    assert name(gallery, 1, 0) == "person 1"
    stats = gallery.stats()
    assert (stats.model, stats.embedding_size) == ("half", 240)
    with pytest.raises(ModelMismatchError):  # it had loaded the model of before
        name(other, 0)
    assert gallery.check() == []


def test_people_without_a_crop_are_named_and_the_old_model_serves(gallery: Gallery) -> None:
    drop_crops(gallery, "person 2")
    model = HalfModel()
    done = gallery.reembed(model)
    assert (done.is_finished, done.photograph_again, done.lost) == (False, ("person 2",), 2)
    assert name(gallery, 2) == "person 2"
    assert gallery.stats().model == "pixels"
    seen = model.calls
    assert gallery.reembed(model, leave_out=True).is_finished
    assert model.calls == seen  # nothing was embedded twice
    assert name(gallery, 2) is None
    assert [person.faces for person in gallery][2] == 0
    with pytest.raises(GalleryError, match="has no face in the gallery any more"):
        gallery.verify("person 2", portrait(2))
    assert gallery.enroll("person 2", portrait(2, 3))
    assert name(gallery, 2) == "person 2"


def test_a_stopped_call_goes_on_and_sees_who_came_meanwhile(gallery: Gallery) -> None:
    class StoppedError(Exception):
        pass

    class Stopping(HalfModel):
        def __call__(self, faces: ByteArray) -> Float32Array:
            if self.calls:
                raise StoppedError
            return super().__call__(faces)

    for number in range(6, 20):
        gallery.enroll(f"person {number}", portrait(number))
    stopping = Stopping()
    with pytest.raises(StoppedError):
        gallery.reembed(stopping)
    assert name(gallery, 3) == "person 3"
    gallery.enroll("late", portrait(30))
    model = HalfModel()
    assert gallery.reembed(model).faces == 27
    assert model.calls == 27 - stopping.calls
    assert name(gallery, 30) == "late"


def test_without_crops_it_says_what_to_do(tmp_path: Path) -> None:
    gallery = toy_gallery(tmp_path / "g.db")
    gallery.enroll("Ann", portrait(0))
    with pytest.raises(GalleryError, match="keeps no crops"):
        gallery.reembed(HalfModel())
