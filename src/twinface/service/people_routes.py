"""People of the gallery: enrol, list, find, rename, merge, split, forget."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from pydantic import BeforeValidator, Field

from twinface.recognition.gallery.records import Enrolment, Person, Review, Who
from twinface.service import schemas
from twinface.service.access import Caller, needs
from twinface.service.errors import ApiError
from twinface.service.forms import JsonForm, Options, Photo, PhotoForm, example, names_of
from twinface.service.parts import Parts, parts_of
from twinface.service.repeated_requests import Earlier


def _plain_number(value: str) -> str:
    """An id of an address, if it is written as the service writes it: 1_0 is not 10, and +1 is not 1.

    Raises:
        ValueError: it is written in another way.
    """
    if not re.fullmatch("[1-9][0-9]*", value):
        raise ValueError("need a whole number from 1 on")
    return value


router = APIRouter(prefix="/v1/people", tags=["people"])
AllParts = Annotated[Parts, Depends(parts_of)]
Reader = Annotated[Caller, Depends(needs("read"))]
Enroller = Annotated[Caller, Depends(needs("enrol"))]
PersonId = Annotated[int, BeforeValidator(_plain_number), Path(ge=1, lt=1 << 63)]
Repeatable = Annotated[
    str | None, Header(alias="Idempotency-Key", description="the same for a request that is sent again")
]
_NAME = Field(min_length=1, max_length=200)


class AddOptions(Options):
    """How strictly photos are looked at, and which face of a single photo is meant."""

    review: Review = "standard"
    face: Annotated[
        int | None, Field(ge=1, le=10_000, description="of one photo; from 1, the largest first")
    ] = None


class EnrolOptions(AddOptions):
    """Who is enrolled."""

    name: str = _NAME


class NameOptions(Options):
    """A name."""

    model_config = example(name="Ann")
    name: str = _NAME


class MergeOptions(Options):
    """The person whose faces go to the first one."""

    model_config = example(other=2)

    other: int = Field(ge=1, lt=1 << 63)


class SplitOptions(NameOptions):
    """The second person's name and faces; without faces they are divided by likeness."""

    model_config = example(name="Bob", faces=[1])

    faces: list[Annotated[int, Field(ge=1, lt=1 << 63)]] | None = Field(None, max_length=1000)


ENROL = PhotoForm(EnrolOptions, "photos", example={"name": "Ann", "review": "off"})
ADD = PhotoForm(AddOptions, "photos", example={"review": "off"})
NAME, MERGE, SPLIT = JsonForm(NameOptions), JsonForm(MergeOptions), JsonForm(SplitOptions)


