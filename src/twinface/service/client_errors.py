"""Errors of the service's client: which answers are which errors of the library."""

from __future__ import annotations

from typing import Any

import httpx

from twinface.core.errors import (
    FaceNotFoundError,
    ImageError,
    ModelMismatchError,
    NameTakenError,
    SeveralFacesError,
    StorageError,
    TwinfaceError,
    UnknownPersonError,
)

_ERRORS: dict[str, type[TwinfaceError]] = {
    "face_not_found": FaceNotFoundError,
    "several_faces": SeveralFacesError,
    "bad_image": ImageError,
    "person_not_found": UnknownPersonError,
    "name_taken": NameTakenError,
    "model_mismatch": ModelMismatchError,
    "storage": StorageError,
}


class ServiceError(TwinfaceError):
    """An answer of the service that is an error of no kind that the library has.

    Attributes:
        status: of HTTP; 0 if there was no answer.
        code, details, request_id: see the service's documentation.
    """

    def __init__(
        self, message: str, status: int = 0, code: str = "", details: Any = None, id: str = ""
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.details, self.request_id = status, code, details, id


def error_of(answer: httpx.Response) -> TwinfaceError:
    """The error that an answer stands for."""
    try:
        values = answer.json()
        said, id = values["error"], values["request_id"]
        code, message, details = said["code"], said["message"], said["details"]
    except (ValueError, KeyError, TypeError):
        return foreign(answer)
    kind = _ERRORS.get(code)
    if kind is not None:
        return kind(message)
    return ServiceError(message, answer.status_code, code, details, id)


def code_of(answer: httpx.Response) -> str:
    """The code of an error; "" if it is none of Twinface's."""
    try:
        return str(answer.json()["error"]["code"])
    except (ValueError, KeyError, TypeError):
        return ""


def foreign(answer: httpx.Response) -> ServiceError:
    """The error of an answer that is none of Twinface's."""
    said = f"found an answer that is none of Twinface's: HTTP {answer.status_code}"
    return ServiceError(said, answer.status_code)
