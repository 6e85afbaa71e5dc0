"""Trains points as tasks of a Ray cluster.

A worker that sees the study's folder (a shared disk) trains in it and goes on where another one died. One that does not
trains in a folder of its own and sends the run back; if it dies, the point is begun anew elsewhere. Every machine needs
Twinface and the data at the same path.
"""

from __future__ import annotations

import io
import logging
import secrets
import socket
import tarfile
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import ray

from twinface.core.errors import StorageError
from twinface.core.interruption import StopRequest
from twinface.core.storage import write_text
from twinface.studies.trial import Job, run_job
from twinface.studies.trial_store import Outcome

RETRIES = 5  # of a point whose machine died
TOKEN = ".study-token"
_NOT_SENT = {"state.safetensors", "state.previous.safetensors", "best.safetensors", ".lock"}


class ClusterRunner:
    """Trains as many points at a time as the cluster has room for.

    Args:
        address: of the cluster ("auto", "host:6379" or "ray://host:10001").
        place: the study's folder, in which `TOKEN` tells workers that they see it.
        cores: processor cores of one point.
        gpus: of one point; a share lets several points use one.

    Raises:
        StorageError: the cluster does not answer.
    """

    def __init__(self, address: str, place: Path, cores: int, gpus: float = 0.0) -> None:
        _check_reachable(address)
        try:
            ray.init(
                address=address, ignore_reinit_error=True, log_to_driver=False, logging_level=logging.ERROR
            )
        except (OSError, ValueError, RuntimeError, ray.exceptions.RayError) as error:
            raise StorageError(f"the Ray cluster {address} does not answer: {error}") from error
        self.cores, self.gpus = cores, gpus
        self.token = secrets.token_hex(8)
        write_text(place / TOKEN, self.token)
        self.place = place.resolve()
        self._train: Any = ray.remote(_train).options(
            num_cpus=cores, num_gpus=gpus, max_retries=RETRIES, retry_exceptions=False
        )
        self._running: dict[Any, Job] = {}

    def free(self) -> int:
        """How many more points the cluster has room for, as many as it has now; one always waits in line."""
        total: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
        slots = int(total.get("CPU", 0) // self.cores)
        if self.gpus:
            slots = min(slots, int(total.get("GPU", 0) / self.gpus))
        return max(slots, 1) - len(self._running)

    def start(self, job: Job) -> None:
        """Begins a point, or goes on with it."""
        job = replace(job, folder=job.folder.resolve())
        self._running[self._train.remote(job, str(self.place), self.token)] = job

    def wait(self, seconds: float) -> list[tuple[str, Outcome]]:
        """The points that ended; see `Runner`."""
        if not self._running:
            return []
        ready, _ = ray.wait(list(self._running), num_returns=1, timeout=seconds)
        ended = []
        for reference in ready:
            job = self._running.pop(reference)
            try:
                outcome, files = ray.get(reference)
            except ray.exceptions.RayError as error:
                ended.append((job.name, Outcome("failed", None, str(error).strip().splitlines()[-1])))
                continue
            if files is not None:
                _unpack(files, job.folder)
            ended.append((job.name, outcome))
        return ended

    def stop(self) -> None:
        """Ends everything that runs; a point that was trained in the study's folder goes on from its last save."""
        for reference in self._running:
            ray.cancel(reference, force=True)
        self._running.clear()
        ray.shutdown()


def _check_reachable(address: str) -> None:
    """Ray itself tries for minutes to reach a cluster that is not there.

    Raises:
        StorageError: nothing listens at this address.
    """
    host, _, port = address.rpartition("://")[2].rpartition(":")
    if not (host and port.isdigit()):
        return
    try:
        socket.create_connection((host, int(port)), timeout=10).close()
    except (OSError, OverflowError) as error:
        raise StorageError(f"the Ray cluster {address} does not answer: {error}") from error


def _train(job: Job, place: str, token: str) -> tuple[Outcome, bytes | None]:
    """Trains a point on a worker; returns how it ended, and the run's files unless the driver sees them anyway."""
    if _sees(Path(place), token):
        return run_job(job, StopRequest()), None
    with tempfile.TemporaryDirectory() as folder:
        own = replace(job, folder=Path(folder))
        return run_job(own, StopRequest()), _pack(Path(folder))


def _sees(place: Path, token: str) -> bool:
    try:
        return (place / TOKEN).read_text(encoding="utf-8") == token
    except OSError:
        return False


def _pack(folder: Path) -> bytes:
    """All files but those that are only needed to go on training."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.name not in _NOT_SENT:
                archive.add(path, str(path.relative_to(folder)))
    return buffer.getvalue()


def _unpack(files: bytes, folder: Path) -> None:
    with tarfile.open(fileobj=io.BytesIO(files), mode="r:gz") as archive:
        archive.extractall(folder, filter="data")
