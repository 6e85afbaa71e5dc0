"""Refuses requests that are too large or too slow, and those that a foreign web page makes a browser send."""

from __future__ import annotations

import asyncio
import time
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from twinface.service.errors import ApiError
from twinface.service.settings import Limits

_READING = {"GET", "HEAD", "OPTIONS"}


class Gate:
    """An ASGI layer that bounds what it lets in.

    Args:
        app: the layer below.
        limits: of a request, and of all together.
    """

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self._app, self._limits = app, limits
        self._held = 0  # bytes of bodies whose requests are not answered yet

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI 3."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if scope["method"] not in _READING and _is_foreign(headers):
            raise ApiError(403, "foreign_page", "a page of another site has sent this request")
        length = headers.get("content-length", "0")
        if length.isdecimal() and int(length) > self._limits.body_bytes:
            raise self._too_large(int(length))
        body = _Body(self, receive)
        try:
            await self._app(scope, body.receive, send)
        finally:
            self._held -= body.size

    def _too_large(self, size: int) -> ApiError:
        most = self._limits.body_bytes
        details = {"limit": most}
        return ApiError(
            413, "body_too_large", f"the request has {size:,} bytes or more, at most {most:,}", details
        )

    def take(self, size: int, of_this: int) -> None:
        """Counts bytes that have come in.

        Args:
            size: of this piece.
            of_this: bytes of this request so far, with this piece.

        Raises:
            ApiError: it is too much.
        """
        self._held += size
        if of_this > self._limits.body_bytes:
            raise self._too_large(of_this)
        if self._held > self._limits.memory_bytes:
            raise ApiError(503, "busy", "too many large requests at once: call again soon", retry=1)

    @property
    def seconds(self) -> float:
        """Until a request must have arrived."""
        return self._limits.body_seconds


class _Body:
    """The body of one request, counted while it comes in."""

    def __init__(self, gate: Gate, receive: Receive) -> None:
        self._gate, self._receive = gate, receive
        self._until, self._is_complete = time.monotonic() + gate.seconds, False
        self.size = 0

    async def receive(self) -> Message:
        """The next message."""
        if self._is_complete:
            return await self._receive()
        try:
            left = max(0.0, self._until - time.monotonic())
            message = await asyncio.wait_for(self._receive(), left)
        except TimeoutError:
            raise ApiError(
                408, "too_slow", f"the request has not arrived within {self._gate.seconds:g} seconds"
            ) from None
        if message["type"] == "http.request":
            self._is_complete = not message.get("more_body", False)
            size = len(message.get("body", b""))
            self.size += size
            self._gate.take(size, self.size)
        return message


def _is_foreign(headers: Headers) -> bool:
    """Whether a browser says that a page of another site has sent this.

    Programs send neither header. The page of this service is of the same origin.
    """
    if headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        return True
    origin = headers.get("origin")
    if origin is None:
        return False
    try:
        return urlsplit(origin).netloc != headers.get("host")
    except ValueError:  # no address at all
        return True
