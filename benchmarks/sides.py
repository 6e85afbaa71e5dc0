"""Times several ways of doing the same work against each other, fairly: what all speed benchmarks share.

Each way has a process of its own, which stays warm, so that none profits or suffers from another's threads, memory or
settings. They work in turns, one at a time, and a round compares neighbours in time: a machine that slows down for a
while slows all of them. Rates are those of the best round; ratios are given for the best rounds and over all rounds.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from multiprocessing.connection import Connection

from twinface.runtime import available_cores, processor_name

Work = Callable[[], int]  # does a piece of work and says how many pictures that were


@dataclass(frozen=True)
class Side:
    """A way of doing the work.

    Attributes:
        name: of the row.
        prepare: makes the work ready, in the side's own process; a function of a module's top level.
    """

    name: str
    prepare: Callable[[], Work]


@dataclass(frozen=True)
class Timing:
    """Seconds a picture, one for each round."""

    name: str
    seconds: tuple[float, ...]

    @property
    def best(self) -> float:
        """Seconds a picture in the fastest round."""
        return min(self.seconds)


def compare(sides: Sequence[Side], rounds: int = 7, seconds: float = 2.0) -> list[Timing]:
    """Times each side once a round, for about `seconds` each, after a first time that does not count."""
    context = multiprocessing.get_context("spawn")
    workers = []
    for side in sides:
        ours, theirs = context.Pipe()
        worker = context.Process(target=_serve, args=(side, theirs), daemon=True)
        worker.start()
        theirs.close()
        workers.append((worker, ours))
        _ask(ours, 0.0)
    measured: list[list[float]] = [[] for _ in sides]
    for _ in range(rounds):
        for row, (_, ours) in zip(measured, workers, strict=True):
            row.append(_ask(ours, seconds))
    for worker, ours in workers:
        ours.send(None)
        worker.join()
    return [Timing(side.name, tuple(row)) for side, row in zip(sides, measured, strict=True)]


def table(timings: Sequence[Timing], base: int = 0, unit: str = "images/s") -> str:
    """Markdown: each side's rate, and how many times as fast as `timings[base]` it is."""
    lines = [
        f"| | {unit} | ms an image | times as fast | over all rounds, lowest to highest |",
        "|---|---|---|---|---|",
    ]
    for timing in timings:
        pairs = zip(timings[base].seconds, timing.seconds, strict=True)
        ratios = sorted(reference / seconds for reference, seconds in pairs)
        lines.append(
            f"| {timing.name} | {1 / timing.best:.1f} | {timing.best * 1e3:.2f} | "
            f"{timings[base].best / timing.best:.2f} | {ratios[0]:.2f} to {ratios[-1]:.2f} |"
        )
    return "\n".join(lines)


def heading(question: str, packages: Sequence[str] = ("torch",)) -> str:
    """The question, the machine, the versions, the day."""
    versions = ", ".join(f"{package} {metadata.version(package)}" for package in packages)
    cores = available_cores()
    return f"{question}\n{processor_name()}, {cores} cores; {versions}; {datetime.now(UTC):%Y-%m-%d}\n"


def _ask(worker: Connection, seconds: float) -> float:
    worker.send(seconds)
    answer = worker.recv()
    if isinstance(answer, str):
        raise SystemExit(answer)
    return float(answer)


def _serve(side: Side, asked: Connection) -> None:
    """Answers each request for so many seconds of work by the seconds that a picture took."""
    try:
        work = side.prepare()
        while (seconds := asked.recv()) is not None:
            began, pictures = time.perf_counter(), 0
            while True:
                pictures += work()
                spent = time.perf_counter() - began
                if spent >= seconds:
                    break
            asked.send(spent / pictures)
    except Exception as error:  # whatever it is, the other process has to know
        asked.send(f"{side.name}: {type(error).__name__}: {error}")
