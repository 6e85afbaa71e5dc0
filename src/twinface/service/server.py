"""Starts the service: one process, or several on one port."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Callable

import uvicorn

from twinface.core.errors import SettingsError
from twinface.service.observed import MULTIPROCESS
from twinface.service.settings import ServiceSettings

_GRACE = 4  # seconds for requests in flight once the service is told to stop


def serve(settings: ServiceSettings, checked: Callable[[], object] = lambda: None) -> None:
    """Serves until SIGTERM or Ctrl-C. Requests in flight are answered, if that takes at most four seconds.

    Args:
        settings: of the service.
        checked: called once nothing speaks against it.

    Raises:
        SettingsError: it would listen beyond this machine, and nobody has a key; or the port is taken.
        TwinfaceError: the gallery cannot be opened.
    """
    _check(settings)
    checked()
    settings.to_environment()
    with tempfile.TemporaryDirectory(prefix="twinface-metrics-") as folder:
        if settings.workers > 1:
            os.environ[MULTIPROCESS] = folder
        uvicorn.run(
            "twinface.service.app:create_from_environment",
            factory=True,
            http="h11",  # it refuses a request whose head is longer than 64 kB; httptools would keep all of it
            host=settings.host,
            port=settings.port,
            workers=settings.workers,
            access_log=False,
            log_level="warning",
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=_GRACE,
            timeout_keep_alive=15,
        )


def _check(settings: ServiceSettings) -> None:
    """Opens the gallery once, so that what is wrong is said before anything listens."""
    from twinface.recognition.gallery.gallery import Gallery
    from twinface.recognition.gallery.sql_store import sql_tables
    from twinface.service.keys import KeyTable

    with Gallery(settings.gallery, settings.model, key=settings.key_file) as gallery:
        gallery.engine  # noqa: B018 - loads the model
        has_key = KeyTable(sql_tables(gallery.store)).has_active()
    if not settings.is_local and not has_key:
        raise SettingsError(
            f"--host {settings.host}: other machines could reach it, and the gallery has no key: first "
            "`twinface keys make LABEL --scope admin`, with the same --gallery and --key-file"
        )
    try:
        family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
        with socket.socket(family) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind((settings.host, settings.port))
    except OSError as error:
        raise SettingsError(
            f"--host {settings.host} --port {settings.port}: cannot be listened on ({error.strerror or error}): choose "
            "another one"
        ) from error
