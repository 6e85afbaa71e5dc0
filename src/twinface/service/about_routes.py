"""The model, the gallery, who the caller is, health and metrics."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from twinface import __version__
from twinface.core.errors import ModelError
from twinface.models.card import read_card
from twinface.models.catalog import NAMED_MODELS
from twinface.recognition.gallery.open_set import MEASURED
from twinface.service.access import needs
from twinface.service.errors import ApiError
from twinface.service.keys import SCOPES
from twinface.service.parts import Parts, parts_of

router = APIRouter(tags=["about"])
AllParts = Annotated[Parts, Depends(parts_of)]


@router.get("/v1/access")
async def access(request: Request, parts: AllParts) -> dict[str, Any]:
    """What this caller may do."""
    try:
        caller = await parts.access.caller(request)
    except ApiError as error:
        if error.status_code != 401:
            raise
        caller = None
    scopes = caller.scopes if caller else ()
    return {"needs_key": caller is None or caller.id != "local", "scopes": scopes, "all_scopes": SCOPES}


@router.get("/v1/models", dependencies=[Depends(needs("read"))])
async def models(parts: AllParts) -> dict[str, Any]:
    """The gallery's model with its threshold and error rates, and which others there are."""
    return await parts.tables.run(lambda: _models(parts))


def _models(parts: Parts) -> dict[str, Any]:
    engine = parts.gallery.engine
    record = engine.verifier.record
    table, threshold = record.error_table, record.threshold
    points = table.to_dict()["points"] if table else []
    cards = [(read_card(name), model.is_installed) for name, model in NAMED_MODELS.items()]
    return {
        "model": {
            "name": record.name,
            "fingerprint": engine.fingerprint,
            "embedding_size": record.embedding_size,
            "trained_on": record.provenance.trained_on,
            "threshold": threshold.value,
            "zone": threshold.zone and list(threshold.zone),
            "threshold_fitted_on": threshold.fitted_on,
            "far": threshold.far,
        },
        "error_rates": points,
        "measured_on": table.measured_on if table else None,
        "people": table.people if table else None,
        "rates_text": MEASURED.get(record.name, ""),
        "installed": [
            {"name": card.name, "summary": card.summary, "is_installed": installed}
            for card, installed in cards
        ],
    }


@router.get("/v1/gallery", dependencies=[Depends(needs("read"))])
async def gallery(parts: AllParts) -> dict[str, Any]:
    """How much the gallery holds, and how it was made."""

    def work() -> dict[str, Any]:
        values = parts.gallery.stats().to_dict()
        del values["place"]
        return values

    return await parts.tables.run(work)


@router.get("/healthz")
async def health() -> dict[str, Any]:
    """The process answers."""
    return {"status": "ok", "version": __version__}


@router.get("/readyz")
async def ready(parts: AllParts) -> dict[str, Any]:
    """The gallery answers, and the model that is loaded is its own."""
    if not parts.is_ready:
        raise ApiError(503, "not_ready", "the model is being loaded, or the service stops", retry=1)
    try:
        await parts.tables.run(lambda: parts.gallery.engine)
    except ModelError:  # its text may say where the model is
        said = "the gallery was moved to a model that is not the service's, or cannot be loaded: start the service anew"
        raise ApiError(503, "not_ready", f"{said} with the gallery's model", retry=60) from None
    return {"status": "ok"}


@router.get("/metrics", dependencies=[Depends(needs("admin"))], response_class=Response)
async def metrics(parts: AllParts) -> Response:
    """Counts for Prometheus."""
    return Response(parts.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")
