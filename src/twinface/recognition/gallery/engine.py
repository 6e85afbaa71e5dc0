"""What enrolling and identifying share: a model, its error rates, and the templates of one gallery."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from twinface.core.errors import FaceNotFoundError, ImageError
from twinface.core.threads import map_in_order
from twinface.core.types import Float32Array, FloatArray
from twinface.faces.picture import Picture, load_picture
from twinface.models.catalog import card_of
from twinface.models.record import ModelRecord
from twinface.recognition.gallery.contents import Contents
from twinface.recognition.gallery.fusion import angular_length
from twinface.recognition.gallery.look_alikes import confusion_rate
from twinface.recognition.gallery.open_set import false_positive_rate
from twinface.recognition.gallery.own_strangers import OwnStrangers
from twinface.recognition.gallery.records import LookAlike
from twinface.recognition.gallery.score_rates import ScoreRates, score_rates
from twinface.recognition.gallery.search import Search, open_search
from twinface.recognition.photo_faces import AlignedFace
from twinface.recognition.verifier import Verifier

FPIR = 0.01  # of how many strangers one may be taken for somebody, where the caller does not say
_ALIKE = 0.01  # a confusion rate that is worth a warning
_LOOKED_AT = 10  # people who are the most similar


@dataclass(frozen=True, eq=False)
class ReadPhoto:
    """A photo with its faces.

    Attributes:
        name: for messages.
        key: by which it is known again, see `Vault.photo_key`.
        faces: the largest first.
        problem: why it could not be read, or None.
    """

    name: str
    key: bytes
    faces: tuple[AlignedFace, ...] = ()
    problem: str | None = None


@dataclass(frozen=True, eq=False)
class Engine:
    """A gallery that is ready to enrol and to identify.

    Attributes:
        contents: the opened rows.
        verifier: the model.
        fingerprint: of the model; the gallery's own one, unless it was moved to another model since.
        strangers: the error rates of the model, as they are in this gallery.
        search: proposes people.
    """

    contents: Contents
    verifier: Verifier
    fingerprint: str
    strangers: OwnStrangers
    search: Search

    @property
    def rates(self) -> ScoreRates:
        """The error rates of the model, as they are in this gallery."""
        return self.strangers.rates

    def people(self) -> int:
        """How many people can be found; the rates are brought up to date with them."""
        people = self.search.people()
        self.strangers.refresh(people)
        return people

    def read(self, picture: Picture, name: str | None = None) -> ReadPhoto:
        """All faces of a photo.

        Raises:
            ImageError: it cannot be read.
        """
        name = name or (str(picture) if isinstance(picture, (str, Path)) else "a photo")
        pixels = load_picture(picture, "rgb", name)
        key = self.contents.vault.photo_key(np.ascontiguousarray(pixels).tobytes())
        return ReadPhoto(name, key, self.verifier.reader.read_all(pixels, name))

    def read_many(self, pictures: Sequence[Picture]) -> list[ReadPhoto]:
        """As `read`, several at once; a photo that cannot be read says why."""
        names = [
            str(picture) if isinstance(picture, (str, Path)) else f"photo {number}"
            for number, picture in enumerate(pictures, start=1)
        ]
        if len(pictures) == 1:
            return [self._read_or_say(pictures[0], names[0])]
        work = partial(self._one_of, pictures, names)
        return list(map_in_order(work, range(len(pictures)), together=1))

    def _one_of(self, pictures: Sequence[Picture], names: Sequence[str], number: int) -> ReadPhoto:
        return self._read_or_say(pictures[number], names[number])

    def _read_or_say(self, picture: Picture, name: str) -> ReadPhoto:
        try:
            return self.read(picture, name)
        except ImageError as error:
            return ReadPhoto(name, b"", problem=str(error))

    def face(self, picture: Picture, number: int | None) -> tuple[ReadPhoto, AlignedFace]:
        """One face of a photo.

        Args:
            picture: in any form that `load_picture` takes.
            number: of the face, from 1, the largest first; None takes the largest.

        Raises:
            ImageError: the photo cannot be read, or has no such face.
        """
        photo = self.read(picture)
        if not photo.faces:
            raise FaceNotFoundError(f"{photo.name}: no face was found", 0)
        return photo, self.choose(photo, number)

    def choose(self, photo: ReadPhoto, number: int | None) -> AlignedFace:
        """The face that is meant, of a photo with at least one; see `face`."""
        if number is None:
            return self.verifier.reader.choose(photo.faces, photo.name)
        return _numbered(photo, number)

    def score(self, templates: Float32Array, face: Float32Array) -> FloatArray:
        """[P, D] and [D] → [P] float64."""
        return np.asarray(self.verifier.record.score(templates, face), np.float64)

    def template_scores(self, templates: Float32Array, face: Float32Array) -> FloatArray:
        """See `score_templates`."""
        return score_templates(self.verifier.record, self.rates, templates, face)

    def look_alikes(self, template: Float32Array, own: int | None = None) -> tuple[LookAlike, ...]:
        """People who may be confused with the person of a template, or be the same; the most similar first.

        Args:
            template: [D].
            own: the id of the person, who is left out.
        """
        ids = [id for id in self.search.candidates(template[None], _LOOKED_AT + 1)[0] if id != own]
        people = [person for person in self.contents.store.people_with(ids) if person.template]
        self.contents.check_model(self.fingerprint)
        if not people:
            return ()
        count = self.people()
        templates = np.stack([self.contents.vector(person.template or b"") for person in people])
        scores = self.template_scores(templates, template)
        chances = false_positive_rate(self.rates, scores, count)
        perfect = float(self.score(template[None], template)[0])
        threshold = self.threshold(count)
        found = []
        for person, score, chance in zip(people, scores.tolist(), chances.tolist(), strict=True):
            rate = confusion_rate(self.rates, score, perfect, threshold)
            same = chance <= FPIR
            if same or (rate or 0) >= _ALIKE:
                found.append(LookAlike(self.contents.name_of(person), score, rate, same))
        return tuple(sorted(found, key=lambda each: -each.score))

    def threshold(self, people: int, fpir: float = FPIR) -> float:
        """The score from which on a face is taken for somebody, in a gallery of so many people."""
        return self.rates.score_at_fmr(-float(np.expm1(np.log1p(-min(fpir, 1 - 1e-9)) / max(1, people))))


def open_engine(contents: Contents, verifier: Verifier, fingerprint: str, place: str) -> Engine:
    """A gallery with its model.

    Args:
        contents: of the gallery.
        verifier: the model.
        fingerprint: of the model.
        place: the model's name or path, for its card.
    """
    record = verifier.record
    strangers = OwnStrangers(score_rates(record, card_of(place)), contents, record)
    return Engine(contents, verifier, fingerprint, strangers, open_search(contents, record, fingerprint))


def _numbered(photo: ReadPhoto, number: int) -> AlignedFace:
    if not 1 <= number <= len(photo.faces):
        raise FaceNotFoundError(
            f"{photo.name}: has {len(photo.faces)} faces, and none is number {number}", len(photo.faces)
        )
    return photo.faces[number - 1]


def score_templates(
    record: ModelRecord, rates: ScoreRates, templates: Float32Array, face: Float32Array
) -> FloatArray:
    """The scores of a face with templates.

    The mean of several directions is shorter than they are. Brought back to their length, as a cosine does, it is more
    like everybody: what all embeddings have in common is in each of them, and the rest is averaged away. So the mean
    score of strangers rises by a factor of 1 over that length, which is taken off again.

    Args:
        record, rates: of the model.
        templates: [P, D], see `fusion.fuse`.
        face: [D].

    Returns:
        [P] float64; with templates of one face those of `record.score`.
    """
    scores = np.asarray(record.score(templates, face), np.float64)
    length = angular_length(templates.shape[1], record.distance)
    common = rates.impostor_mean - float(record.distance_parameters.get("bias", 0))
    if not length or not common > 0:  # it is not a number where the scores of strangers are not known
        return scores
    norms = np.clip(np.linalg.norm(templates[:, :length], axis=1), 1e-6, 1)
    return np.asarray(scores - common * (1 / norms - 1), np.float64)
