"""How much memory do training and embedding many pictures take?

    make bench-memory LFW=DIR        (or: python benchmarks/memory.py --root DIR)

The figure is the peak memory of a process as the system reports it (`ru_maxrss`), mapped files included. Many pictures
are a list that names a thousand files again and again, which takes as much memory as a list of different files.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
from sides import heading

TWINFACE = [sys.executable, "-m", "twinface"]
TRAINED = (
    ("default", "default", ()),
    ("residual", "residual, one epoch", ("--set", "trainer.epochs=1")),
)


def peak_of(command: list[str]) -> tuple[float, float]:
    """Peak GiB of a command, and its seconds."""
    began = time.perf_counter()
    process = os.posix_spawn(
        command[0],
        command,
        dict(os.environ),
        file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)],
    )
    _, status, used = os.wait4(process, 0)
    if status:
        raise SystemExit(f"{' '.join(command)} ended with {os.waitstatus_to_exitcode(status)}")
    return used.ru_maxrss / 2**20, time.perf_counter() - began


def main() -> None:
    """Prints a row for each command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--root", type=Path, help="folder of LFW; without it nothing is trained")
    parser.add_argument("--model", default="default", help="embeds the pictures")
    parser.add_argument("--pictures", type=int, nargs="*", default=[1_000, 10_000, 100_000, 1_000_000])
    given = parser.parse_args()
    print(heading("Memory", ("torch", "onnxruntime")))
    print("| | peak, GiB | seconds |\n|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as place:
        for recipe, said, settings in TRAINED if given.root else ():
            command = [*TWINFACE, "train", "--data", "lfw", "--root", str(given.root), "--recipe", recipe]
            peak, seconds = peak_of([*command, *settings, "--out", f"{place}/{recipe}"])
            print(f"| `twinface train`, {said}, to its report | {peak:.2f} | {seconds:.0f} |", flush=True)
        photos = Path(place) / "photos"
        photos.mkdir()
        random = np.random.default_rng(0)
        for number in range(1000):
            coarse = random.integers(0, 256, (25, 25), np.uint8)
            cv2.imwrite(str(photos / f"{number:04}.jpg"), cv2.resize(coarse, (250, 250)))
        for count in given.pictures:
            listed = Path(place) / f"{count}.txt"
            with listed.open("w") as file:
                file.writelines(f"photos/{number % 1000:04}.jpg\n" for number in range(count))
            command = [
                *TWINFACE,
                "embed",
                str(listed),
                "--model",
                given.model,
                "--aligned",
                "--out",
                f"{place}/{count}",
            ]
            peak, seconds = peak_of(command)
            print(
                f"| `twinface embed`, {count:,} pictures, {given.model} | {peak:.2f} | {seconds:.0f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
