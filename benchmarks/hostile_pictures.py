"""What do mutated pictures, and the largest and slowest ones that are taken, do to the process that reads them?

    python benchmarks/hostile_pictures.py [--pictures 100000] [--seed 0] [--json FILE] [--keep FOLDER]

Every picture goes through `load_picture` in a worker process; see `measured_process` for what is measured. The pixels
that come out do not count as memory. Pictures that end the worker, raise anything but `ImageError`, or go over a limit
are kept in FOLDER.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import cv2
from largest_pictures import LARGEST
from measured_process import CONTEXT, Reading, Row, Worker, markdown_rows, measured, memory
from picture_mutations import KINDS, SEEDS, checksum, mutation

from twinface.core.errors import ImageError
from twinface.faces.color import Color
from twinface.faces.header import read_structure
from twinface.faces.picture import load_picture


def read(data: bytes | Path) -> Reading:
    """Reads one picture in this process."""
    color: Color = "gray" if isinstance(data, bytes) and checksum(data) % 2 else "rgb"
    return measured(lambda: load_picture(data, color).nbytes / 2**20)


def work(connection: Connection, seed: int) -> None:
    """Reads mutated pictures by number as long as numbers come. The first ones warm the process up."""
    cv2.setNumThreads(1)
    for data in SEEDS.values():
        read(data)
    connection.send(memory("VmRSS"))
    while (number := connection.recv()) is not None:
        connection.send(read(mutation(number, seed)[2]))


def mutated_pictures(numbers: range, seed: int, keep: Path | None) -> tuple[dict[str, Row], list[str]]:
    """Reads mutated pictures; a row for each kind of mutation and each format, and what was bad."""
    rows: dict[str, Row] = defaultdict(Row)
    bad = []
    worker = Worker(partial(work, seed=seed))
    for number in numbers:
        reading = worker.work_on(number)
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
            connection, other = CONTEXT.Pipe()
            process = CONTEXT.Process(target=read_alone, args=(other, str(file)))
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
    print("\n".join(markdown_rows(rows)))
    if given.json:
        figures = {"seed": given.seed, "opencv": cv2.__version__, "largest": alone, "bad": bad}
        given.json.write_text(
            json.dumps({**figures, "mutated": {name: row.to_dict() for name, row in rows.items()}}, indent=1)
        )
    sys.exit(int(bool(bad) or any(entry["is_bad"] for entry in alone)))


if __name__ == "__main__":
    main()
