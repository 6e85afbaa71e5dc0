"""Photos and fields of a request, as multipart/form-data or as JSON with photos in base64; and fields alone, as JSON.

Photos stay in memory: nothing of a request is written to the disk. Calls read their bodies themselves, once the caller
was let in: what FastAPI reads for a call, it reads before it asks for a key.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any, Generic, TypeVar

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, ValidationError
from python_multipart.multipart import parse_options_header
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from twinface.core.formatting import one_line
from twinface.service.errors import ApiError

_MANY = "photos"
_MOST_FIELDS = 20
_FIELD_BYTES = 64 << 10
_JSON_BYTES = 64 << 10  # of a body without photos
_MOST_VALUES = 10_000  # of a body in JSON; many small values take much more time and memory than their bytes
_MOST_PROBLEMS = 10  # that an answer lists
_NAME_SHOWN = 80  # characters of a field's name


class Options(BaseModel):
    """Fields of a call beside its photos."""

    model_config = ConfigDict(frozen=True, extra="forbid")


_Fields = TypeVar("_Fields", bound=Options)


@dataclass(frozen=True)
class Photo:
    """A picture file of a request.

    Attributes:
        name: of the file, as the caller says; "" if there is none.
        data: its bytes.
    """

    name: str
    data: bytes


@dataclass(frozen=True)
class Form(Generic[_Fields]):
    """What a request holds.

    Attributes:
        options: its fields.
        photos: in the order of the form's fields.
    """

    options: _Fields
    photos: tuple[Photo, ...]


class PhotoForm(Generic[_Fields]):
    """What a call takes: photos in certain fields, and options.

    Args:
        options: the class of the other fields.
        photos: the names of the fields with one photo each; "photos" holds at least one.
        example: of the other fields.
    """

    def __init__(self, options: type[_Fields], *photos: str, example: dict[str, Any] | None = None) -> None:
        self._options, self._photos, self._example = options, photos, example or {}

    async def read(self, request: Request) -> Form[_Fields]:
        """Reads a request.

        Raises:
            ApiError: 400, 413, 415 or 422: it is not what the call takes.
        """
        kind = _media_type(request)
        most = request.app.state.parts.settings.limits.photos
        is_json = kind == "application/json"
        if kind == "multipart/form-data":
            photos, fields = await self._multipart(request, most)
        elif is_json:
            photos, fields = self._json(await request.body())
        else:
            raise ApiError(415, "unsupported_media", "need multipart/form-data or application/json")
        options = _validated(self._options, fields, is_json)
        chosen: list[Photo] = []
        for name in self._photos:
            found = photos.get(name, [])
            if not found or (name != _MANY and len(found) != 1):
                need = "at least one photo" if name == _MANY else "one photo"
                raise ApiError(
                    422, "invalid", f"{name}: found {len(found)} photos, need {need}", {"field": name}
                )
            chosen += found
        if len(chosen) > most:
            raise _too_many(len(chosen), most)
        return Form(options, tuple(chosen))

    async def _multipart(self, request: Request, most: int) -> tuple[dict[str, list[Photo]], dict[str, Any]]:
        class InMemory(MultiPartParser):
            spool_max_size = 1 << 40  # the gate bounds the body; nothing is written to the disk

        parser = InMemory(
            request.headers,
            request.stream(),
            max_files=most,
            max_fields=_MOST_FIELDS,
            max_part_size=_FIELD_BYTES,
        )
        try:
            form = await parser.parse()
        except MultiPartException as error:
            # The parser stops there, and has no other mark of it.
            if error.message.startswith("Too many files"):
                raise _too_many(most + 1, most) from None
            raise ApiError(
                400, "bad_request", f"cannot be read as multipart/form-data: {error.message}"
            ) from None
        except (KeyError, ValueError):
            raise ApiError(400, "bad_request", "cannot be read as multipart/form-data") from None
        photos: dict[str, list[Photo]] = {}
        fields: dict[str, Any] = {}
        for name, value in form.multi_items():
            if isinstance(value, UploadFile):
                self._check_name(name)
                # Its charset is the caller's choice, so it can hold halves of characters and line feeds.
                file_name = one_line(value.filename or "")
                photos.setdefault(name, []).append(Photo(file_name, await value.read()))
            elif value != "":
                if name in fields:
                    raise ApiError(
                        422, "invalid", f"{one_line(name, _NAME_SHOWN)}: found twice, need it once"
                    )
                fields[name] = value
        await form.close()
        return photos, fields

    def _json(self, body: bytes) -> tuple[dict[str, list[Photo]], dict[str, Any]]:
        values = _parsed(body)
        if not isinstance(values, dict):
            raise ApiError(422, "invalid", "the body is not a JSON object")
        photos: dict[str, list[Photo]] = {}
        for name in self._photos:
            if name in values:
                found = values.pop(name)
                photos[name] = [
                    _decoded(each, name) for each in (found if isinstance(found, list) else [found])
                ]
        return photos, values

    def _check_name(self, name: str) -> None:
        if name not in self._photos:
            raise ApiError(
                422, "invalid", f"found a file in the field {name[:40]!r}, need {', '.join(self._photos)}"
            )

    def openapi(self) -> dict[str, Any]:
        """The request body, for OpenAPI."""
        schema = self._options.model_json_schema(ref_template="#/components/schemas/{model}")
        plain: dict[str, Any] = {
            each: {"type": "string", "contentEncoding": "base64", "description": "a picture file in base64"}
            for each in self._photos
        }
        files: dict[str, Any] = {
            each: {"type": "string", "format": "binary", "description": "a picture file"}
            for each in self._photos
        }
        if _MANY in plain:
            plain[_MANY] = {"type": "array", "items": plain[_MANY], "minItems": 1}
            files[_MANY] = {"type": "array", "items": files[_MANY], "minItems": 1}

        def body(photos: dict[str, Any]) -> dict[str, Any]:
            required = [*self._photos, *schema.get("required", [])]
            properties = {**photos, **schema.get("properties", {})}
            return {
                "schema": {
                    "type": "object",
                    "properties": properties,
                    "required": required,
                    "additionalProperties": False,
                }
            }

        content = {"multipart/form-data": body(files), "application/json": body(plain)}
        face = average_face()
        photos = {each: [face] if each == _MANY else face for each in self._photos}
        content["application/json"]["example"] = {**photos, **self._example}
        return {"requestBody": {"required": True, "content": content}}


class JsonForm(Generic[_Fields]):
    """What a call without photos takes: options alone, as JSON.

    Args:
        options: the class of the fields; its configuration has an example.
    """

    def __init__(self, options: type[_Fields]) -> None:
        self._options = options

    async def read(self, request: Request) -> _Fields:
        """Reads a request.

        Raises:
            ApiError: 400, 413, 415 or 422: it is not what the call takes.
        """
        if _media_type(request) != "application/json":
            raise ApiError(415, "unsupported_media", "need application/json")
        body = bytearray()
        async for piece in request.stream():
            body += piece
            if len(body) > _JSON_BYTES:
                said = f"the request has {len(body):,} bytes or more, at most {_JSON_BYTES:,}"
                raise ApiError(413, "body_too_large", said, {"limit": _JSON_BYTES})
        return _validated(self._options, _parsed(bytes(body)), True)

    def openapi(self) -> dict[str, Any]:
        """The request as OpenAPI describes it."""
        schema = self._options.model_json_schema()
        [found] = schema.pop("examples")
        content = {"application/json": {"schema": schema, "example": found}}
        return {"requestBody": {"required": True, "content": content}}


def _too_many(found: int, most: int) -> ApiError:
    said = f"found {found} photos or more, at most {most}"
    return ApiError(413, "too_many_photos", said, {"limit": most})


def _media_type(request: Request) -> str:
    return parse_options_header(request.headers.get("content-type", ""))[0].decode("latin-1")


def _parsed(body: bytes) -> Any:
    # Each value but the first has a comma before it; base64 has none.
    if body.count(b",") >= _MOST_VALUES:
        raise ApiError(422, "invalid", f"the body has too many values, at most {_MOST_VALUES:,}")
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise ApiError(400, "bad_request", "the body is not JSON") from None


def _validated(options: type[_Fields], values: Any, is_json: bool) -> _Fields:
    """The fields as the call's options. JSON has types of its own: there, true is no number, and "2" neither."""
    if isinstance(values, dict) and len(values) > _MOST_FIELDS:
        raise ApiError(422, "invalid", f"found {len(values):,} fields, at most {_MOST_FIELDS}")
    try:
        return options.model_validate(values, strict=is_json)
    except ValidationError as error:
        raise invalid(error) from None


