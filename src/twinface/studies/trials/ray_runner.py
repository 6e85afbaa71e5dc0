"""Trains trials as tasks of a Ray cluster.

A worker that sees the study's folder, on a shared disk, trains in it and continues where another worker died. A worker
that does not see it trains in a folder of its own and sends the runs back; if it dies, another worker begins the trial
again. Every machine needs Twinface, and the data at the same path.
"""

from __future__ import annotations

import io
import logging
import secrets
import socket
import tarfile
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import ray

from twinface.core.errors import StorageError
from twinface.core.interruption import StopRequest
from twinface.core.storage import write_text
from twinface.studies.trials.train_trial import TrialJob, run_trial
from twinface.studies.trials.trial import Outcome

RETRIES = 5  # of a trial whose machine died
TOKEN = ".study-token"
_NOT_SENT = {"state.safetensors", "state.previous.safetensors", "best.safetensors", ".lock"}


class ClusterRunner:
    """Trains as many trials at a time as the cluster has room for.

    Args:
        address: of the cluster: "auto", "host:6379" or "ray://host:10001".
        folder: the study's folder. The file `TOKEN` in it tells workers whether they see the folder.
        cores: processor cores of one trial.
        gpus: GPUs of one trial; a fraction lets several trials share one.

    Raises:
        StorageError: the cluster does not answer.
    """

    def __init__(self, address: str, folder: Path, cores: int, gpus: float = 0.0) -> None:
        _check_reachable(address)
        try:
            ray.init(
                address=address, ignore_reinit_error=True, log_to_driver=False, logging_level=logging.ERROR
            )
        except (OSError, ValueError, RuntimeError, ray.exceptions.RayError) as error:
            raise StorageError(f"the Ray cluster {address} does not answer: {error}") from error
        self.cores, self.gpus = cores, gpus
        self.token = secrets.token_hex(8)
        write_text(folder / TOKEN, self.token)
        self.folder = folder.resolve()
        self._train: Any = ray.remote(_train).options(
            num_cpus=cores, num_gpus=gpus, max_retries=RETRIES, retry_exceptions=False
        )
        self._running: dict[Any, TrialJob] = {}

    def free(self) -> int:
        """How many more trials the cluster has room for at its present size; one trial may always wait in line."""
        total: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
        slots = int(total.get("CPU", 0) // self.cores)
        if self.gpus:
            slots = min(slots, int(total.get("GPU", 0) / self.gpus))
        return max(slots, 1) - len(self._running)

    def start(self, job: TrialJob) -> None:
        """Begins a trial, or continues it from its last saved state."""
        job = replace(job, folder=job.folder.resolve())
        self._running[self._train.remote(job, str(self.folder), self.token)] = job

    def wait(self, seconds: float) -> list[tuple[str, Outcome]]:
        """Names and outcomes of the trials that ended; see `Runner`."""
        if not self._running:
            time.sleep(seconds)  # others train what is left
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
        """Ends everything that runs; a trial in the study's folder continues later from its last saved state."""
        for reference in self._running:
            ray.cancel(reference, force=True)
        self._running.clear()
        ray.shutdown()


def _check_reachable(address: str) -> None:
    """Fails at once if nothing listens; Ray itself would try for minutes.

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


def _train(job: TrialJob, folder: str, token: str) -> tuple[Outcome, bytes | None]:
    """Trains a trial on a worker.

    Returns:
        The outcome, and the files of the runs; None in place of the files if the worker sees the study's folder.
    """
    if _sees(Path(folder), token):
        return run_trial(job, StopRequest()), None
    with tempfile.TemporaryDirectory() as own:
        return run_trial(replace(job, folder=Path(own)), StopRequest()), _pack(Path(own))


def _sees(folder: Path, token: str) -> bool:
    try:
        return (folder / TOKEN).read_text(encoding="utf-8") == token
    except OSError:
        return False


def _pack(folder: Path) -> bytes:
    """All files as a tar archive, except those that are only needed to continue training."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.name not in _NOT_SENT:
                archive.add(path, str(path.relative_to(folder)))
    return buffer.getvalue()


def _unpack(files: bytes, folder: Path) -> None:
    with tarfile.open(fileobj=io.BytesIO(files), mode="r:gz") as archive:
        archive.extractall(folder, filter="data")
