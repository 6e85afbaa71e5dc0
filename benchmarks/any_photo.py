"""How long does a photo take from its pixels to its embedding, a verdict from a cold shell, and what do bad photos do?

    python benchmarks/any_photo.py --root LFW [--rounds 15] [--mutated 10000] [--seed 0] [--models sface default]

* Warm: a photo of 12 megapixels that is decoded already is searched for faces, its face is aligned and embedded. The
  photo is a face of LFW-a, enlarged six times, on a canvas of soft noise. Decoding is a row of its own.
* Cold: `twinface verify` of two such photos, and of two pictures of 250x250, in a new process each time.
* Mutated photos go through `Verifier.verify`, each against a good one, in a worker process that names the photo it dies
  of. Among them are photos with a face in each format. Time is the processor's. Memory is the peak of the process while
  it verifies a photo, above what it had before the first one; that is printed, too.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median

import cv2
import numpy as np
from measured_process import MOST_MEGABYTES, MOST_SECONDS, Row, Worker, markdown_rows, measured, memory
from picture_mutations import SEEDS, encoded, mutation, netpbm
from sides import Side, compare, heading, table

HEIGHT, WIDTH, ENLARGED = 3000, 4000, 6  # the photo of 12 megapixels
FACES = ("Aaron_Eckhart", "AJ_Cook")
COMMAND = [sys.executable, "-m", "twinface", "verify"]


def face(root: Path, person: str) -> np.ndarray:
    """A picture of LFW-a: [250, 250, 3] uint8 RGB."""
    return np.ascontiguousarray(cv2.imread(str(root / "lfwa" / person / f"{person}_0001.jpg"))[..., ::-1])


def large_photo(root: Path, person: str) -> np.ndarray:
    """A photo of 12 megapixels with one face: [3000, 4000, 3] uint8 RGB."""
    coarse = np.random.default_rng(0).normal(128, 30, (HEIGHT // 8, WIDTH // 8, 3))
    canvas = cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC).clip(0, 255).astype(np.uint8)
    found = cv2.resize(face(root, person), None, fx=ENLARGED, fy=ENLARGED, interpolation=cv2.INTER_CUBIC)
    top, left = (HEIGHT - len(found)) // 2, (WIDTH - len(found)) // 2
    canvas[top : top + len(found), left : left + len(found)] = found
    return canvas


def embed_photo(model: str, photo: str) -> Callable[[], int]:
    """For `sides`: from decoded pixels to the embedding."""
    from twinface.faces.picture import load_picture
    from twinface.recognition.verifier import Verifier

    verifier, pixels = Verifier(model), load_picture(photo, "rgb")
    return lambda: len(verifier.embed(pixels))


def find_and_align(photo: str) -> Callable[[], int]:
    """For `sides`: from decoded pixels to the aligned face."""
    from twinface.faces.frame import STANDARD_FRAME
    from twinface.faces.picture import load_picture
    from twinface.recognition.photo_faces import FaceReader

    reader, pixels = FaceReader(STANDARD_FRAME), load_picture(photo, "rgb")
    return lambda: reader.read(pixels).number


def decode_photo(photo: str) -> Callable[[], int]:
    """For `sides`: from a file's bytes to pixels."""
    from twinface.faces.picture import load_picture

    data = Path(photo).read_bytes()
    return lambda: len(load_picture(data, "rgb")) // HEIGHT


def print_warm(photo: Path, models: list[str], rounds: int) -> None:
    """A row for each model, one for finding the face alone, one for decoding."""
    sides = [
        Side(
            f"decoded photo to embedding, `{model}`",
            "any_photo:embed_photo",
            {"model": model, "photo": str(photo)},
        )
        for model in models
    ]
    sides += [
        Side("of this: find the face and align it", "any_photo:find_and_align", {"photo": str(photo)}),
        Side("beside it: decode the JPEG", "any_photo:decode_photo", {"photo": str(photo)}),
    ]
    size = f"{photo.stat().st_size / 2**20:.1f} MiB"
    print(heading(f"A photo of 12 megapixels ({size}), warm", ("opencv-python-headless", "onnxruntime")))
    print(table(compare(sides, rounds, 1.0), unit="photos/s"))


