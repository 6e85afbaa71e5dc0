"""Exceptions → answers: `{"request_id": …, "error": {"code": …, "message": …, "details": {…}}}`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from twinface.core.errors import (
    DataError,
    FaceNotFoundError,
    GalleryError,
    ImageError,
    KeyNeededError,
    ModelMismatchError,
    NameTakenError,
    NotErasedError,
    SettingsError,
    SeveralFacesError,
    StorageError,
    TwinfaceError,
    UnknownPersonError,
)
from twinface.core.formatting import one_line
from twinface.recognition.gallery.sql_store import NOT_ERASED, SCRUB

_RETRY = 2  # seconds
# The first class that fits counts.
_CODES: tuple[tuple[type[TwinfaceError], int, str], ...] = (
    (FaceNotFoundError, 422, "face_not_found"),
    (SeveralFacesError, 422, "several_faces"),
    (ImageError, 400, "bad_image"),
    (UnknownPersonError, 404, "person_not_found"),
    (NameTakenError, 409, "name_taken"),
    (ModelMismatchError, 409, "model_mismatch"),
    (KeyNeededError, 503, "gallery_is_locked"),
    (GalleryError, 422, "invalid"),
    (DataError, 422, "invalid"),
    (SettingsError, 422, "invalid"),
    (StorageError, 503, "storage"),
)
# What callers get to see of errors whose own texts say where the gallery is: hosts, sockets, folders.
_STORAGE = (
    "the gallery's store does not answer, is busy or is full: call again; if that does not help, tell the people who "
    "run this service"
)
_OF_STATUS = {404: "not_found", 405: "method_not_allowed"}


class ApiError(HTTPException):
    """An answer that is an error.

    Args:
        status: of HTTP.
        code: for programs.
        message: for people.
        details: for both.
        retry: seconds after which the same request may succeed.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        details: Mapping[str, Any] | None = None,
        retry: float | None = None,
    ) -> None:
        headers = {} if retry is None else {"Retry-After": str(max(1, round(retry)))}
        super().__init__(status, message, headers)
        self.code, self.details = code, dict(details or {})


def api_error(error: TwinfaceError, place: str = "") -> ApiError:
    """The answer to an error of the library.

    Args:
        error: what was raised.
        place: of the gallery, which callers do not get to see.
    """
    message = one_line(error, 500)
    message = message.replace(place, "the gallery") if place else message
    if isinstance(error, StorageError):
        message = f"{NOT_ERASED}: {SCRUB}" if isinstance(error, NotErasedError) else _STORAGE
    for kind, status, code in _CODES:
        if isinstance(error, kind):
            details = (
                {"found": error.found} if isinstance(error, FaceNotFoundError | SeveralFacesError) else {}
            )
            return ApiError(status, code, message, details, _RETRY if status == 503 else None)
    return ApiError(500, "unexpected", message)


def as_api_error(error: Exception, place: str = "") -> ApiError:
    """The answer to any exception; nothing of an unexpected one is told."""
    if isinstance(error, ApiError):
        return error
    if isinstance(error, TwinfaceError):
        return api_error(error, place)
    if isinstance(error, HTTPException):
        code = _OF_STATUS.get(error.status_code, "bad_request")
        found = ApiError(error.status_code, code, str(error.detail))
        found.headers = {**(error.headers or {})}
        return found
    return ApiError(
        500, "unexpected", f"unexpected {type(error).__name__}: the service's log has this request"
    )


def envelope(error: ApiError, request_id: str) -> JSONResponse:
    """The answer's body."""
    said = {"code": error.code, "message": error.detail, "details": error.details}
    return JSONResponse({"request_id": request_id, "error": said}, error.status_code, error.headers)
