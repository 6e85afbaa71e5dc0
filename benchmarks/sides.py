"""Compares the speed of several ways to do the same work; all speed benchmarks use it.

Each way has a process of its own, which stays warm, so that threads, memory and settings of one way do not affect
another. It can be another Python, for packages that cannot be installed beside Twinface. The processes work one at a
time, in turn. A round compares measurements that are close in time: if the machine slows down for a while, all ways
slow down. Rates are those of the best round; ratios are given for the best rounds and over all rounds.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path
from typing import Any

Work = Callable[[], int]  # does some work and returns the number of pictures


@dataclass(frozen=True)
class Side:
    """One way to do the work.

    Attributes:
        name: of the row.
        work: "module:function" of this folder; the function prepares the work in the side's own process.
        arguments: of the function.
        python: the interpreter that runs it.
    """

    name: str
    work: str
    arguments: dict[str, Any] = field(default_factory=dict)
    python: str = sys.executable


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
    """Times each side once a round, for about `seconds` each; a first call is not counted."""
    workers = [_start(side) for side in sides]
    try:
        for side, worker in zip(sides, workers, strict=True):
            _ask(side, worker, 0.0)
        measured = [
            [_ask(side, worker, seconds) for side, worker in zip(sides, workers, strict=True)]
            for _ in range(rounds)
        ]
    finally:
        for worker in workers:
            worker.stdin.close()  # ends it
            worker.wait()
    return [Timing(side.name, row) for side, row in zip(sides, zip(*measured, strict=True), strict=True)]


def table(timings: Sequence[Timing], base: int = 0, unit: str = "images/s") -> str:
    """Markdown: each side's rate, and how many times as fast as `timings[base]` it is."""
    lines = [
        f"| | {unit} | ms each | times as fast | over all rounds, lowest to highest |",
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
    today = datetime.now(timezone.utc)  # noqa: UP017 - this file runs in older Pythons as well
    return f"{question}\n{processor()}, {cores()} cores; {versions}; {today:%Y-%m-%d}\n"


def cores() -> int:
    """Number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def processor() -> str:
    """The name of the processor, if the system gives one."""
    from twinface.training.machine import processor_name

    return processor_name()


def _start(side: Side) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [side.python, __file__, side.work, json.dumps(side.arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _ask(side: Side, worker: subprocess.Popen[str], seconds: float) -> float:
    worker.stdin.write(f"{seconds}\n")
    worker.stdin.flush()
    answer = worker.stdout.readline()
    if not answer:
        raise SystemExit(f"{side.name}: ended with {worker.wait()}, see above")
    return float(answer)


def _serve(work: str, arguments: dict[str, Any]) -> None:
    """For each line, a number of seconds, works that long and answers with the seconds per picture."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints must not mix with the answers
    sys.path.insert(0, str(Path(__file__).parent))
    module, _, function = work.partition(":")
    do: Work = getattr(importlib.import_module(module), function)(**arguments)
    for line in sys.stdin:
        began, pictures, spent = time.perf_counter(), 0, 0.0
        while pictures == 0 or spent < float(line):
            pictures += do()
            spent = time.perf_counter() - began
        print(spent / pictures, file=answers, flush=True)


if __name__ == "__main__":
    _serve(sys.argv[1], json.loads(sys.argv[2]))
