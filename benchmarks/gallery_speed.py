"""How long a gallery takes: import, opening, search; with made-up templates of a model's length.

    make bench-gallery     (or: python benchmarks/gallery_speed.py --people 1000 100000 [--model NAME] [--plot FILE.png]
                                                       [--store postgres] [--encrypted] [--processes 4])

The search is timed against one plain matrix product of the same size in the same run, alternately, because the machine
may be busy. A probe is a template with noise, so that it has one right answer. With two sizes or more, the line through
the last two is continued to 100 million people. With `--processes` as many search at once, each with a gallery of its
own, beside one alone.
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.synchronize import Barrier
from pathlib import Path

import numpy as np

from twinface.core.types import Float32Array
from twinface.models.load import load_model
from twinface.recognition.gallery.gallery import Gallery

ROUNDS = 25
SECONDS = 5.0  # that processes search for
PROBES = 16
EXTRAPOLATED = 100_000_000  # people
_READY: list[Barrier] = []  # one, in each of the processes that search at once
SEARCH, PRODUCT = "search", "matrix product alone"


def main() -> None:
    """Makes a gallery in a temporary folder, and prints a line for each figure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--people", type=int, nargs="+", default=[100_000])
    parser.add_argument("--model", default="sface")
    parser.add_argument("--store", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--encrypted", action="store_true")
    parser.add_argument("--processes", type=int, help="that search at once")
    parser.add_argument("--plot", type=Path)
    given = parser.parse_args()
    points: dict[tuple[str, int], list[tuple[int, float]]] = {}  # (what, probes) → [(people, ms a probe), …]
    for people in given.people:
        with tempfile.TemporaryDirectory() as folder:
            place = _database() if given.store == "postgres" else str(Path(folder) / "g.db")
            key = bytes(32) if given.encrypted else None
            found = measure(place, people, given.model, key)
            if given.processes:
                together(place, given.model, key, given.processes)
        for line, took in found.items():
            points.setdefault(line, []).append((people, took))
    if len(given.people) > 1:
        for probes in (1, PROBES):
            (near, low), (last, high) = points[SEARCH, probes][-2:]
            took = high + (high - low) / (last - near) * (EXTRAPOLATED - last)
            print(f"{EXTRAPOLATED:,} people, {probes} at once, extrapolated: {took:,.0f} ms a probe")
    if given.plot:
        draw(points, given.plot)


def measure(place: str, people: int, model: str, key: bytes | None) -> dict[tuple[str, int], float]:
    """Prints the figures of one gallery; returns milliseconds a probe by (what, probes at once)."""
    loaded = load_model(model, threads=1)
    size = loaded.record.embedding_size
    templates = np.random.default_rng(0).normal(size=(people, size)).astype(np.float32)
    if loaded.record.distance == "local-cosine":
        templates[:, -1] *= 0.05  # a correction of the score, and not a direction
    names = [f"person {number}" for number in range(people)]
    gallery = Gallery(place, loaded, key=key)
    began = time.perf_counter()
    for start in range(0, people, 10_000):
        gallery.import_embeddings(names[start : start + 10_000], templates[start : start + 10_000])
    took = time.perf_counter() - began
    stats = gallery.stats()
    print(
        f"{people:,} people of {size} numbers: {people / took:,.0f} a second imported, {stats.bytes / 1e6:,.0f} MB"
    )
    for what in ("first search", "first search, opened again"):
        began = time.perf_counter()
        gallery = Gallery(place, loaded, key=key)
        gallery.engine.search.candidates(templates[:1], 32)
        print(f"{what}: {time.perf_counter() - began:.2f} s")
    return {
        (what, probes): took
        for probes in (1, PROBES)
        for what, took in search(gallery, templates, probes).items()
    }


def search(gallery: Gallery, templates: Float32Array, probes: int) -> dict[str, float]:
    """Times the search of some probes at once against a matrix product alone: median milliseconds a probe."""
    random = np.random.default_rng(1)
    rows = random.integers(len(templates), size=probes)
    noise = 0.5 * templates[random.integers(len(templates), size=probes)]
    faces = templates[rows] + noise
    found = gallery.engine.search.candidates(faces, 32)
    ids = [gallery.contents.find(f"person {row}").id for row in rows.tolist()]
    right = sum(candidates[0] == id for candidates, id in zip(found, ids, strict=True))
    engine = gallery.engine
    runs: dict[str, Callable[[], object]] = {
        SEARCH: lambda: engine.search.candidates(faces, 32),
        PRODUCT: lambda: faces @ templates.T,
    }
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(ROUNDS):
        for name, run in runs.items():
            began = time.perf_counter()
            run()
            times[name].append(1e3 * (time.perf_counter() - began) / probes)
    middle = {what: statistics.median(took) for what, took in times.items()}
    print(
        f"{probes} at once: {middle[SEARCH]:.1f} ms a probe (lowest {min(times[SEARCH]):.1f}), "
        f"{middle[SEARCH] / middle[PRODUCT]:.2f} times the matrix product; {right} of {probes} found first"
    )
    return middle


def together(place: str, model: str, key: bytes | None, processes: int) -> None:
    """Times searches of several processes at once, and of one alone."""
    spawn = multiprocessing.get_context("spawn")
    rates = []
    for count in (1, processes):
        ready = spawn.Barrier(count)
        with ProcessPoolExecutor(count, spawn, initializer=_share, initargs=(ready,)) as pool:
            work = [pool.submit(search_for_a_while, place, model, key, seed) for seed in range(count)]
            rates.append(sum(each.result() for each in work))
    print(
        f"one process: {rates[0]:,.0f} searches a second; {processes} at once: {rates[1]:,.0f}, "
        f"{rates[1] / rates[0]:.2f} times as many"
    )


def _share(ready: Barrier) -> None:
    _READY.append(ready)


def search_for_a_while(place: str, model: str, key: bytes | None, seed: int) -> float:
    """Searches a second, of single probes, once all processes are ready."""
    loaded = load_model(model, threads=1)
    search = Gallery(place, loaded, key=key).engine.search
    probes = np.random.default_rng(seed).normal(size=(64, 1, loaded.record.embedding_size)).astype(np.float32)
    search.candidates(probes[0], 32)
    _READY[0].wait()
    began, done = time.perf_counter(), 0
    while time.perf_counter() - began < SECONDS:
        search.candidates(probes[done % len(probes)], 32)
        done += 1
    return done / (time.perf_counter() - began)


def draw(points: dict[tuple[str, int], list[tuple[int, float]]], file: Path) -> None:
    """Milliseconds a probe against people, both logarithmic."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axis = pyplot.subplots(figsize=(7, 4.4), layout="constrained")
    for (what, probes), series in points.items():
        color, style = ("C0" if probes == 1 else "C1"), ("-o" if what == SEARCH else ":")
        label = f"{what}, {'one probe' if probes == 1 else f'{probes} at once, each'}"
        axis.loglog(*zip(*series, strict=True), style, color=color, label=label)
    axis.axhline(10, color="gray", linewidth=0.8)
    axis.set(xlabel="people", ylabel="ms a probe")
    axis.grid(alpha=0.3)
    axis.legend()
    figure.savefig(file, dpi=110)


def _database() -> str:
    """A new database on a server of our own, as in the tests."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    from toy_gallery import new_database

    return new_database()


if __name__ == "__main__":
    main()
