"""Signals become a request to stop; a second one, or a step that takes too long, is not waited for."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading

import pytest

from twinface.core.interruption import Interrupted, StopRequest, stop_on_signals

STEP = """
import os, signal, time
from twinface.core.interruption import stop_on_signals
with stop_on_signals(deadline={deadline}) as stop:
    os.kill(os.getpid(), signal.SIGTERM)
    {then}
    time.sleep(60)
"""


def end_of(then: str, deadline: float | None) -> subprocess.CompletedProcess[str]:
    program = STEP.format(deadline=deadline, then=then)
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=50, check=False
    )


def test_a_step_that_takes_too_long_is_not_waited_for() -> None:
    result = end_of("pass", deadline=0.2)
    assert result.returncode == 128 + signal.SIGTERM
    assert "the state saved last remains" in result.stderr


def test_a_second_signal_ends_the_process_at_once() -> None:
    result = end_of("os.kill(os.getpid(), signal.SIGINT)", deadline=1000)
    assert result.returncode == 128 + signal.SIGTERM
    assert "the state saved last remains" in result.stderr


def test_in_a_notebook_a_second_signal_is_an_exception() -> None:
    before = signal.getsignal(signal.SIGINT)  # a process started in the background ignores it
    with stop_on_signals(deadline=None) as stop:
        signal.raise_signal(signal.SIGINT)
        assert stop.signal_number == signal.SIGINT
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_outside_the_main_thread_signals_are_left_alone() -> None:
    seen: list[StopRequest] = []

    def work() -> None:
        with stop_on_signals() as stop:
            seen.append(stop)

    before = signal.getsignal(signal.SIGTERM)
    worker = threading.Thread(target=work)
    worker.start()
    worker.join()
    assert seen[0].signal_number is None
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_request_is_raised_where_the_loop_asks_for_it() -> None:
    with stop_on_signals() as stop:
        stop.check()
        signal.raise_signal(signal.SIGTERM)
        with pytest.raises(Interrupted, match="stopped by SIGTERM; the state is saved") as caught:
            stop.check()
    assert caught.value.signal_number == signal.SIGTERM
