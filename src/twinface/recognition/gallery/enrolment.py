"""Enrols photos of a person: which of them are taken, and why the others are not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from twinface.core.errors import FaceNotFoundError, SeveralFacesError
from twinface.core.formatting import count
from twinface.core.threads import map_in_order
from twinface.core.types import Float32Array
from twinface.faces.encode import encode_jpeg
from twinface.faces.picture import Picture
from twinface.recognition.gallery.contents import clean_name, now
from twinface.recognition.gallery.corrections import take_back
from twinface.recognition.gallery.engine import Engine, ReadPhoto
from twinface.recognition.gallery.fusion import UNKNOWN_QUALITY, fuse
from twinface.recognition.gallery.records import Enrolment, LookAlike, PhotoResult, Review, Who
from twinface.recognition.gallery.stored import NewFace, StoredFace, StoredPerson
from twinface.recognition.photo_faces import AlignedFace


@dataclass(frozen=True, eq=False)
class Chosen:
    """A photo and the face of it that is to be enrolled.

    Attributes:
        photo: where it comes from.
        face: the face, or None if the photo is refused already.
        result: what is said of the photo so far.
        vector: [D], or None without a face.
    """

    photo: ReadPhoto
    face: AlignedFace | None
    result: PhotoResult
    vector: Float32Array | None = None

    def refused(self, *reasons: str) -> Chosen:
        """The same photo, refused for these reasons."""
        result = replace(self.result, accepted=False, reasons=(*self.result.reasons, *reasons))
        return Chosen(self.photo, None, result)

    def noted(self, *reasons: str) -> Chosen:
        """The same photo, with something to know about it."""
        return replace(self, result=replace(self.result, reasons=(*self.result.reasons, *reasons)))


def enrol(
    engine: Engine,
    who: Who,
    pictures: Sequence[Picture],
    review: Review,
    numbers: Sequence[int] | None = None,
) -> Enrolment:
    """Enrols photos of one person.

    Args:
        engine: of the gallery.
        who: the name of a person who is new or in the gallery already, or the id of one who is in it.
        pictures: at least one.
        review: how much is refused, see `docs/gallery.md`.
        numbers: of the face that is meant in each picture; None takes the verifier's choice.

    Raises:
        GalleryError: the name cannot be one.
        UnknownPersonError: nobody has the id, or nobody any more.
        ModelMismatchError: the gallery was moved to another model meanwhile.
        StorageError: the gallery cannot be written; then no photo was enrolled.
    """
    if isinstance(who, str):
        who = clean_name(who)
    else:
        engine.contents.find(who)  # nobody waits for photos of somebody who is not there
    meant: Sequence[int | None] = numbers or [None] * len(pictures)
    read = engine.read_many(pictures)
    chosen = [_choose(engine, photo, review, number) for photo, number in zip(read, meant, strict=True)]
    chosen = _embedded(engine, chosen)
    person = _found(engine, who)
    name = engine.contents.name_of(person) if person and isinstance(who, int) else str(who)
    known = engine.contents.store.faces_of([person.id]) if person else []
    engine.contents.check_model(engine.fingerprint)  # so these are embeddings of the same model
    chosen = _agreeing(engine, chosen, known, review)
    taken = [each for each in chosen if each.face is not None]
    if not taken:
        return Enrolment(name, person.id if person else None, False, tuple(each.result for each in chosen))
    alike = engine.look_alikes(_template(engine, taken, known), person.id if person else None)
    twins = [each.name for each in alike if each.same_person]
    if twins and review == "strict":
        reason = f"looks like {', '.join(twins)}, who is in the gallery already"
        results = tuple(each.refused(reason).result if each.face else each.result for each in chosen)
        return Enrolment(name, person.id if person else None, False, results, alike)
    id, is_new, chosen = _write(engine, who, chosen)
    return Enrolment(name, id, is_new, tuple(each.result for each in chosen), alike, _notes(name, alike))


def _found(engine: Engine, who: Who) -> StoredPerson | None:
    """The person; None for a name that is new. An id is never new: its person may have been forgotten meanwhile."""
    return engine.contents.find(who) if isinstance(who, int) else engine.contents.find_or_none(who)


def _choose(engine: Engine, photo: ReadPhoto, review: Review, number: int | None) -> Chosen:
    """The face of a photo that is meant, unless the photo is refused."""
    result = PhotoResult(photo.name, False, faces=len(photo.faces) if photo.problem is None else None)
    found = Chosen(photo, None, result)
    if photo.problem is not None:
        return found.refused(photo.problem)
    if not photo.faces:
        return found.refused("no face was found")
    try:
        face = engine.choose(photo, number)
    except (FaceNotFoundError, SeveralFacesError) as error:
        return found.refused(str(error))
    quality = face.quality
    found = Chosen(photo, face, replace(result, accepted=True, quality=quality.value if quality else None))
    if len(photo.faces) > 1 and number is None:
        if review == "strict":
            return found.refused(f"{len(photo.faces)} faces, and a strict review needs photos of one")
        found = found.noted(f"{len(photo.faces)} faces: the largest was taken")
    if quality is None or quality.word == "good":
        return found
    too_poor = quality.word == "poor" if review == "standard" else review == "strict"
    return found.refused(*quality.reasons) if too_poor else found.noted(*quality.reasons)


def _embedded(engine: Engine, chosen: Sequence[Chosen]) -> list[Chosen]:
    faces = [each.face for each in chosen if each.face is not None]
    if not faces:
        return list(chosen)
    # One by one, each core some of them: for most models that is as fast as batches, and needs less memory.
    vectors = map_in_order(lambda face: engine.verifier.embed_faces(face)[0], faces, together=1)
    return [replace(each, vector=next(vectors)) if each.face is not None else each for each in chosen]


def _agreeing(
    engine: Engine, chosen: Sequence[Chosen], known: Sequence[StoredFace], review: Review
) -> list[Chosen]:
    """Compares each face with the person's others, and refuses those of somebody else."""
    there = [each for each in chosen if each.vector is not None and each.face is not None]
    reference = _reference(engine, there, known)
    if reference is None:
        return list(chosen)
    result = []
    for each in chosen:
        if each.vector is None or each.vector is reference:
            result.append(each)
            continue
        verdict = engine.verifier.judge(float(engine.score(reference[None], each.vector)[0]))
        compared = replace(each, result=replace(each.result, score=verdict.score))
        if verdict:
            result.append(compared)
            continue
        looks = "does not look" if verdict.same is False else "may not look"
        reason = (
            f"{looks} like the person's other photos: score {verdict.score or 0:.3f}, threshold "
            f"{verdict.threshold:.3f}"
        )
        is_refused = verdict.same is False and review != "off"
        result.append(compared.refused(reason) if is_refused else compared.noted(reason))
    return result


