"""Starts `twinface serve` as a process of its own, for tests."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

_START = 60  # seconds


@dataclass(eq=False)
class Served:
    """A running service.

    Attributes:
        url: where it listens.
        process: the command.
        log: what it prints.
    """

    url: str
    process: subprocess.Popen[bytes]
    log: Path

    def end(self, number: signal.Signals = signal.SIGTERM, within: float = 30) -> int:
        """Sends a signal, and waits for the end; the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(within)


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return int(trial.getsockname()[1])


def start(place: str, folder: Path, *more: str) -> Served:
    """Starts a service without waiting for it."""
    port = free_port()
    log = folder / f"serve-{port}.log"
    command = [sys.executable, "-m", "twinface", "serve", "--gallery", place, "--port", str(port)]
    with log.open("wb") as out:
        process = subprocess.Popen(
            [*command, "--model", "sface", *more], stdout=out, stderr=subprocess.STDOUT, env={**os.environ}
        )
    return Served(f"http://127.0.0.1:{port}", process, log)


def wait_until_ready(served: Served) -> None:
    """Waits until it answers."""
    until = time.monotonic() + _START
    while True:
        try:
            if httpx.get(f"{served.url}/readyz", timeout=5).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        if served.process.poll() is not None or time.monotonic() > until:
            raise AssertionError(f"it does not answer: {served.log.read_text()}")
        time.sleep(0.05)


@contextmanager
def serving(place: str, folder: Path, *more: str) -> Iterator[Served]:
    """A service that answers; it is ended in the end."""
    served = start(place, folder, *more)
    try:
        wait_until_ready(served)
        yield served
    finally:
        served.end(signal.SIGKILL)
