"""What do mutated pictures, and the largest and slowest ones that are taken, do to the process that reads them?

    python benchmarks/hostile_pictures.py [--pictures 100000] [--seed 0] [--json FILE] [--keep FOLDER]

Every picture goes through `load_picture` in a worker process, which tells about each one before it begins the next. So
a worker that dies names its picture, and another goes on behind it. Time is the processor's, not the clock's. Memory is
the peak of the process while it reads a picture, above what it had before, less the pixels that come out. Pictures that
end the worker, raise anything but `ImageError`, or go over a limit are kept in FOLDER.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import cv2
from largest_pictures import LARGEST
from picture_mutations import KINDS, SEEDS, checksum, mutation

from twinface.core.errors import ImageError
from twinface.faces.color import Color
from twinface.faces.header import read_structure
from twinface.faces.picture import load_picture

MOST_SECONDS, MOST_MEGABYTES = 1.0, 300.0
OUTCOMES = ("decoded", "refused", "foreign", "crashed")
_CONTEXT = multiprocessing.get_context("spawn")


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


def read(data: bytes | Path) -> Reading:
    """Reads one picture in this process."""
    color: Color = "gray" if isinstance(data, bytes) and checksum(data) % 2 else "rgb"
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before, began = memory("VmRSS"), time.process_time()
    outcome, reason, pixels = "decoded", "", 0.0
    try:
        pixels = load_picture(data, color).nbytes / 2**20
    except ImageError as error:
        outcome, reason = "refused", str(error)
    except BaseException as error:
        outcome, reason = "foreign", repr(error)
    seconds = time.process_time() - began
    return Reading(outcome, seconds, max(0.0, memory("VmHWM") - before - pixels), reason)


def work(connection: Connection, seed: int) -> None:
    """Reads mutated pictures by number as long as numbers come. The first ones warm the process up."""
    cv2.setNumThreads(1)
    for data in SEEDS.values():
        read(data)
    while (number := connection.recv()) is not None:
        connection.send(read(mutation(number, seed)[2]))


class Worker:
    """A process that reads pictures, and is replaced when it dies."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._start()

    def _start(self) -> None:
        self.connection, other = _CONTEXT.Pipe()
        self.process = _CONTEXT.Process(target=work, args=(other, self.seed), daemon=True)
        self.process.start()
        other.close()

    def read(self, number: int) -> Reading:
        """Reads one mutated picture."""
        try:
            self.connection.send(number)
            if self.connection.poll(60):
                reading: Reading = self.connection.recv()
                return reading
            self.process.kill()
        except (EOFError, OSError):
            pass
        self.process.join()
        code = self.process.exitcode
        self._start()
        return Reading("crashed", reason=f"the worker ended with {code}")

    def stop(self) -> None:
        """Ends the process."""
        self.connection.send(None)
        self.process.join()


def mutated_pictures(numbers: range, seed: int, keep: Path | None) -> tuple[dict[str, Row], list[str]]:
    """Reads mutated pictures; a row for each kind of mutation and each format, and what was bad."""
    rows: dict[str, Row] = defaultdict(Row)
    bad = []
    worker = Worker(seed)
    for number in numbers:
        reading = worker.read(number)
        name, kind, data = mutation(number, seed)
        for group in (kind, name.split()[0].strip(","), "all"):
            rows[group].add(reading)
        if reading.is_bad:
            bad.append(f"{number} ({name}, {kind}): {reading}")
            print(bad[-1], flush=True)
            if keep:
                keep.mkdir(parents=True, exist_ok=True)
                (keep / f"{number}-{checksum(data):08x}").write_bytes(data)
        if number % 1000 == 999:
            print(f"{number + 1:,} of {numbers.stop:,}", file=sys.stderr, flush=True)
    worker.stop()
    groups = [*KINDS, "bomb", *sorted(set(rows) - {*KINDS, "bomb", "all"}), "all"]
    return {group: rows[group] for group in groups if group in rows}, bad


def read_alone(connection: Connection, file: str) -> None:
    """Reads one picture in a fresh process, warmed up with a small one."""
    cv2.setNumThreads(1)
    read(SEEDS["png"])
    connection.send(read(Path(file)))


def largest_pictures() -> Iterator[tuple[str, float, Reading]]:
    """Reads the largest and slowest pictures, each in a process of its own; yields name, estimated seconds, reading."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "picture"
        for name, make in LARGEST.items():
            data = make()
            file.write_bytes(data)
            try:
                estimate = read_structure(data, name)[1].seconds
            except ImageError:
                estimate = 0.0
            connection, other = _CONTEXT.Pipe()
            process = _CONTEXT.Process(target=read_alone, args=(other, str(file)))
            process.start()
            other.close()
            try:
                reading: Reading = connection.recv()
            except EOFError:
                process.join()
                reading = Reading("crashed", reason=f"the process ended with {process.exitcode}")
            process.join()
            yield f"{name}, {len(data) / 2**20:.1f} MiB", estimate, reading


def print_largest() -> list[dict[str, Any]]:
    """Prints a line for each of the largest pictures; returns the same for JSON."""
    print("| the largest and slowest pictures | outcome | CPU s | estimated s | MB beside pixels |")
    print("|---|---|---|---|---|")
    alone = []
    for name, estimate, reading in largest_pictures():
        said = f"{reading.outcome} | {reading.seconds:.2f} | {estimate:.2f} | {reading.megabytes:.0f} |"
        print(f"| {name} | {said}", flush=True)
        line = {"picture": name, "estimated_seconds": estimate, "is_bad": reading.is_bad}
        alone.append({**line, **asdict(reading)})
    return alone


def main() -> None:
    """Prints a table of the largest pictures and one of the mutated ones."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pictures", type=int, default=100_000, help="mutated ones")
    parser.add_argument("--first", type=int, default=0, help="number of the first mutated one")
    parser.add_argument(
        "--without-largest", action="store_true", help="leave out the largest pictures (5 minutes)"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="also write the figures here")
    parser.add_argument("--keep", type=Path, help="folder for pictures that break a promise")
    given = parser.parse_args()

    alone = [] if given.without_largest else print_largest()
    rows, bad = mutated_pictures(range(given.first, given.first + given.pictures), given.seed, given.keep)
    print(
        "\n| mutated | number | decoded | refused | foreign | crashed | over 1 s | over 300 MB | CPU s | MB |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    for name, row in rows.items():
        counts = " | ".join(f"{row.outcomes[outcome]:,}" for outcome in OUTCOMES)
        print(
            f"| {name} | {row.outcomes.total():,} | {counts} | {row.slow} | {row.heavy} | {row.slowest:.2f} | "
            f"{row.largest:.0f} |"
        )
    if given.json:
        figures = {"seed": given.seed, "opencv": cv2.__version__, "largest": alone, "bad": bad}
        given.json.write_text(
            json.dumps({**figures, "mutated": {name: row.to_dict() for name, row in rows.items()}}, indent=1)
        )
    sys.exit(int(bool(bad) or any(entry["is_bad"] for entry in alone)))


if __name__ == "__main__":
    main()
