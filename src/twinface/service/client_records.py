"""Answers of the service → the library's records."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, TypeVar

import numpy as np

from twinface.faces.quality import Quality
from twinface.recognition.compare import Comparison, FaceMatch
from twinface.recognition.gallery.records import (
    Candidate,
    EnrolledFace,
    Enrolment,
    Identification,
    IdentifiedFace,
    LookAlike,
    Person,
    PersonDetails,
    PhotoResult,
)
from twinface.recognition.verdict import StrangerRates, Verdict, VerdictFace

_Record = TypeVar("_Record")


def record(kind: type[_Record], values: dict[str, Any], **more: Any) -> _Record:
    """A record of the fields that it has; lists become tuples. Fields of a newer service are left out."""
    names = {each.name for each in fields(kind)}  # type: ignore[arg-type]
    plain = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
    return kind(**{name: value for name, value in {**plain, **more}.items() if name in names})


def face_of(values: dict[str, Any]) -> VerdictFace:
    """A face; its aligned picture stays at the service."""
    quality = values["quality"] and record(Quality, values["quality"])
    landmarks = values["landmarks"] and tuple((x, y) for x, y in values["landmarks"])
    return record(VerdictFace, values, quality=quality, landmarks=landmarks, aligned=None)


def verdict_of(values: dict[str, Any]) -> Verdict:
    """A verdict."""
    rates = values["rates"] and record(StrangerRates, values["rates"])
    return record(Verdict, values, rates=rates, faces=tuple(map(face_of, values["faces"])))


def comparison_of(values: dict[str, Any]) -> Comparison:
    """All faces of two photos against each other."""
    left, right = (tuple(map(face_of, values[side])) for side in ("left", "right"))
    scores = np.array(values["scores"], np.float64).reshape(len(left), len(right))
    matches = tuple(record(FaceMatch, each) for each in values["matches"])
    return record(Comparison, values, left=left, right=right, scores=scores, matches=matches)


def person_of(values: dict[str, Any]) -> Person:
    """A person."""
    return record(Person, values)


def details_of(values: dict[str, Any]) -> PersonDetails:
    """Everything about a person."""
    return record(
        PersonDetails,
        values,
        person=person_of(values["person"]),
        faces=tuple(record(EnrolledFace, each) for each in values["faces"]),
        look_alikes=tuple(record(LookAlike, each) for each in values["look_alikes"]),
    )


def enrolment_of(values: dict[str, Any]) -> Enrolment:
    """What became of photos that were to be enrolled."""
    photos = tuple(record(PhotoResult, each) for each in values["photos"])
    alike = tuple(record(LookAlike, each) for each in values["look_alikes"])
    return record(Enrolment, values, photos=photos, look_alikes=alike)


def identification_of(values: dict[str, Any]) -> Identification:
    """Who is on a photo."""
    faces = tuple(
        record(
            IdentifiedFace,
            each,
            face=face_of(each["face"]),
            candidates=tuple(record(Candidate, candidate) for candidate in each["candidates"]),
        )
        for each in values["faces"]
    )
    return record(Identification, values, faces=faces)
