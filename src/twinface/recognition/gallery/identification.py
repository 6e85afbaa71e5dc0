"""Compares a photo with the people of a gallery: who is on it, or nobody; or, is it this person?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from twinface.core.errors import GalleryError, SettingsError
from twinface.core.types import Float32Array
from twinface.faces.picture import Picture
from twinface.recognition.gallery.engine import Engine, ReadPhoto
from twinface.recognition.gallery.open_set import MEASURED, check_fpir, false_positive_rate, probabilities
from twinface.recognition.gallery.records import Candidate, Identification, IdentifiedFace, Who
from twinface.recognition.gallery.stored import StoredCorrection
from twinface.recognition.photo_faces import AlignedFace
from twinface.recognition.rates import WantedRates
from twinface.recognition.verdict import Verdict, VerdictFace
from twinface.recognition.verifier import is_poor

POOR_FACE_NOTE = "This face is of poor quality, for which the error rates do not hold."
_PROPOSED = 32  # people that are scored exactly for each face, at least


def identify(engine: Engine, picture: Picture, count: int, fpir: float) -> Identification:
    """Who is on a photo.

    Args:
        engine: of the gallery.
        picture: in any form that `load_picture` takes.
        count: of candidates to show for each face, at most, besides the one whose name it gets.
        fpir: of how many strangers one may be taken for somebody, in (0, 1].

    Raises:
        ImageError: the photo cannot be read.
        SettingsError: `fpir` or `count` is out of range.
    """
    return identify_photo(engine, engine.read(picture), count, fpir)


def verify_person(
    engine: Engine, who: Who, picture: Picture, rates: WantedRates | None, any_quality: bool
) -> Verdict:
    """See `Gallery.verify`."""
    verifier = engine.verifier.deciding(rates, any_quality=any_quality)
    contents, person = engine.contents, engine.contents.find(who)
    contents.check_model(engine.fingerprint)
    name = contents.name_of(person)
    if person.template is None:
        raise GalleryError(f"{name}: has no face in the gallery any more: enrol a new photo")
    engine.people()  # brings the rates up to date
    photo, face = engine.face(picture, None)
    vector = engine.verifier.embed_faces(face)[0]
    score = float(engine.template_scores(contents.vector(person.template)[None], vector)[0])
    verdict = verifier.judge_faces(score, face)
    said = [(each.person, each.number, each.kind) for each in contents.store.corrections_on(photo.key)]
    if (person.id, face.number, "reject") not in said:
        return verdict
    return replace(verdict, notes=(*verdict.notes, f"Somebody said of this face that it is not {name}."))


def identify_photo(engine: Engine, photo: ReadPhoto, count: int, fpir: float) -> Identification:
    """As `identify`, for a photo that is read already."""
    check_fpir(fpir)
    if count < 0:
        raise SettingsError(f"count: found {count}, need 0 or more")
    record = engine.verifier.record
    found: list[IdentifiedFace] = []
    people = engine.people()
    if photo.faces:
        vectors = engine.verifier.embed_faces(*photo.faces)
        proposed = engine.search.candidates(vectors, max(_PROPOSED, 4 * count))
        ranked = [
            _candidates(engine, photo, number, vector, ids, people)
            for number, (vector, ids) in enumerate(zip(vectors, proposed, strict=True), start=1)
        ]
        names = assign([candidates for candidates, _ in ranked], fpir)
        found = [
            IdentifiedFace(
                VerdictFace.of(face),
                name,
                _shown(candidates, name, count),
                nobody,
                tuple(_notes(face, candidates, name, fpir)),
            )
            for face, (candidates, nobody), name in zip(photo.faces, ranked, names, strict=True)
        ]
    return Identification(
        faces=tuple(found),
        people=people,
        fpir=fpir,
        model=record.name,
        threshold_fitted_on=record.threshold.fitted_on,
        trained_on=record.provenance.trained_on,
        rates="; ".join(filter(None, (MEASURED.get(record.name, ""), engine.strangers.note))),
    )


def _shown(candidates: Sequence[Candidate], name: str | None, count: int) -> tuple[Candidate, ...]:
    """The first candidates, and the one whose name the face gets."""
    return (*candidates[:count], *(each for each in candidates[count:] if each.name == name))


def _candidates(
    engine: Engine, photo: ReadPhoto, number: int, face: Float32Array, ids: Sequence[int], people: int
) -> tuple[list[Candidate], float]:
    """The proposed people with exact scores, the highest first; and the probability of nobody."""
    contents = engine.contents
    # From the tables: who was removed since the search is not there any more.
    rows = [person for person in contents.store.people_with(ids) if person.template]
    if not rows:
        return [], 1.0
    said: dict[int, list[StoredCorrection]] = {}
    for correction in contents.store.corrections_of([row.id for row in rows]):
        said.setdefault(correction.person, []).append(correction)
    contents.check_model(engine.fingerprint)
    scores = engine.template_scores(np.stack([contents.vector(row.template or b"") for row in rows]), face)
    order = np.argsort(-scores, kind="stable")
    rows, scores = [rows[place] for place in order], scores[order]
    rejected = np.array(
        [
            _is_rejected(engine, said.get(row.id, []), photo.key, number, face, score)
            for row, score in zip(rows, scores.tolist(), strict=True)
        ]
    )
    count = max(people, len(rows))
    chances, nobody = np.zeros(len(rows)), 1.0
    chances[~rejected], nobody = probabilities(engine.rates, scores[~rejected], count - int(rejected.sum()))
    fpir = false_positive_rate(engine.rates, scores, count)
    values = zip(rows, scores.tolist(), chances.tolist(), fpir.tolist(), rejected.tolist(), strict=True)
    return [Candidate(contents.name_of(row), row.id, *rest) for row, *rest in values], nobody


def _is_rejected(
    engine: Engine,
    said: Sequence[StoredCorrection],
    photo: bytes,
    number: int,
    face: Float32Array,
    score: float,
) -> bool:
    """Whether a face is one of which somebody has said "not this person", or is more like such a face than like the
    person.
    """
    against = [each for each in said if each.kind == "reject"]
    if not against:
        return False
    if any(each.photo == photo and each.number == number for each in against):
        return True
    vectors = [engine.contents.vector(each.vector) for each in against]
    vectors = [vector for vector in vectors if len(vector)]  # after a change of the model some are not known
    if not vectors:
        return False
    return float(engine.score(np.stack(vectors), face).max()) >= max(
        score, engine.verifier.record.threshold.value
    )


def assign(faces: Sequence[Sequence[Candidate]], fpir: float) -> list[str | None]:
    """Who is on each face: the candidate with the highest score that few enough strangers reach.

    Nobody is on a photo twice: of two faces, the one with the higher score gets the name, and the other one its next
    candidate.

    Args:
        faces: the candidates of each.
        fpir: the limit.
    """
    possible = [
        (candidate.score, place, candidate.name)
        for place, candidates in enumerate(faces)
        for candidate in candidates
        if candidate.fpir <= fpir and not candidate.rejected
    ]
    names: list[str | None] = [None] * len(faces)
    for _, place, name in sorted(possible, key=lambda each: -each[0]):
        if names[place] is None and name not in names:
            names[place] = name
    return names


def _notes(face: AlignedFace, candidates: Sequence[Candidate], name: str | None, fpir: float) -> list[str]:
    notes = [POOR_FACE_NOTE] if is_poor(face.quality) else []
    passed = [each for each in candidates if each.fpir <= fpir]
    for each in passed:
        if each.rejected:
            notes.append(
                f"Not {each.name}: somebody has said so of this face, or of one that is more like it."
            )
    if name is None and (able := [each for each in passed if not each.rejected]):
        notes.append(f"Another face of this photo is {able[0].name}, with a higher score.")
    close = [each for each in passed if not each.rejected and each.name != name]
    if name is not None and close:
        notes.append(f"{close[0].name} scores high enough, too: {close[0].score:.3f}.")
    return notes
