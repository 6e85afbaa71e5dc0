"""Puts the service together: layers, calls, answers to errors."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from twinface import __version__
from twinface.core.errors import StorageError, TwinfaceError
from twinface.core.formatting import place_of
from twinface.service import (
    about_routes,
    face_routes,
    identify_routes,
    job_routes,
    people_routes,
    photo_routes,
)
from twinface.service.errors import as_api_error, envelope
from twinface.service.forms import invalid
from twinface.service.gate import Gate
from twinface.service.observed import Observed, log, log_to_stderr
from twinface.service.page_routes import page_router
from twinface.service.parts import Parts
from twinface.service.schemas import ERRORS
from twinface.service.settings import ServiceSettings

_ABOUT = """Verify whether two photos show the same person, enrol people from photos and find them again.

Photos are sent as multipart/form-data or as JSON with base64. An error is
`{"request_id": …, "error": {"code": …, "message": …, "details": …}}`; its `code` is for programs. Faces are biometric
data: nothing is kept of a photo that was only compared, and there is no check that a photo shows a live person.
"""


def create_app(settings: ServiceSettings) -> FastAPI:
    """The service as an ASGI application.

    Raises:
        TwinfaceError: the gallery cannot be opened.
    """
    parts = Parts(settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await asyncio.to_thread(parts.load)
        if settings.jobs:
            parts.worker.start()
        try:
            yield
        finally:
            await asyncio.to_thread(parts.close)

    app = FastAPI(
        title="Twinface",
        version=__version__,
        description=_ABOUT,
        lifespan=lifespan,
        docs_url=None,  # they would load scripts from elsewhere
        redoc_url=None,
        openapi_url="/v1/openapi.json",
        responses=ERRORS,
        separate_input_output_schemas=False,
    )
    app.state.parts = parts
    for routes in (photo_routes, identify_routes, people_routes, face_routes, job_routes, about_routes):
        app.include_router(routes.router)
    app.include_router(page_router())
    _answer_errors(app, parts)
    app.add_middleware(Gate, limits=settings.limits)
    app.add_middleware(Observed, metrics=parts.metrics)
    return app


def create_from_environment() -> FastAPI:
    """The same in a worker process; see `server.serve`."""
    log_to_stderr()
    return create_app(ServiceSettings.from_environment())


def _answer_errors(app: FastAPI, parts: Parts) -> None:
    async def answer(request: Request, error: Exception) -> Response:
        request_id = request.scope["twinface.request_id"]
        if isinstance(error, RequestValidationError):
            error = invalid(error)
        found = as_api_error(error, parts.gallery.store.place)
        if found.status_code == 500 or isinstance(error, StorageError):
            kinds = [type(each).__name__ for each in (error, error.__cause__) if each]
            log.error(
                "request %s: %s in %s", request_id, " from ".join(kinds), place_of(error) or "a library"
            )
        return envelope(found, request_id)

    for kind in (TwinfaceError, HTTPException, RequestValidationError):
        app.add_exception_handler(kind, answer)