def invalid(error: ValidationError | RequestValidationError) -> ApiError:
    """422 for fields that are not what they should be. What was found is not repeated: it may be anything."""
    problems = [
        {"field": one_line(".".join(map(str, each["loc"])), _NAME_SHOWN) or "body", "problem": each["msg"]}
        for each in error.errors()[:_MOST_PROBLEMS]
    ]
    said = "; ".join(f"{each['field']}: {each['problem']}" for each in problems[:3])
    return ApiError(422, "invalid", said, {"problems": problems})


def _decoded(value: Any, name: str) -> Photo:
    if isinstance(value, str):
        if value.startswith("data:"):
            value = value.partition(",")[2]
        try:
            return Photo("", base64.b64decode(value, validate=True))
        except (binascii.Error, ValueError):
            pass
    raise ApiError(422, "invalid", f"{name}: need the bytes of a picture file in base64", {"field": name})


def average_face() -> str:
    """A picture in base64 for examples: the mean of 2,000 faces of LFW-a, which is nobody's."""
    data = resources.files("twinface.service").joinpath("average_face.jpg").read_bytes()
    return base64.b64encode(data).decode()


def example(**values: Any) -> ConfigDict:
    """The configuration of options with an example."""
    return ConfigDict(frozen=True, extra="forbid", json_schema_extra={"examples": [values]})


def names_of(photos: Sequence[Photo]) -> list[str]:
    """What photos are called in an answer: by their file, or by their place."""
    return [photo.name or f"photo {number}" for number, photo in enumerate(photos, start=1)]
