"""What a service is started with."""

from __future__ import annotations

import ipaddress
import json
import os
from dataclasses import asdict, dataclass, field

VARIABLE = "TWINFACE_SERVICE"  # the settings of a worker process, as JSON


@dataclass(frozen=True)
class Limits:
    """What one request, one caller and all of them together may take.

    Attributes:
        body_bytes: of one request.
        body_seconds: until a request must have arrived.
        memory_bytes: of all requests that are being received or worked on.
        photos: in one request.
        faces: in one photo.
        waiting: requests that wait for a thread; more are refused with 503.
        seconds: until a request that is worked on is answered with 503.
        rate: requests a second for each key, on average; 0 for no limit. Twice as many may come at once.
    """

    body_bytes: int = 32 << 20
    body_seconds: float = 30
    memory_bytes: int = 512 << 20
    photos: int = 100
    faces: int = 64
    waiting: int = 64
    seconds: float = 30
    rate: float = 50


@dataclass(frozen=True)
class ServiceSettings:
    """What a service is started with.

    Attributes:
        host, port: where it listens.
        gallery: a file or the URL of a database; None as in `Gallery`.
        model: of a new gallery; None takes the gallery's own.
        key_file: of an encrypted gallery.
        workers: processes.
        jobs: whether it works on jobs.
        limits: for requests.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    gallery: str | None = None
    model: str | None = None
    key_file: str | None = None
    workers: int = 1
    jobs: bool = True
    limits: Limits = field(default_factory=Limits)

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach it."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def to_environment(self) -> None:
        """Leaves the settings for the worker processes that this one starts."""
        os.environ[VARIABLE] = json.dumps(asdict(self))

    @classmethod
    def from_environment(cls) -> ServiceSettings:
        """The settings that the starting process has left."""
        values = json.loads(os.environ[VARIABLE])
        return cls(**{**values, "limits": Limits(**values["limits"])})
