"""What a store holds: rows of bytes that it does not look into. With encryption on, the bytes are sealed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["confirm", "reject"]


@dataclass(frozen=True)
class StoredPerson:
    """A row of the table of people.

    Attributes:
        id: above 0; never used again after the person is removed.
        name: as UTF-8, or sealed.
        name_key: by which the name is found: the same for two spellings of one name. See `vault.Vault.name_key`.
        audit_id: a random number in the audit log that stands for this person; nothing else links the two.
        created: UTC, as ISO 8601.
        template: float32 bytes, fused from the faces, or sealed; None if the person has no face.
    """

    id: int
    name: bytes
    name_key: bytes
    audit_id: str
    created: str
    template: bytes | None


@dataclass(frozen=True)
class NewFace:
    """A face that is to be stored.

    Attributes:
        vector: the embedding as float32 bytes, or sealed.
        quality: 0 to 100, see `faces.quality.Quality.value`.
        photo: a keyed hash of the photo's pixels. A person has at most one face of each photo.
        number: of the face in its photo, from 1, the largest first.
        created: UTC, as ISO 8601.
        crop: the aligned face as a JPEG, or sealed; None if crops are not kept.
    """

    vector: bytes
    quality: int
    photo: bytes
    number: int
    created: str
    crop: bytes | None = None


@dataclass(frozen=True)
class StoredFace(NewFace):
    """A row of the table of faces.

    Attributes:
        id: above 0.
        person: the id of its person.
    """

    id: int = 0
    person: int = 0


@dataclass(frozen=True)
class NewCorrection(NewFace):
    """What somebody said of a face: "this is the person", or "this is not the person".

    Attributes:
        kind: "confirm" or "reject".
    """

    kind: Kind = "reject"


@dataclass(frozen=True)
class StoredCorrection(NewCorrection):
    """A row of the table of corrections.

    Attributes:
        id: above 0.
        person: the id of the person that it is about.
    """

    id: int = 0
    person: int = 0


@dataclass(frozen=True)
class AuditEntry:
    """Something that was done.

    Attributes:
        id: above 0, rising.
        at: UTC, as ISO 8601.
        what: the verb: "enroll", "forget" …
        who: the `audit_id` of the person that it was done to, or "".
        detail: numbers alone: "2 faces".
    """

    id: int
    at: str
    what: str
    who: str
    detail: str


@dataclass(frozen=True)
class Changes:
    """What differs between two generations of a gallery.

    Attributes:
        generation: the newer one.
        people: ids of people who are new, or whose template is another.
        removed: ids of people who are gone.
    """

    generation: int
    people: tuple[int, ...]
    removed: tuple[int, ...]


@dataclass(frozen=True)
class Counts:
    """How many rows there are.

    Attributes:
        people, faces, corrections, audit: of each table.
        crops: faces with a kept crop.
    """

    people: int
    faces: int
    crops: int
    corrections: int
    audit: int
