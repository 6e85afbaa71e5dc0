"""The web page's files: read from the package once, served under their names alone."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import cache
from importlib import resources

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

from twinface.core.html_page import page_style

_KINDS = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "json": "application/json",
    "svg": "image/svg+xml",
}
_TEXTS = re.compile(r"texts\.(\w+)\.json")
_NOT_SERVED = {"tsconfig.json"}


@dataclass(frozen=True)
class PageFile:
    """A file of the page.

    Attributes:
        content: its bytes.
        kind: the media type.
        tag: changes with the content.
    """

    content: bytes
    kind: str
    tag: str

    @classmethod
    def of(cls, name: str, content: bytes) -> PageFile:
        """A file by its name."""
        return cls(content, _KINDS[name.rpartition(".")[2]], f'"{hashlib.sha256(content).hexdigest()[:20]}"')


@cache
def page_files() -> dict[str, PageFile]:
    """All files of the page by name; the page itself is "index.html"."""
    contents = {
        file.name: file.read_bytes()
        for file in resources.files("twinface.service").joinpath("page").iterdir()
        if file.name.rpartition(".")[2] in _KINDS and file.name not in _NOT_SERVED
    }
    contents["base.css"] = page_style().encode()
    # The page chooses among the languages that have a file of texts.
    languages = " ".join(sorted(found[1] for name in contents if (found := _TEXTS.fullmatch(name))))
    contents["index.html"] = contents["index.html"].replace(
        b'data-languages="en"', f'data-languages="{languages}"'.encode()
    )
    return {name: PageFile.of(name, content) for name, content in contents.items()}


def page_router() -> APIRouter:
    """`GET /` and `GET /page/{name}`."""
    router = APIRouter(include_in_schema=False)
    files = page_files()

    @router.get("/")
    def index(request: Request) -> Response:
        return _answer(request, files["index.html"])

    @router.get("/page/{name}")
    def asset(request: Request, name: str) -> Response:
        if name not in files or name == "index.html":
            raise HTTPException(404, "the page has no such file")
        return _answer(request, files[name])

    return router


def _answer(request: Request, file: PageFile) -> Response:
    """The file, or 304 where the browser has it; the browser asks each time, so that an update shows at once."""
    headers = {"ETag": file.tag, "Cache-Control": "no-cache"}
    if file.tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(file.content, media_type=file.kind, headers=headers)
