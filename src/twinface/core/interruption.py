"""Ctrl-C and SIGTERM: the training loop finishes its step, saves its state and ends within five seconds."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

DEADLINE = 4.0  # seconds


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
    """

    def __init__(self) -> None:
        self.signal_number: int | None = None

    def check(self) -> None:
        """Raises `Interrupted` if a signal has come."""
        if self.signal_number is not None:
            raise Interrupted(self.signal_number)


@contextmanager
def stop_on_signals(deadline: float | None = DEADLINE) -> Iterator[StopRequest]:
    """Turns SIGINT and SIGTERM into a request that the training loop checks between two steps.

    If the step takes longer than `deadline` seconds, the process ends without it, and the state that was saved last
    remains. Only time is lost, because a resumed run repeats those steps with the same results. A second signal ends
    the process at once. Outside the main thread this does nothing.

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
        if deadline is None:
            if request.signal_number is not None:
                raise KeyboardInterrupt
        elif request.signal_number is not None:
            _leave(request)
        else:
            leave.start()
        request.signal_number = number

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield request
    finally:
        leave.cancel()
        for number, handler in before.items():
            signal.signal(number, handler)


def _leave(request: StopRequest) -> None:
    print(
        "twinface: stopped in the middle of a step; the state saved last remains", file=sys.stderr, flush=True
    )
    os._exit(128 + (request.signal_number or signal.SIGTERM))
