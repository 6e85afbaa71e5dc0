"""Trains points in processes of this machine, each on its own cores."""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
import pickle
import signal
import sys
import threading
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

from twinface.core.interruption import Interrupted, stop_on_signals
from twinface.studies.trial import Job, run_job
from twinface.studies.trial_store import Outcome

ATTEMPTS = 3  # a process that ends without a word (out of memory, say) is begun again so often
LEAVE = 15.0  # seconds to save in


@dataclass
class _Running:
    job: Job
    process: BaseProcess
    answer: Connection
    attempt: int


class LocalRunner:
    """Trains up to `jobs` points at a time.

    The first process imports torch and every later one is forked from it, so that a point begins at once. A point that
    crashes takes no other with it.

    Args:
        jobs: points at a time.
    """

    def __init__(self, jobs: int) -> None:
        self.jobs = jobs
        method = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
        self._context: Any = multiprocessing.get_context(method)
        if method == "forkserver":
            self._context.set_forkserver_preload(["twinface.studies.trial"])
        self._running: dict[str, _Running] = {}

    def free(self) -> int:
        """How many more points could begin now."""
        return self.jobs - len(self._running)

    def start(self, job: Job) -> None:
        """Begins a point, or goes on with it."""
        self._begin(job, 1)

    def wait(self, seconds: float) -> list[tuple[str, Outcome]]:
        """The points that ended; see `Runner`."""
        sentinels = {running.process.sentinel: name for name, running in self._running.items()}
        ended = []
        for sentinel in multiprocessing.connection.wait(list(sentinels), seconds):
            running = self._running.pop(sentinels[sentinel])  # type: ignore[index]
            running.process.join()
            outcome = _answer(running.answer)
            if outcome:
                ended.append((running.job.name, outcome))
            elif running.attempt < ATTEMPTS:
                self._begin(running.job, running.attempt + 1)
            else:
                ended.append((running.job.name, Outcome("failed", None, _how(running.process.exitcode))))
        return ended

    def stop(self) -> None:
        """Asks everything that runs to save and leave, and waits for it."""
        for running in self._running.values():
            running.process.terminate()
        for running in self._running.values():
            running.process.join(LEAVE)
            if running.process.is_alive():
                running.process.kill()
        self._running.clear()

    def _begin(self, job: Job, attempt: int) -> None:
        receive, send = self._context.Pipe(duplex=False)
        process = self._context.Process(target=_work, args=(job, send), name=job.name, daemon=True)
        process.start()
        send.close()
        self._running[job.name] = _Running(job, process, receive, attempt)


def _work(job: Job, answer: Connection) -> None:
    """What a point's process does."""
    # Ctrl-C in a terminal reaches everyone; whoever began this process passes it on, once.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    try:
        with stop_on_signals() as stop:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            outcome = run_job(job, stop)
    except Interrupted:
        sys.exit(128 + signal.SIGTERM)
    answer.send_bytes(pickle.dumps(outcome))


def _leave_with_parent() -> None:
    """A process whose parent was killed saves and leaves, for the next one to go on."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)


def _answer(answer: Connection) -> Outcome | None:
    """What a process that has ended said; None where it ended without a word."""
    try:
        outcome: Outcome = pickle.loads(answer.recv_bytes())
    except (EOFError, OSError):
        return None
    return outcome


def _how(code: int | None) -> str:
    if code is not None and code < 0:
        return (
            f"its process was ended by {signal.Signals(-code).name} {ATTEMPTS} times; is there memory enough?"
        )
    return f"its process ended with code {code} {ATTEMPTS} times; its run folder's log says more"
