"""How long does a verdict take, in a new process and in a warm one?

    make bench-speed            (or: python benchmarks/start.py)

A cold start is a new process each time, with its files in the system's cache. The commands of all rows run in turn. A
warm verdict reads, decodes, prepares and compares two JPEGs of 250x250.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import cv2
import numpy as np
from sides import Side, compare, heading, table

COMMAND = [sys.executable, "-m", "twinface"]


def main() -> None:
    """Prints a table for cold starts and one for warm verdicts."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--rounds", type=int, default=15)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        photos = [str(Path(place) / f"{side}.jpg") for side in ("left", "right")]
        for seed, photo in enumerate(photos):
            coarse = np.random.default_rng(seed).integers(0, 256, (25, 25, 3), np.uint8)
            cv2.imwrite(photo, cv2.resize(coarse, (250, 250), interpolation=cv2.INTER_CUBIC))
        starts = {
            "Python itself": [sys.executable, "-c", ""],
            "`import twinface`": [sys.executable, "-c", "import twinface"],
            "`twinface --help`": [*COMMAND, "--help"],
            "`twinface verify A B`": [*COMMAND, "verify", *photos],
        }
        print(heading("From a cold shell, and warm", ("onnxruntime",)))
        seconds: dict[str, list[float]] = {name: [] for name in starts}
        for _ in range(given.rounds):
            for name, command in starts.items():
                began = time.perf_counter()
                subprocess.run(command, capture_output=True, check=False)
                seconds[name].append(time.perf_counter() - began)
        print("| from a cold shell | best, s | median, s | more than Python itself, s |\n|---|---|---|---|")
        bare = min(seconds["Python itself"])
        for name, times in seconds.items():
            print(f"| {name} | {min(times):.3f} | {median(times):.3f} | {min(times) - bare:.3f} |")
        warm = Side(
            "two photos verified by `default`", "engines:verify", {"left": photos[0], "right": photos[1]}
        )
        print(f"\n{table(compare([warm], given.rounds, 0.5), unit='verdicts/s')}")


if __name__ == "__main__":
    main()
