"""Calls about photos alone. Nothing of a photo is kept after the answer."""

from __future__ import annotations

import copy
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request
from pydantic import Field

from twinface.faces.picture import load_picture
from twinface.recognition.compare import compare_photos
from twinface.recognition.rates import WantedRates
from twinface.recognition.show.view import view_side, view_sides
from twinface.recognition.verdict import Verdict, VerdictFace
from twinface.recognition.verifier import Verifier
from twinface.service import schemas
from twinface.service.access import needs
from twinface.service.batching import BatchingModel
from twinface.service.errors import ApiError
from twinface.service.forms import Options, Photo, PhotoForm
from twinface.service.parts import Parts, parts_of
from twinface.service.photo_answers import (
    comparison_answer,
    face_answer,
    faces_answer,
    pair_answer,
    verdict_answer,
)

router = APIRouter(prefix="/v1", tags=["photos"], dependencies=[Depends(needs("read"))])
AllParts = Annotated[Parts, Depends(parts_of)]
FaceNumber = Annotated[int | None, Field(ge=1, le=10_000, description="from 1, the largest first")]


class ShowOptions(Options):
    """Whether the aligned faces come back as pictures."""

    show: bool = False


class RateOptions(ShowOptions):
    """Which error rates a verdict should keep."""

    far: float | None = Field(None, gt=0, lt=1, description="the wanted false accept rate")
    frr: float | None = Field(None, gt=0, lt=1, description="the wanted false reject rate")
    any_quality: bool = Field(False, description="judge faces of poor quality too")

    @property
    def wanted(self) -> WantedRates:
        """As `Verifier` takes them."""
        return WantedRates(self.far, self.frr)


class VerifyOptions(RateOptions):
    """How two photos are compared."""

    explain: bool = Field(
        False, description="with maps of where the model looked; takes some 70 times as long"
    )
    left_face: FaceNumber = None
    right_face: FaceNumber = None


class EmbedOptions(Options):
    """Which faces are embedded."""

    faces: Literal["largest", "all"] = "largest"


ONE, TWO = PhotoForm(ShowOptions, "photo"), PhotoForm(ShowOptions, "left", "right")
VERIFY = PhotoForm(VerifyOptions, "left", "right", example={"far": 0.001, "any_quality": True})
EMBED = PhotoForm(EmbedOptions, "photo", example={"faces": "all"})


@router.post("/detect", response_model=schemas.Detection, openapi_extra=ONE.openapi())
async def detect(request: Request, parts: AllParts) -> dict[str, Any]:
    """Find the faces in a photo."""
    form = await ONE.read(request)

    def work() -> dict[str, Any]:
        pixels = load_picture(form.photos[0].data, "rgb", form.photos[0].name or "photo")
        faces = parts.gallery.engine.verifier.reader.read_all(pixels, form.photos[0].name or "photo")
        shown = faces_answer(list(map(VerdictFace.of, faces)), form.options.show)
        return {"width": pixels.shape[1], "height": pixels.shape[0], "faces": shown}

    return await parts.photos.run(work)


@router.post("/verify", response_model=schemas.VerdictAnswer, openapi_extra=VERIFY.openapi())
async def verify(request: Request, parts: AllParts) -> dict[str, Any]:
    """Do two photos show the same person?"""
    form = await VERIFY.read(request)
    return await parts.photos.run(lambda: _verified(parts, form.options, form.photos[0], form.photos[1]))


def _verified(parts: Parts, options: VerifyOptions, left: Photo, right: Photo) -> dict[str, Any]:
    verifier = parts.gallery.engine.verifier.deciding(options.wanted, any_quality=options.any_quality)
    numbers = (options.left_face, options.right_face)
    readers = [verifier.reader if number is None else verifier.reader.choosing(number) for number in numbers]
    names = left.name or "left", right.name or "right"
    if not (options.show or options.explain):
        faces = [
            reader.read(photo.data, name)
            for reader, photo, name in zip(readers, (left, right), names, strict=True)
        ]
        return verdict_answer(verifier.compare(*faces))
    first, second = view_side(left.data, readers[0], names[0]), view_side(right.data, readers[1], names[1])
    if options.explain:
        verifier = unbatched(verifier)
    view = view_sides(verifier, first, second, parts.card(), explained=options.explain)
    check_faces(view.verdict)
    return pair_answer(view)


@router.post("/compare", response_model=schemas.ComparisonAnswer, openapi_extra=TWO.openapi())
async def compare(request: Request, parts: AllParts) -> dict[str, Any]:
    """Compare all faces of two photos with each other."""
    form = await TWO.read(request)

    def work() -> dict[str, Any]:
        found = compare_photos(form.photos[0].data, form.photos[1].data, parts.gallery.engine.verifier)
        return comparison_answer(found, form.options.show)

    return await parts.photos.run(work)


@router.post("/embeddings", response_model=schemas.Embeddings, openapi_extra=EMBED.openapi())
async def embeddings(request: Request, parts: AllParts) -> dict[str, Any]:
    """Embed the largest face of a photo, or all of them."""
    form = await EMBED.read(request)

    def work() -> dict[str, Any]:
        engine, photo = parts.gallery.engine, form.photos[0]
        verifier, name = engine.verifier, photo.name or "photo"
        if form.options.faces == "all":
            faces = verifier.reader.read_all(photo.data, name)
        else:
            faces = (verifier.reader.read(photo.data, name),)
        vectors = verifier.embed_faces(*faces).tolist() if faces else []
        return {
            "model": verifier.record.name,
            "fingerprint": engine.fingerprint,
            "embedding_size": verifier.record.embedding_size,
            "faces": [
                {**face_answer(VerdictFace.of(face), False), "embedding": vector}
                for face, vector in zip(faces, vectors, strict=True)
            ],
        }

    return await parts.photos.run(work)


def check_faces(verdict: Verdict) -> None:
    """Refuses a verdict on photos without a face that can be compared.

    Raises:
        ApiError: 422.
    """
    if verdict.score is None:
        code = "face_not_found" if verdict.outcome == "no_face" else "several_faces"
        raise ApiError(422, code, " ".join(verdict.notes))


def unbatched(verifier: Verifier) -> Verifier:
    """The same, without sharing batches: an explanation fills its own."""
    own = copy.copy(verifier)
    if isinstance(own.model, BatchingModel):
        own.model = own.model.model
    return own
