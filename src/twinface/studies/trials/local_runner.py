"""Trains trials in processes of this machine, each on its own cores."""

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
from twinface.studies.trials.train_trial import TrialJob, run_trial
from twinface.studies.trials.trial import Outcome

ATTEMPTS = 3  # a trial whose process crashes (out of memory, for example) is started this many times
SAVE_TIMEOUT = 15.0  # seconds that a process has to save its state when it is asked to stop


@dataclass
class _Running:
    job: TrialJob
    process: BaseProcess
    answer: Connection
    attempt: int


class LocalRunner:
    """Trains up to `jobs` trials at a time.

    The first process imports torch, and every later process is forked from it, so that a trial begins at once. A trial
    whose process crashes does not affect the others.

    Args:
        jobs: number of trials at a time.
    """

    def __init__(self, jobs: int) -> None:
        self.jobs = jobs
        method = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
        self._context: Any = multiprocessing.get_context(method)
        if method == "forkserver":
            # Training imports the last two later, in each process again: deterministic kernels, and the export to ONNX.
            self._context.set_forkserver_preload(
                ["twinface.studies.trials.train_trial", "torch._inductor", "onnxscript"]
            )
        self._running: dict[str, _Running] = {}

    def free(self) -> int:
        """How many more trials can begin now."""
        return self.jobs - len(self._running)

    def start(self, job: TrialJob) -> None:
        """Begins a trial, or continues it from its last saved state."""
        self._start(job, 1)

    def wait(self, seconds: float) -> list[tuple[str, Outcome]]:
        """Names and outcomes of the trials that ended; see `Runner`."""
        sentinels = {running.process.sentinel: name for name, running in self._running.items()}
        ended = []
        for sentinel in multiprocessing.connection.wait(list(sentinels), seconds):
            running = self._running.pop(sentinels[sentinel])  # type: ignore[index]
            running.process.join()
            outcome = _received(running.answer)
            if outcome:
                ended.append((running.job.name, outcome))
            elif running.attempt < ATTEMPTS:
                self._start(running.job, running.attempt + 1)
            else:
                ended.append((running.job.name, Outcome("failed", None, _crash(running.process.exitcode))))
        return ended

    def stop(self) -> None:
        """Asks everything that runs to save its state and end, and waits for that."""
        for running in self._running.values():
            running.process.terminate()
        for running in self._running.values():
            running.process.join(SAVE_TIMEOUT)
            if running.process.is_alive():
                running.process.kill()
        self._running.clear()

    def _start(self, job: TrialJob, attempt: int) -> None:
        receive, send = self._context.Pipe(duplex=False)
        process = self._context.Process(target=_work, args=(job, send), name=job.name, daemon=True)
        process.start()
        send.close()
        self._running[job.name] = _Running(job, process, receive, attempt)


def _work(job: TrialJob, answer: Connection) -> None:
    """The main function of a trial's process."""
    # Ctrl-C in a terminal reaches all processes. The process that started this one passes it on, once.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_stop_with_parent, daemon=True).start()
    try:
        with stop_on_signals() as stop:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            outcome = run_trial(job, stop)
    except Interrupted:
        sys.exit(128 + signal.SIGTERM)
    answer.send_bytes(pickle.dumps(outcome))


def _stop_with_parent() -> None:
    """If the parent process is killed, this process saves its state and ends, so that another can continue."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)


def _received(answer: Connection) -> Outcome | None:
    """The outcome that a process sent before it ended; None if it crashed."""
    try:
        outcome: Outcome = pickle.loads(answer.recv_bytes())
    except (EOFError, OSError):
        return None
    return outcome


def _crash(code: int | None) -> str:
    """The reason of a trial that failed because its process crashed."""
    if code is not None and code < 0:
        number = -code
        named = signal.Signals(number).name if number in set(signal.Signals) else f"signal {number}"
        return f"its process was ended by {named} {ATTEMPTS} times; is there memory enough?"
    return f"its process ended with code {code} {ATTEMPTS} times; its run folder's log says more"