def print_cold(photos: dict[str, list[Path]], models: list[str], rounds: int) -> None:
    """Whole processes of `twinface verify`, with their files in the system's cache."""
    commands = {
        f"{name}, `{model}`": [*COMMAND, *map(str, pair), "--model", model]
        for name, pair in photos.items()
        for model in models
    }
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            began = time.perf_counter()
            ended = subprocess.run(command, capture_output=True, text=True, check=False)
            seconds[name].append(time.perf_counter() - began)
            if ended.returncode not in (0, 1):
                raise SystemExit(f"{' '.join(command)}: {ended.stderr}")
    print("\n| `twinface verify A B` from a cold shell | best, s | median, s |\n|---|---|---|")
    for name, times in seconds.items():
        print(f"| {name} | {min(times):.3f} | {median(times):.3f} |")


def add_face_photos(root: Path) -> None:
    """Puts photos with a face, in each format, among the pictures that are mutated."""
    pixels = cv2.resize(face(root, FACES[0]), (500, 500), interpolation=cv2.INTER_CUBIC)
    for name, extension, options in (
        ("jpeg", ".jpg", ()),
        ("jpeg progressive", ".jpg", (cv2.IMWRITE_JPEG_PROGRESSIVE, 1)),
        ("png", ".png", ()),
        ("webp", ".webp", (cv2.IMWRITE_WEBP_QUALITY, 80)),
        ("bmp", ".bmp", ()),
    ):
        SEEDS[f"{name} with a face"] = encoded(extension, pixels, *options)
    SEEDS["ppm with a face"] = netpbm(6, pixels)


def work(connection: Connection, root: Path, model: str) -> None:
    """Verifies photos against a good one, as long as some come."""
    from twinface.recognition.verifier import Verifier

    cv2.setNumThreads(1)
    verifier, good = Verifier(model, threads=1), face(root, FACES[1])
    verifier.verify(good, good)
    base = memory("VmRSS")
    connection.send(base)

    def verify(file: Path) -> float:
        verifier.verify(good, file)
        return 0.0

    while file := connection.recv():
        connection.send(measured(partial(verify, file), base))


def print_mutated(root: Path, model: str, count: int, seed: int, photo: Path) -> bool:
    """A table by kind of mutation; returns whether a promise was broken. `photo` is a file to write them to."""
    rows: dict[str, Row] = {"all": Row()}
    worker = Worker(partial(work, root=root, model=model))
    add_face_photos(root)
    bad = 0
    for number in range(count):
        name, kind, data = mutation(number, seed)
        photo.write_bytes(data)
        reading = worker.work_on(photo)
        for row in ("all", kind, "with a face" if name.endswith("face") else "without a face"):
            rows.setdefault(row, Row()).add(reading)
        if reading.is_bad:
            bad += 1
            print(f"{number} ({name}, {kind}): {reading}", flush=True)
    worker.stop()
    limits = f"over {MOST_SECONDS:g} s | over {MOST_MEGABYTES:g} MB"
    print(
        f"\n| mutated photos through verify, `{model}` | number | verdict | refused | foreign | crashed ",
        end="",
    )
    print(f"| {limits} | most CPU s | most MB |\n|{'---|' * 10}")
    print("\n".join(markdown_rows(rows)))
    return bad > 0


def main() -> None:
    """Prints a table for each of the three questions."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--root", type=Path, required=True, help="the folder that holds lfwa")
    parser.add_argument("--models", nargs="+", default=["sface", "default"])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--mutated", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        large = [Path(place) / f"{person}-large.jpg" for person in FACES]
        for person, path in zip(FACES, large, strict=True):
            path.write_bytes(encoded(".jpg", large_photo(given.root, person), cv2.IMWRITE_JPEG_QUALITY, 90))
        if given.rounds:
            small = [given.root / "lfwa" / person / f"{person}_0001.jpg" for person in FACES]
            print_warm(large[0], given.models, given.rounds)
            print_cold({"two of 12 megapixels": large, "two of 250 x 250": small}, given.models, given.rounds)
        broken = given.mutated and print_mutated(
            given.root, given.models[0], given.mutated, given.seed, Path(place) / "photo"
        )
    sys.exit(int(broken))


if __name__ == "__main__":
    main()
