"""The answers of a gallery, as frozen records."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from twinface.recognition.verdict import VerdictFace

Review = Literal["off", "standard", "strict"]
REVIEWS: tuple[Review, ...] = ("off", "standard", "strict")
Who = str | int  # a person of a gallery: the name, or the id, which no other person ever has


class Shown:
    """A record that gives itself as plain values for JSON."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)  # type: ignore[call-overload, no-any-return]


@dataclass(frozen=True)
class Person(Shown):
    """Somebody in the gallery.

    Attributes:
        id: a number that no other person of this gallery ever has.
        name: as it was given.
        created: when the person was enrolled first; UTC, as ISO 8601.
        faces: how many there are; 0 if the person has to be photographed again.
    """

    id: int
    name: str
    created: str
    faces: int


@dataclass(frozen=True)
class EnrolledFace(Shown):
    """A face of a person.

    Attributes:
        id: of the face.
        quality: 0 to 100, higher is better.
        created: UTC, as ISO 8601.
        has_crop: whether its picture is kept.
    """

    id: int
    quality: int
    created: str
    has_crop: bool


@dataclass(frozen=True)
class LookAlike(Shown):
    """Two people that the model may take for each other.

    Attributes:
        name: of the other person.
        score: of the two templates; higher means the same person.
        rate: how often a photo of one of them would score above the threshold for the other, in [0, 1]; estimated, see
            `look_alikes.confusion_rate`. None if the model says nothing about it.
        same_person: whether the two score as one person would, even among so many people.
    """

    name: str
    score: float
    rate: float | None
    same_person: bool


@dataclass(frozen=True)
class PersonDetails(Shown):
    """Everything that the gallery says about a person.

    Attributes:
        person: id, name and number of faces.
        faces: by rising id.
        look_alikes: the most similar first.
        confirmed, rejected: how many corrections are remembered.
    """

    person: Person
    faces: tuple[EnrolledFace, ...]
    look_alikes: tuple[LookAlike, ...]
    confirmed: int
    rejected: int


@dataclass(frozen=True)
class PhotoResult(Shown):
    """What became of a photo that was to be enrolled.

    Attributes:
        photo: its name.
        accepted: whether its face is in the gallery now.
        reasons: why not, or what should be known about it.
        quality: 0 to 100; None if no face was found or the photo was taken as it is.
        faces: how many faces it has; None if it could not be read.
        score: with the person's other faces; None for the first one.
    """

    photo: str
    accepted: bool
    reasons: tuple[str, ...] = ()
    quality: int | None = None
    faces: int | None = None
    score: float | None = None


@dataclass(frozen=True)
class Enrolment(Shown):
    """The result of enrolling photos of a person. It is true if a photo was accepted.

    Attributes:
        name: of the person.
        id: of the person; None if no photo was accepted.
        is_new: whether the person was not in the gallery before.
        photos: one for each photo, in the given order.
        look_alikes: people who may be confused with this one, or be the same.
        notes: in sentences.
    """

    name: str
    id: int | None
    is_new: bool
    photos: tuple[PhotoResult, ...]
    look_alikes: tuple[LookAlike, ...] = ()
    notes: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return any(photo.accepted for photo in self.photos)


@dataclass(frozen=True)
class Candidate(Shown):
    """Somebody who may be on a photo.

    Attributes:
        name, id: of the person.
        score: of the face and the person's template; higher means the same person.
        probability: that it is this person, in [0, 1]. All candidates and "nobody" together have at most 1.
        fpir: how often a stranger's best candidate in this gallery scores as high, in [0, 1]; estimated.
        rejected: whether somebody has said that a face like this one is not the person.
    """

    name: str
    id: int
    score: float
    probability: float
    fpir: float
    rejected: bool = False


@dataclass(frozen=True)
class IdentifiedFace:
    """A face of a photo, and who it may be. It is true if somebody was recognised.

    Attributes:
        face: where it is, and how good.
        name: the person, or None for "nobody I know".
        candidates: the most likely first.
        nobody: the probability that it is nobody in the gallery, in [0, 1].
        notes: in sentences.
    """

    face: VerdictFace
    name: str | None
    candidates: tuple[Candidate, ...]
    nobody: float
    notes: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self.name is not None

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "name": self.name,
            "nobody": self.nobody,
            "candidates": [candidate.to_dict() for candidate in self.candidates],
            "face": self.face.to_dict(),
            "notes": list(self.notes),
        }


@dataclass(frozen=True)
class Identification:
    """Who is on a photo. It is true if anybody was recognised.

    Attributes:
        faces: the largest first; none if the photo has no face.
        people: how many people the gallery has.
        fpir: the limit that was asked for: of how many strangers one may be taken for somebody.
        model: its name.
        threshold_fitted_on, trained_on: the data behind the model's scores, in words.
        rates: measured error rates of the model, in words, and whether the limits of this gallery are higher; "" if
            there is nothing to say.
    """

    faces: tuple[IdentifiedFace, ...]
    people: int
    fpir: float
    model: str
    threshold_fitted_on: str
    trained_on: str
    rates: str = ""

    def __bool__(self) -> bool:
        return any(self.faces)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {**vars(self), "faces": [face.to_dict() for face in self.faces]}


@dataclass(frozen=True)
class GalleryStats(Shown):
    """What a gallery holds.

    Attributes:
        place: the file or the URL, without a password.
        people, faces, crops, corrections, audit: how many there are.
        bytes: on the disk.
        model: the name of the model that made the embeddings, or "" if nobody was enrolled yet.
        embedding_size: D; 0 if nobody was enrolled yet.
        encryption: "off", "templates" or "all".
        keeps_crops: whether the pictures of faces are kept.
        schema, generation: the version of the tables, and the number of changes so far.
    """

    place: str
    people: int
    faces: int
    crops: int
    corrections: int
    audit: int
    bytes: int
    model: str
    embedding_size: int
    encryption: str
    keeps_crops: bool
    schema: int
    generation: int
