"""Ctrl-C and SIGTERM: training finishes its step, saves its state and ends; a command without a state ends at once.

A command that runs in a process of its own always ends with 130 (Ctrl-C) or 143 (SIGTERM), and without a traceback.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)
DEADLINE = 4.0  # seconds
NOTE_TIMEOUT = 0.8  # seconds; with the deadline less than five


class Interrupted(Exception):  # noqa: N818 - not an error
    """Training was asked to stop and has saved its state.

    Attributes:
        signal_number: of the signal that asked for it.
    """

    def __init__(self, signal_number: int) -> None:
        super().__init__(f"stopped by {signal.Signals(signal_number).name}; the state is saved")
        self.signal_number = signal_number


class StopRequest:
    """Whether a signal has asked for training to stop.

    Attributes:
        signal_number: of that signal, or None.
        doing: what the process does now, for the message if the process ends without waiting for it.
        before_leaving: is called in a thread before the process ends without waiting; None does nothing.
    """

    def __init__(self) -> None:
        self.signal_number: int | None = None
        self.doing = "in the middle of a step"
        self.before_leaving: Callable[[], None] | None = None

    def check(self) -> None:
        """Raises `Interrupted` if a signal has come."""
        if self.signal_number is not None:
            raise Interrupted(self.signal_number)


@contextmanager
def stop_on_signals(deadline: float | None = DEADLINE) -> Iterator[StopRequest]:
    """Turns SIGINT and SIGTERM into a request that the training loop checks between two steps.

    If the step takes longer than `deadline` seconds, the process ends without it, and the state that was saved last
    remains. Only time is lost, because a resumed run repeats those steps with the same results. A second signal ends
    the process at once. A signal that comes too late to be looked at is sent again when the block has ended, to the
    handlers of before. Outside the main thread this does nothing.

    Args:
        deadline: in seconds; None never ends the process (in a notebook), and a second signal then raises
            KeyboardInterrupt.
    """
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    leave = threading.Timer(deadline or 0, _leave, (request,))
    leave.daemon = True

    def handle(number: int, frame: FrameType | None) -> None:
        first = request.signal_number is None
        request.signal_number = request.signal_number or number
        if deadline is None:
            if not first:
                raise KeyboardInterrupt
        elif first:
            leave.start()
        else:
            _leave(request)

    before = {number: signal.signal(number, handle) for number in SIGNALS}
    try:
        yield request
    finally:
        leave.cancel()
        for number, handler in before.items():
            signal.signal(number, handler)
    if request.signal_number is not None:
        signal.raise_signal(request.signal_number)


def _leave(request: StopRequest) -> None:
    """Ends the process now, once `before_leaving` has run or has had its time."""
    if request.before_leaving:
        # In a thread, because what it needs may be held up: by the main thread, or by a disk that does not answer.
        last = threading.Thread(target=request.before_leaving, daemon=True)
        last.start()
        last.join(NOTE_TIMEOUT)
    _end(request.signal_number or signal.SIGTERM, f"stopped {request.doing}; the state saved last remains")


class CommandInterrupted(BaseException):
    """A signal came to a command that has nothing to save.

    It is not a KeyboardInterrupt, which typer would turn into exit code 1, and no `Exception`, which libraries catch.

    Attributes:
        signal_number: of the signal.
    """

    def __init__(self, signal_number: int) -> None:
        super().__init__(signal_number)
        self.signal_number = signal_number


class CommandSignals:
    """Ends a command on SIGINT and SIGTERM, wherever it is, with exit code 130 or 143 and without a traceback.

    A signal raises `CommandInterrupted`, so that unfinished files are removed on the way out. There are places where an
    exception that comes out of nowhere is lost or turned into another one: imports, finalizers, libraries that catch
    everything. So the process ends at once if an import is going on, or if a finalizer has swallowed the exception, or
    if a second signal comes; and four seconds after the first signal in any case. Files that are written as a whole
    are whole or not there even then; see `storage`.

    Attributes:
        signal_number: of the signal that came, or None.
    """

    def __init__(self) -> None:
        self.signal_number: int | None = None

    def install(self) -> None:
        """Handles the signals from now on. To be called in the main thread of a process that runs one command."""
        for number in SIGNALS:
            signal.signal(number, self._handle)
        sys.unraisablehook = self._lost

    def end_at_once(self) -> None:
        """From now on a signal ends the process at once: all work is done, and the interpreter is taken apart."""
        for number in SIGNALS:
            signal.signal(number, lambda number, frame: _end(number))

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.signal_number is not None or _importing(frame):
            _end(number)
        self.signal_number = number
        # Nobody stops it: it also ends a process whose threads do not end.
        deadline = threading.Timer(DEADLINE, _end, (number,))
        deadline.daemon = True
        deadline.start()
        raise CommandInterrupted(number)

    def _lost(self, unraisable: sys.UnraisableHookArgs) -> None:
        if isinstance(unraisable.exc_value, CommandInterrupted):
            _end(unraisable.exc_value.signal_number)
        sys.__unraisablehook__(unraisable)


def _importing(frame: FrameType | None) -> bool:
    """Whether a module is being imported at this moment."""
    while frame is not None:
        if frame.f_code.co_filename == "<frozen importlib._bootstrap>":
            return True
        frame = frame.f_back
    return False


def _end(number: int, why: str = "interrupted") -> None:
    """Ends the process now. Streams of Python are left alone: the signal may have come while one was being written."""
    with suppress(OSError):
        os.write(2, f"twinface: {why}\n".encode())
    os._exit(128 + number)