def _reference(engine: Engine, there: Sequence[Chosen], known: Sequence[StoredFace]) -> Float32Array | None:
    """What the new faces are compared with: the person's template; else the face that is most like the others."""
    if known:
        return engine.contents.fused(known, engine.verifier.record.distance)
    if len(there) < 2:
        return None
    vectors = np.stack([each.vector for each in there if each.vector is not None])
    likeness = [float(engine.score(vectors, vector).sum()) for vector in vectors]
    return there[int(np.argmax(likeness))].vector


def _template(engine: Engine, taken: Sequence[Chosen], known: Sequence[StoredFace]) -> Float32Array:
    vectors = [each.vector for each in taken if each.vector is not None]
    vectors += [engine.contents.vector(face.vector) for face in known]
    quality = [_quality(each) for each in taken] + [face.quality for face in known]
    return fuse(np.stack(vectors), quality, engine.verifier.record.distance)


def _quality(chosen: Chosen) -> int:
    return UNKNOWN_QUALITY if chosen.result.quality is None else chosen.result.quality


def _write(engine: Engine, who: Who, chosen: Sequence[Chosen]) -> tuple[int | None, bool, list[Chosen]]:
    """Stores the faces. What another process has done in between is looked up again inside the transaction."""
    contents = engine.contents
    store = contents.store
    with store.write():
        contents.check_model(engine.fingerprint)
        person = _found(engine, who)
        photos = {face.photo: face.number for face in store.faces_of([person.id])} if person else {}
        result, new = [], []
        for each in chosen:
            if each.face is None or each.vector is None:
                result.append(each)
                continue
            number = photos.get(each.photo.key)
            if number is None:
                photos[each.photo.key] = each.face.number
                new.append(_stored(engine, each, each.face, each.vector))
                result.append(each)
            elif number == each.face.number:
                result.append(each.noted("was enrolled before"))
            else:
                result.append(
                    each.refused(
                        f"face {number} of this photo is enrolled: two faces of one photo are two people"
                    )
                )
        is_new = person is None and bool(new)
        if new:
            person = _with_faces(engine, person or contents.add_person(str(who)), new)
    return person.id if person else None, is_new, result


def _with_faces(engine: Engine, person: StoredPerson, new: Sequence[NewFace]) -> StoredPerson:
    contents = engine.contents
    for face in new:  # the last word on a face counts
        take_back(contents, person, face)
    contents.store.add_faces([person.id] * len(new), new)
    contents.refit(person)
    contents.record("enroll", person, count(len(new), "face"))
    return person


def _stored(engine: Engine, chosen: Chosen, face: AlignedFace, vector: Float32Array) -> NewFace:
    crop = encode_jpeg(face.pixels) if engine.contents.keeps_crops else None
    return NewFace(
        vector=engine.contents.seal(vector),
        quality=_quality(chosen),
        photo=chosen.photo.key,
        number=face.number,
        created=now(),
        crop=engine.contents.crop(crop),
    )


def _notes(name: str, alike: Sequence[LookAlike]) -> tuple[str, ...]:
    return tuple(
        f"{name} and {each.name} score as one person would ({each.score:.3f}): if they are, "
        f"`twinface merge '{name}' '{each.name}'`."
        if each.same_person
        else f"{name} and {each.name} look alike: about {100 * (each.rate or 0):.0f} of 100 photos of one would be "
        "taken for the other."
        for each in alike
    )
