"""Who is on a photo?"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from pydantic import Field

from twinface.faces.picture import load_picture
from twinface.recognition.gallery.engine import FPIR
from twinface.recognition.gallery.identification import identify_photo
from twinface.recognition.gallery.open_set import LEAST_FPIR
from twinface.service import schemas
from twinface.service.access import needs
from twinface.service.forms import Options, PhotoForm
from twinface.service.parts import Parts, parts_of
from twinface.service.photo_answers import identification_answer

router = APIRouter(prefix="/v1", tags=["people"], dependencies=[Depends(needs("read"))])


class IdentifyOptions(Options):
    """How people are looked for."""

    count: int = Field(
        5, ge=1, le=100, description="candidates for each face, at most, besides the one whose name it gets"
    )
    fpir: float = Field(
        FPIR, ge=LEAST_FPIR, le=1, description="of how many strangers one may be taken for somebody"
    )
    show: bool = False


IDENTIFY = PhotoForm(IdentifyOptions, "photo", example={"count": 3, "fpir": 0.01})


@router.post("/identify", response_model=schemas.IdentificationAnswer, openapi_extra=IDENTIFY.openapi())
async def identify(request: Request, parts: Annotated[Parts, Depends(parts_of)]) -> dict[str, Any]:
    """Who of the gallery is on a photo, face by face, or nobody."""
    form = await IDENTIFY.read(request)

    def work() -> dict[str, Any]:
        name, engine = form.photos[0].name or "photo", parts.gallery.engine
        pixels = load_picture(form.photos[0].data, "rgb", name)
        options = form.options
        found = identify_photo(engine, engine.read(pixels, name), options.count, options.fpir)
        return identification_answer(found, pixels.shape[0], pixels.shape[1], options.show)

    return await parts.photos.run(work)
