"""What people say about the answers: this is the person, this is not, this face belongs to somebody else."""

from __future__ import annotations

from twinface.core.errors import GalleryError
from twinface.faces.encode import encode_jpeg
from twinface.faces.picture import Picture
from twinface.recognition.gallery.contents import Contents, now
from twinface.recognition.gallery.engine import Engine
from twinface.recognition.gallery.fusion import UNKNOWN_QUALITY
from twinface.recognition.gallery.records import Person, Who
from twinface.recognition.gallery.stored import Kind, NewCorrection, NewFace, StoredFace, StoredPerson


def confirm(engine: Engine, who: Who, picture: Picture, number: int | None) -> Person:
    """See `Gallery.confirm`."""
    contents, said = engine.contents, _said(engine, picture, number, "confirm")
    store = contents.store
    with store.write():
        contents.check_model(engine.fingerprint)
        person = contents.find(who)
        take_back(contents, person, said)
        there = _face_of(contents, person, said.photo)
        if there is not None and there.number != said.number:
            name = contents.name_of(person)
            raise GalleryError(
                f"face {there.number} of this photo is {name}'s, and two faces of one photo are two people: move or "
                "reject that one first"
            )
        if there is None:
            face = NewFace(said.vector, said.quality, said.photo, said.number, said.created, said.crop)
            store.add_faces([person.id], [face])
            contents.refit(person)
        store.add_correction(person.id, said)
        contents.record("confirm", person)
        return contents.person(person.id)


def reject(engine: Engine, who: Who, picture: Picture, number: int | None) -> Person:
    """See `Gallery.reject`."""
    contents, said = engine.contents, _said(engine, picture, number, "reject")
    store = contents.store
    with store.write():
        contents.check_model(engine.fingerprint)
        person = contents.find(who)
        take_back(contents, person, said)
        there = _face_of(contents, person, said.photo)
        if there is not None and there.number == said.number:
            store.remove_faces([there.id])
            contents.refit(person)
        store.add_correction(person.id, said)
        contents.record("reject", person)
        return contents.person(person.id)


def move(contents: Contents, face: int, who: Who, to: Who) -> tuple[Person, Person]:
    """See `Gallery.move`."""
    store = contents.store
    with store.write():
        person, other = contents.find(who), contents.find(to)
        found = [each for each in store.faces_of([person.id]) if each.id == face]
        if not found or person.id == other.id:
            name = contents.name_of(person)
            raise GalleryError(f"{name} has no face {face} to give away: `twinface show` lists the faces")
        moved = found[0]
        there = _face_of(contents, other, moved.photo)
        if there is not None:
            raise GalleryError(
                f"{contents.name_of(other)} has a face of that photo already, and two faces of one photo are two people"
            )
        store.change_face(moved.id, other.id, moved.vector, moved.crop)
        said = NewCorrection(
            moved.vector, moved.quality, moved.photo, moved.number, now(), moved.crop, kind="reject"
        )
        take_back(contents, person, said)
        take_back(contents, other, said)
        store.add_correction(person.id, said)
        contents.refit(person)
        contents.refit(other)
        contents.record("move", person, "1 faces")
        return contents.person(person.id), contents.person(other.id)


def _said(engine: Engine, picture: Picture, number: int | None, kind: Kind) -> NewCorrection:
    photo, face = engine.face(picture, number)
    contents = engine.contents
    crop = encode_jpeg(face.pixels) if contents.keeps_crops else None
    return NewCorrection(
        vector=contents.seal(engine.verifier.embed_faces(face)[0]),
        quality=face.quality.value if face.quality else UNKNOWN_QUALITY,
        photo=photo.key,
        number=face.number,
        created=now(),
        crop=contents.crop(crop),
        kind=kind,
    )


def take_back(contents: Contents, person: StoredPerson, said: NewFace) -> None:
    """Forgets what was said of this very face and this person before: the same, or the opposite."""
    earlier = [
        each.id
        for each in contents.store.corrections_on(said.photo)
        if each.person == person.id and each.number == said.number
    ]
    contents.store.remove_corrections(earlier)


def _face_of(contents: Contents, person: StoredPerson, photo: bytes) -> StoredFace | None:
    """The person's face of a photo, or None."""
    return next((face for face in contents.store.faces_of([person.id]) if face.photo == photo), None)
