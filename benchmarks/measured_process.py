"""What an action on one file does to its process: how it ends, its processor time and its memory; in a worker process.

A worker tells about each file before it begins the next. So a worker that dies names its file, and another goes on
behind it. Time is the processor's, not the clock's. Memory is the peak of the process during the action, above what it
had before.
"""

from __future__ import annotations

import multiprocessing
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from twinface.core.errors import ImageError

MOST_SECONDS, MOST_MEGABYTES = 1.0, 300.0
OUTCOMES = ("decoded", "refused", "foreign", "crashed")
CONTEXT = multiprocessing.get_context("spawn")


@dataclass(frozen=True)
class Reading:
    """What reading one picture did.

    Attributes:
        outcome: "decoded", "refused", "foreign" (another exception) or "crashed".
        seconds: of the processor.
        megabytes: of memory beside the pixels, at the peak.
        reason: of a refusal, a foreign exception or a crash.
    """

    outcome: str
    seconds: float = 0.0
    megabytes: float = 0.0
    reason: str = ""

    @property
    def is_bad(self) -> bool:
        """Whether it breaks a promise."""
        over = self.seconds > MOST_SECONDS or self.megabytes > MOST_MEGABYTES
        return over or self.outcome in {"foreign", "crashed"}


@dataclass
class Row:
    """The readings of one kind of picture."""

    outcomes: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0
    largest: float = 0.0
    slow: int = 0
    heavy: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {**asdict(replace(self, outcomes=Counter())), "outcomes": dict(self.outcomes)}

    def add(self, reading: Reading) -> None:
        """Counts one more."""
        self.outcomes[reading.outcome] += 1
        self.slowest = max(self.slowest, reading.seconds)
        self.largest = max(self.largest, reading.megabytes)
        self.slow += reading.seconds > MOST_SECONDS
        self.heavy += reading.megabytes > MOST_MEGABYTES


def memory(which: str) -> float:
    """Megabytes that this process has ("VmRSS"), or had at its peak ("VmHWM")."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(which)) / 1024


def measured(action: Callable[[], float], base: float | None = None) -> Reading:
    """Does something with a picture in this process.

    Args:
        action: returns the megabytes of its pixels, which do not count.
        base: megabytes that count from here on; None takes what the process has now.
    """
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    base = memory("VmRSS") if base is None else base
    began = time.process_time()
    outcome, reason, pixels = "decoded", "", 0.0
    try:
        pixels = action()
    except ImageError as error:
        outcome, reason = "refused", str(error)
    except BaseException as error:  # whatever comes is counted, and that it came is the finding
        outcome, reason = "foreign", repr(error)
    seconds = time.process_time() - began
    return Reading(outcome, seconds, max(0.0, memory("VmHWM") - base - pixels), reason)


class Worker:
    """A process that works on pictures, and is replaced when it dies.

    Args:
        start: what it does: it sends the megabytes that it has, then a `Reading` for each thing that it gets, until it
            gets None.

    Attributes:
        base: megabytes that it has before the first picture.
    """

    def __init__(self, start: Callable[[Connection], None]) -> None:
        self._work = start
        self._start()

    def _start(self) -> None:
        self._connection, other = CONTEXT.Pipe()
        self._process = CONTEXT.Process(target=self._work, args=(other,), daemon=True)
        self._process.start()
        other.close()
        self.base: float = self._connection.recv()

    def work_on(self, picture: object) -> Reading:
        """Hands over one picture."""
        try:
            self._connection.send(picture)
            if self._connection.poll(60):
                reading: Reading = self._connection.recv()
                return reading
            self._process.kill()
        except (EOFError, OSError):
            pass
        self._process.join()
        code = self._process.exitcode
        self._start()
        return Reading("crashed", reason=f"the worker ended with {code}")

    def stop(self) -> None:
        """Ends the process."""
        self._connection.send(None)
        self._process.join()


def markdown_rows(rows: dict[str, Row]) -> list[str]:
    """A line of a table for each group: how many of each outcome, how many over a limit, the extremes."""
    return [
        f"| {name} | {row.outcomes.total():,} | {' | '.join(f'{row.outcomes[each]:,}' for each in OUTCOMES)} | "
        f"{row.slow} | {row.heavy} | {row.slowest:.2f} | {row.largest:.0f} |"
        for name, row in rows.items()
    ]
