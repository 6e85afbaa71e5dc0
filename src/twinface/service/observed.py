"""Request ids, the log, metrics and security headers: the outermost layer of the service.

The log and the metrics hold no name, no path of a request and no text of an error: only routes, numbers and ids.
"""

from __future__ import annotations

import logging
import os
import secrets
import sys
import time

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, multiprocess
from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from twinface.core.formatting import place_of
from twinface.service.errors import as_api_error, envelope

log = logging.getLogger("twinface.service")
MULTIPROCESS = "PROMETHEUS_MULTIPROC_DIR"
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "media-src 'self' blob:; manifest-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
)
_HEADERS = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(self), microphone=(), geolocation=()",
}
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """What Prometheus collects, of this process or of all worker processes."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        labels = ("method", "route", "status")
        self.requests = Counter("twinface_requests", "Requests", labels, registry=self.registry)
        self.seconds = Histogram(
            "twinface_request_seconds",
            "Time to the answer",
            ("route",),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.running = Gauge(
            *("twinface_requests_running", "Requests that are being answered"),
            registry=self.registry,
            multiprocess_mode="livesum",
        )
        self.faces = Histogram(
            *("twinface_batch_faces", "Faces in a batch of the model"),
            buckets=(1, 2, 4, 8, 16, 32),
            registry=self.registry,
        )

    def text(self) -> bytes:
        """Everything in Prometheus' text format."""
        if not os.environ.get(MULTIPROCESS):
            return generate_latest(self.registry)
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry)


class Observed:
    """An ASGI layer that answers every exception, counts and logs.

    Args:
        app: the layer below.
        metrics: counts.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI 3."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status, request_id = time.perf_counter(), 0, secrets.token_hex(8)
        scope["twinface.request_id"] = request_id

        async def send_on(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                headers["x-request-id"] = request_id
                headers.setdefault("cache-control", "no-store")
                if status in {408, 413}:  # the rest of the request is not read
                    headers["connection"] = "close"
            await send(message)

        self._metrics.running.inc()
        try:
            await self._app(scope, receive, send_on)
        except ClientDisconnect:
            status = 499
        except Exception as error:
            answer = as_api_error(error)
            if answer.status_code == 500:
                log.error(
                    "request %s: unexpected %s in %s",
                    request_id,
                    type(error).__name__,
                    place_of(error) or "a library",
                )
            if status:  # the answer has begun
                raise ConnectionError("the answer was broken off") from None
            await envelope(answer, request_id)(scope, receive, send_on)
        finally:
            self._metrics.running.dec()
            self._count(scope, status, time.perf_counter() - began)

    def _count(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "none")  # as it was declared, without ids
        self._metrics.requests.labels(scope["method"] if route != "none" else "any", route, status).inc()
        self._metrics.seconds.labels(route).observe(seconds)
        method = scope["method"] if scope["method"].isalpha() else "?"
        caller = scope.get("twinface.caller", "-")
        log.info(
            "%s %s %d %.1f ms request %s caller %s",
            *(method, route, status, 1000 * seconds, scope["twinface.request_id"], caller),
        )


def log_to_stderr() -> None:
    """One line for each request on stderr, with the time in UTC."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)sZ %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S"))
    handler.formatter.converter = time.gmtime  # type: ignore[union-attr]
    log.handlers, log.propagate = [handler], False
    log.setLevel(logging.INFO)
