"""The answers, as OpenAPI describes them."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from twinface.recognition.compare import ComparisonOutcome
from twinface.recognition.verdict import Outcome


class Answer(BaseModel):
    """An answer; it may have more fields in later versions."""

    model_config = ConfigDict(extra="allow")


class FaceAnswer(Answer):
    """A face of a photo."""

    box: list[float] | None = Field(description="left, top, width, height in pixels of the photo")
    landmarks: list[list[float]] | None = Field(
        description="five points (x, y): eyes, nose, corners of the mouth"
    )
    score: float | None = Field(description="of the detector, 0.6 to 1")
    turn: int = Field(description="the photo is upright after so many degrees clockwise")
    number: int = Field(description="from 1, the largest first")
    found: int = Field(description="how many faces the photo has")
    quality: dict[str, Any] | None
    aligned: str | None = Field(None, description="a data URL, if `show` was set")


class Detection(Answer):
    """The faces of a photo."""

    width: int
    height: int
    faces: list[FaceAnswer]


class EmbeddedFace(FaceAnswer):
    """A face with its embedding."""

    embedding: list[float]


class Embeddings(Answer):
    """Embeddings of a photo's faces."""

    model: str
    fingerprint: str
    embedding_size: int
    faces: list[EmbeddedFace]


class VerdictAnswer(Answer):
    """Whether two photos show the same person."""

    same: bool | None = Field(description="null if it cannot be told")
    outcome: Outcome
    title: str
    text: str
    score: float | None
    threshold: float
    zone: list[float] | None
    probability: float | None
    model: str
    threshold_fitted_on: str
    trained_on: str
    rates: dict[str, Any] | None
    faces: list[FaceAnswer]
    notes: list[str]
    seconds: float | None


class ComparisonAnswer(Answer):
    """All faces of two photos against each other."""

    outcome: ComparisonOutcome
    matches: list[dict[str, Any]]
    scores: list[list[float]]
    threshold: float
    left: list[FaceAnswer]
    right: list[FaceAnswer]
    notes: list[str]


class PersonAnswer(Answer):
    """Somebody in the gallery."""

    id: int
    name: str
    created: str
    faces: int


class PeoplePage(Answer):
    """A page of the list of people."""

    people: list[PersonAnswer]
    next: int | None = Field(description="`after` of the next page; null on the last one")
    count: int = Field(description="of all people")


class TwoPeople(Answer):
    """Two people who were changed."""

    people: list[PersonAnswer]


class PersonDetailsAnswer(Answer):
    """Everything about a person."""

    person: PersonAnswer
    faces: list[dict[str, Any]]
    look_alikes: list[dict[str, Any]]
    confirmed: int
    rejected: int


class EnrolmentAnswer(Answer):
    """What became of photos that were to be enrolled."""

    name: str
    id: int | None
    is_new: bool
    photos: list[dict[str, Any]]
    look_alikes: list[dict[str, Any]]
    notes: list[str]


class IdentificationAnswer(Answer):
    """Who is on a photo."""

    width: int
    height: int
    people: int
    fpir: float
    model: str
    rates: str
    faces: list[dict[str, Any]]


class Forgotten(Answer):
    """A person who is gone."""

    forgotten: bool


class Problem(Answer):
    """What went wrong."""

    code: str
    message: str
    details: dict[str, Any]


class ErrorAnswer(Answer):
    """The answer to everything that went wrong."""

    request_id: str
    error: Problem


ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorAnswer, "description": said}
    for status, said in {
        400: "The request or a picture cannot be read",
        401: "A key is needed",
        403: "The key may not do this",
        404: "There is no such person, job or call",
        408: "The request took too long to arrive",
        409: "It contradicts what is there",
        413: "The request is too large",
        415: "The request is of another kind",
        422: "A field is wrong, or there is no face",
        429: "Too many requests with this key",
        500: "A mistake of the service",
        503: "Busy, or the gallery cannot be used: call again",
    }.items()
}
