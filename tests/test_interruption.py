"""Signals become a request to stop; a second one, or a step that takes too long, is not waited for."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator

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


@pytest.fixture
def received() -> Iterator[list[int]]:
    """The signals that reach the handlers of before, which are those of a command or of a notebook."""
    numbers: list[int] = []
    before = {
        number: signal.signal(number, lambda number, frame: numbers.append(number))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    yield numbers
    for number, handler in before.items():
        signal.signal(number, handler)


def test_in_a_notebook_a_second_signal_is_an_exception(received: list[int]) -> None:
    with stop_on_signals(deadline=None) as stop:
        signal.raise_signal(signal.SIGINT)
        assert stop.signal_number == signal.SIGINT
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        stop.signal_number = None
    assert received == []
    signal.raise_signal(signal.SIGINT)
    assert received == [signal.SIGINT]


def test_a_signal_that_comes_too_late_is_not_lost(received: list[int]) -> None:
    with stop_on_signals():
        signal.raise_signal(signal.SIGTERM)
        assert received == []
    assert received == [signal.SIGTERM]


def test_what_was_done_and_what_has_to_be_noted_is_said_before_the_process_ends_at_once() -> None:
    then = """
    stop.doing = "while the model was written"
    stop.before_leaving = lambda: print("noted", flush=True)"""
    result = end_of(then, deadline=0.2)
    assert (result.returncode, result.stdout) == (128 + signal.SIGTERM, "noted\n")
    assert result.stderr == "twinface: stopped while the model was written; the state saved last remains\n"


def test_a_note_that_cannot_be_made_is_not_waited_for() -> None:
    result = end_of("stop.before_leaving = lambda: time.sleep(50)", deadline=0.2)
    assert result.returncode == 128 + signal.SIGTERM


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


def test_a_request_is_raised_where_the_loop_asks_for_it(received: list[int]) -> None:
    def loop() -> None:
        with stop_on_signals() as stop:
            stop.check()
            signal.raise_signal(signal.SIGTERM)
            stop.check()

    with pytest.raises(Interrupted, match="stopped by SIGTERM; the state is saved") as caught:
        loop()
    assert caught.value.signal_number == signal.SIGTERM
    assert received == []


BEGINNING = """
import os, signal, sys

class Press:
    def find_spec(self, name, *more):
        if name == "{module}":
            os.kill(os.getpid(), signal.{signal})

sys.meta_path.insert(0, Press())
sys.argv = ["twinface", "doctor"]
import runpy
runpy.run_module("twinface", run_name="__main__")
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("module", ["twinface.cli", "typer", "twinface.core.interruption", "numpy"])
def test_a_signal_while_a_command_is_imported(module: str, number: signal.Signals) -> None:
    program = BEGINNING.format(module=module, signal=number.name)
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=50, check=False
    )
    assert (result.returncode, result.stdout) == (128 + number, "")
    assert result.stderr == "twinface: interrupted\n"


COMMAND = """
import os, platform, signal, time
from twinface.cli import main
from twinface.core import interruption

interruption.DEADLINE = 0.3

class Ending:
    def __del__(self):
        press()

def press():
    os.kill(os.getpid(), signal.SIGINT)

def version():
    {then}
    return "none"

platform.python_version = version
import sys
sys.argv = ["twinface", "doctor"]
main()
"""


@pytest.mark.parametrize(
    "then",
    [
        "press()",
        "Ending()",  # Python ignores what a finalizer raises
        """
    try:
        press()
    except BaseException:
        pass""",
        """
    try:
        press()
    except BaseException:
        time.sleep(60)""",
        """
    try:
        press()
    except BaseException as error:
        raise ImportError("initialization failed") from error""",
        """
    try:
        press()
    finally:
        press()""",
    ],
    ids=["raised", "in a finalizer", "swallowed", "swallowed, then waiting", "turned into another", "twice"],
)
def test_a_signal_is_never_lost(then: str) -> None:
    program = COMMAND.format(then=then)
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=50, check=False
    )
    assert result.returncode == 130
    assert "Traceback" not in result.stderr
    assert "interrupted" in result.stderr