@router.get("", response_model=schemas.PeoplePage)
async def people(
    parts: AllParts,
    caller: Reader,
    after: Annotated[int, Query(ge=0, lt=1 << 63)] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> dict[str, Any]:
    """List people in the order in which they were enrolled, a page at a time."""

    def work() -> dict[str, Any]:
        found = parts.gallery.people(after, limit + 1)
        more = found[limit - 1].id if len(found) > limit else None
        return {
            "people": [person.to_dict() for person in found[:limit]],
            "next": more,
            "count": len(parts.gallery),
        }

    return await parts.tables.run(work)


@router.post("/find", response_model=schemas.PeoplePage, openapi_extra=NAME.openapi())
async def find(request: Request, parts: AllParts, caller: Reader) -> dict[str, Any]:
    """Find a person by name; upper and lower case are the same. Not in the address, which proxies write down."""
    options = await NAME.read(request)

    def work() -> dict[str, Any]:
        row = parts.gallery.contents.find_or_none(options.name)
        found = parts.gallery.contents.people([row]) if row else ()
        return {
            "people": [person.to_dict() for person in found],
            "next": None,
            "count": len(parts.gallery),
        }

    return await parts.tables.run(work)


@router.post(
    "",
    status_code=201,
    response_model=schemas.EnrolmentAnswer,
    responses={200: {"model": schemas.EnrolmentAnswer, "description": "Photos were added"}},
    openapi_extra=ENROL.openapi(),
)
async def enrol(
    request: Request, response: Response, parts: AllParts, caller: Enroller, key: Repeatable = None
) -> dict[str, Any]:
    """Enrol photos of a person, who is new or in the gallery already.

    201: the person is new. 200: photos were added. 422 `no_photo_accepted`: none was; the details say why.
    """
    form = await ENROL.read(request)
    job = Enrolling(parts, caller, form.photos, form.options, key)
    answer = await parts.photos.run(lambda: job.run(form.options.name))
    response.status_code = 201 if answer["is_new"] else 200
    return answer


@router.post("/{id}/photos", response_model=schemas.EnrolmentAnswer, openapi_extra=ADD.openapi())
async def add_photos(
    id: PersonId, request: Request, parts: AllParts, caller: Enroller, key: Repeatable = None
) -> dict[str, Any]:
    """Enrol more photos of a person."""
    form = await ADD.read(request)
    job = Enrolling(parts, caller, form.photos, form.options, key)
    return await parts.photos.run(lambda: job.run(id))


class Enrolling:
    """One request that enrols photos, done once however often it is sent.

    Args:
        parts: of the service.
        caller: who sends it.
        photos: of one person.
        options: how they are looked at.
        key: of the request, or None.

    Raises:
        ApiError: 422, a face is named and there are several photos.
    """

    def __init__(
        self, parts: Parts, caller: Caller, photos: Sequence[Photo], options: AddOptions, key: str | None
    ) -> None:
        if options.face is not None and len(photos) > 1:
            raise ApiError(422, "invalid", f"face: found {len(photos)} photos, a face is named for one alone")
        self._parts, self._caller, self._photos, self._key = parts, caller, photos, key
        self._review, self._numbers = options.review, None if options.face is None else [options.face]

    def run(self, who: Who) -> dict[str, Any]:
        """Enrols, or says again what an earlier request with the same key did.

        Args:
            who: the name of the person, or the id.

        Raises:
            ApiError: 422, no photo was accepted; 409 and 422 for the key.
            TwinfaceError: see `Gallery.enroll`.
        """
        body = self._asked(who if isinstance(who, str) else f"person {who}")
        if self._key is not None:
            earlier = self._parts.repeated.find(self._caller.id, self._key, body)
            if earlier is not None:
                return self._again(earlier)
        data = (photo.data for photo in self._photos)
        found = self._parts.gallery.enroll(who, *data, review=self._review, numbers=self._numbers)
        answer = self._answer(found)
        if found.id is None or not found:
            details = {"photos": answer["photos"], "look_alikes": answer["look_alikes"]}
            raise ApiError(422, "no_photo_accepted", "no photo was accepted: the details say why", details)
        if self._key is not None:
            accepted = tuple(photo.accepted for photo in found.photos)
            self._parts.repeated.add(self._caller.id, self._key, body, Earlier(found.id, accepted))
        return answer

    def _asked(self, target: str) -> bytes:
        digest = hashlib.sha256(f"{target}\0{self._review}\0{self._numbers}\0".encode())
        for photo in self._photos:
            digest.update(hashlib.sha256(photo.data).digest())
        return digest.digest()

    def _answer(self, found: Enrolment) -> dict[str, Any]:
        values = found.to_dict()
        for photo, name in zip(values["photos"], names_of(self._photos), strict=True):
            photo["photo"] = name
        return values

    def _again(self, earlier: Earlier) -> dict[str, Any]:
        contents = self._parts.gallery.contents
        name = contents.name_of(contents.find(earlier.person))
        photos: list[dict[str, Any]] = [
            {
                "photo": name,
                "accepted": accepted,
                "reasons": [],
                "quality": None,
                "faces": None,
                "score": None,
            }
            for name, accepted in zip(names_of(self._photos), earlier.accepted, strict=True)
        ]
        notes = ["This was done before, by the same request."]
        head = {"name": name, "id": earlier.person, "is_new": False}
        return {**head, "photos": photos, "look_alikes": [], "notes": notes}


@router.get("/{id}", response_model=schemas.PersonDetailsAnswer)
async def show(id: PersonId, parts: AllParts, caller: Reader) -> dict[str, Any]:
    """Everything about a person: faces, look-alikes, corrections."""
    return await parts.tables.run(lambda: parts.gallery.show(id).to_dict())


@router.patch("/{id}", response_model=schemas.PersonAnswer, openapi_extra=NAME.openapi())
async def rename(id: PersonId, request: Request, parts: AllParts, caller: Enroller) -> dict[str, Any]:
    """Give a person another name. The old one is erased."""
    options = await NAME.read(request)
    return await parts.tables.run(lambda: parts.gallery.rename(id, options.name).to_dict())


@router.delete("/{id}", response_model=schemas.Forgotten)
async def forget(id: PersonId, parts: AllParts, caller: Enroller) -> dict[str, Any]:
    """Remove a person with everything that belongs to them, from every file of the gallery.

    Results of jobs stay until the job is deleted.
    """
    await parts.tables.run(lambda: parts.gallery.forget(id))
    return {"forgotten": True}


@router.post("/{id}/merge", response_model=schemas.PersonAnswer, openapi_extra=MERGE.openapi())
async def merge(id: PersonId, request: Request, parts: AllParts, caller: Enroller) -> dict[str, Any]:
    """Make two people one: the first, who gets the faces of the other."""
    options = await MERGE.read(request)

    def work() -> dict[str, Any]:
        return parts.gallery.merge(id, options.other).to_dict()

    return await parts.tables.run(work)


@router.post("/{id}/split", response_model=schemas.TwoPeople, openapi_extra=SPLIT.openapi())
async def split(id: PersonId, request: Request, parts: AllParts, caller: Enroller) -> dict[str, Any]:
    """Make two people of one."""
    options = await SPLIT.read(request)

    def work() -> dict[str, Any]:
        return two_people(parts.gallery.split(id, options.name, options.faces))

    return await parts.tables.run(work)


def two_people(found: tuple[Person, Person]) -> dict[str, Any]:
    """Two people who were changed."""
    return {"people": [person.to_dict() for person in found]}
