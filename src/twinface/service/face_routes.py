"""Faces of people: corrections, moving a face, kept crops, and "is this the person?"."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import Field

from twinface.service import schemas
from twinface.service.errors import ApiError
from twinface.service.forms import JsonForm, Options, PhotoForm, example
from twinface.service.parts import Parts
from twinface.service.people_routes import AllParts, Enroller, PersonId, Reader, two_people
from twinface.service.photo_answers import faces_answer, verdict_answer
from twinface.service.photo_routes import FaceNumber, RateOptions

router = APIRouter(prefix="/v1/people/{id}", tags=["people"])
FaceId = PersonId  # a number of the same form


class CorrectionOptions(Options):
    """Which face of the photo is meant; without a number, the largest."""

    face: FaceNumber = None


class MoveOptions(Options):
    """The person who gets the face."""

    model_config = example(to=2)

    to: int = Field(ge=1, lt=1 << 63)


CORRECT = PhotoForm(CorrectionOptions, "photo", example={"face": 1})
VERIFY = PhotoForm(RateOptions, "photo", example={"far": 0.001})
MOVE = JsonForm(MoveOptions)


@router.post("/verify", response_model=schemas.VerdictAnswer, openapi_extra=VERIFY.openapi())
async def verify(id: PersonId, request: Request, parts: AllParts, caller: Reader) -> dict[str, Any]:
    """Does a photo show this person?"""
    form = await VERIFY.read(request)

    def work() -> dict[str, Any]:
        options = form.options
        verdict = parts.gallery.verify(
            id, form.photos[0].data, rates=options.wanted, any_quality=options.any_quality
        )
        return {**verdict_answer(verdict), "faces": faces_answer(verdict.faces, options.show)}

    return await parts.photos.run(work)


@router.post("/confirm", response_model=schemas.PersonAnswer, openapi_extra=CORRECT.openapi())
async def confirm(id: PersonId, request: Request, parts: AllParts, caller: Enroller) -> dict[str, Any]:
    """Say that a face is this person: it is enrolled, whatever its quality."""
    form = await CORRECT.read(request)
    photo, face = form.photos[0].data, form.options.face
    return await parts.photos.run(lambda: parts.gallery.confirm(id, photo, face).to_dict())


@router.post("/reject", response_model=schemas.PersonAnswer, openapi_extra=CORRECT.openapi())
async def reject(id: PersonId, request: Request, parts: AllParts, caller: Enroller) -> dict[str, Any]:
    """Say that a face is not this person."""
    form = await CORRECT.read(request)
    photo, face = form.photos[0].data, form.options.face
    return await parts.photos.run(lambda: parts.gallery.reject(id, photo, face).to_dict())


@router.post("/faces/{face}/move", response_model=schemas.TwoPeople, openapi_extra=MOVE.openapi())
async def move(
    id: PersonId, face: FaceId, request: Request, parts: AllParts, caller: Enroller
) -> dict[str, Any]:
    """Give an enrolled face to another person."""
    options = await MOVE.read(request)

    def work() -> dict[str, Any]:
        return two_people(parts.gallery.move(face, id, options.to))

    return await parts.tables.run(work)


@router.get("/faces/{face}/crop", response_class=Response, responses={200: {"content": {"image/jpeg": {}}}})
async def crop(id: PersonId, face: FaceId, parts: AllParts, caller: Reader) -> Response:
    """The picture of an enrolled face, where the gallery keeps them."""
    return Response(await parts.tables.run(lambda: _crop(parts, id, face)), media_type="image/jpeg")


def _crop(parts: Parts, id: int, face: int) -> bytes:
    found = [row for row in parts.gallery.store.faces_of([id]) if row.id == face]
    if not found or found[0].crop is None:
        raise ApiError(404, "not_found", "there is no such face, or its picture is not kept")
    return parts.gallery.contents.vault.open(found[0].crop)
