"""How do time and memory grow with the number of pictures and of people, and what does a second core bring?

    make bench-growth            (or: python benchmarks/growth.py --plot FILE.png)

Each point is measured in a new process, on a made-up folder of JPEGs of 250x250, ten of each person. It reads the
folder, prepares the pictures without a cache, and embeds them; and it makes training steps with a loss over that many
people. It prints a table, and an extrapolation to 100 million pictures of a million people by the line through the
largest two points.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
from sides import cores, heading

PICTURES_PER_PERSON = 10
EXTRAPOLATED = {"pictures": 100_000_000, "people": 1_000_000}
STAGES = ("read the folder", "prepare", "embed")
STEPS = 8


def make_folder(root: Path, count: int) -> None:
    """Writes `count` pictures; a hundred of them are different."""
    random = np.random.default_rng(0)
    kinds = []
    for _ in range(100):
        face = cv2.resize(
            random.integers(0, 256, (25, 25), np.uint8), (250, 250), interpolation=cv2.INTER_CUBIC
        )
        kinds.append(cv2.imencode(".jpg", face)[1].tobytes())
    for number in range(count):
        person = root / f"{number // PICTURES_PER_PERSON:06}"
        person.mkdir(parents=True, exist_ok=True)
        (person / f"{number % PICTURES_PER_PERSON}.jpg").write_bytes(kinds[number % 100])


def run_stage(stage: str, root: str, place: str, model: str) -> int:
    """Runs a stage on a folder; returns the number of its pictures."""
    from twinface.datasets.folder import Folder
    from twinface.faces.cache import prepare_faces
    from twinface.models.load import load_model
    from twinface.recognition.batch import embed_files

    if stage == "embed":
        return embed_files(root, Path(place) / "embedded", model, faces="aligned").pictures
    faces = Folder(root).faces()
    if stage == "prepare":
        prepare_faces(faces, load_model(model).record.preparation, cache=Path(place) / "cache")
    return len(faces)


def measure(workers: int, *task: str) -> tuple[float, float]:
    """Seconds and peak GiB of a task, in a new process on `workers` cores."""
    chosen = sorted(os.sched_getaffinity(0))[:workers]
    began = time.perf_counter()
    ended = subprocess.run(
        [sys.executable, __file__, "--task", json.dumps(task)],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: os.sched_setaffinity(0, chosen),
    )
    if ended.returncode:
        raise SystemExit(ended.stderr)
    seconds = time.perf_counter() - began
    answer = json.loads(ended.stdout.splitlines()[-1])
    return answer.get("seconds", seconds), answer["peak"]


def serve(task: list[str]) -> None:
    """Runs the task that `measure` sent, and prints what it took."""
    answer: dict[str, float] = {}
    if task[0] == "steps":
        import steps

        steps.PEOPLE = int(task[1])
        step = steps.of_recipe("residual", 32)
        step()
        began = time.perf_counter()
        done = sum(step() for _ in range(STEPS))
        answer["seconds"] = (time.perf_counter() - began) / done
    else:
        began = time.perf_counter()
        run_stage(*task)
        answer["seconds"] = time.perf_counter() - began
    answer["peak"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(json.dumps(answer))


Points = dict[tuple[str, int], list[tuple[int, float, float]]]  # (stage, cores) → [(number, seconds, GiB), …]


def measure_all(sizes: list[int], workers: list[int], model: str) -> Points:
    """Measures every stage at every size, on every number of cores."""
    points: Points = {}
    for size in sizes:
        with tempfile.TemporaryDirectory() as root:
            make_folder(Path(root), size)
            for count in workers:
                with tempfile.TemporaryDirectory() as place:
                    for stage in STAGES:
                        found = measure(count, stage, root, place, model)
                        points.setdefault((stage, count), []).append((size, *found))
        for count in workers:
            found = measure(count, "steps", str(size))
            points.setdefault(("train on a picture, with that many people", count), []).append((size, *found))
    return points


def extrapolate(series: list[tuple[int, float, float]], target: int) -> tuple[float, float]:
    """Seconds and GiB at `target`, on the line through the last two points."""
    (near, *before), (last, *after) = series[-2:]
    return tuple(  # type: ignore[return-value]
        high + (high - low) / (last - near) * (target - last) for low, high in zip(before, after, strict=True)
    )


def draw(points: Points, file: Path) -> None:
    """Two charts: seconds and GiB against the number, both logarithmic."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 2, figsize=(11, 4.6), layout="constrained")
    colors = {what: f"C{number}" for number, what in enumerate(dict.fromkeys(what for what, _ in points))}
    for index, (axis, unit) in enumerate(zip(axes, ("seconds", "peak memory, GiB"), strict=True)):
        for (what, workers), series in points.items():
            numbers = [point[0] for point in series]
            values = [point[1 + index] for point in series]
            style, label = ("-o", f"{what}, {workers} cores") if workers > 1 else ("--o", f"{what}, 1 core")
            axis.loglog(numbers, values, style, color=colors[what], label=label if index == 0 else None)
        axis.set_xlabel("pictures (people, for training)")
        axis.set_ylabel(unit)
        axis.grid(alpha=0.3)
    figure.legend(loc="outside lower center", ncols=2, fontsize=8)
    figure.savefig(file, dpi=110)


def main() -> None:
    """Prints the table and draws the charts."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--task", help=argparse.SUPPRESS)
    parser.add_argument("--model", default="default", help="embeds, and gives the crop")
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--plot", type=Path)
    given = parser.parse_args()
    if given.task:
        serve(json.loads(given.task))
        return
    workers = sorted({1, min(2, cores())})
    points = measure_all(given.sizes, workers, given.model)
    print(heading("Growth", ("torch", "onnxruntime")))
    heads = [f"{size:,}" for size in given.sizes]
    print(f"| | cores | {' | '.join(heads)} | extrapolated |\n|{'---|' * (len(heads) + 3)}")
    for (what, count), series in points.items():
        target = EXTRAPOLATED["people" if what.startswith("train") else "pictures"]
        cells = [f"{seconds:.3g} s, {peak:.2f} GiB" for _, seconds, peak in series]
        seconds, peak = extrapolate(series, target)
        print(f"| {what} | {count} | {' | '.join(cells)} | {target:,}: {seconds:.3g} s, {peak:.3g} GiB |")
    if given.plot:
        draw(points, given.plot)


if __name__ == "__main__":
    main()
