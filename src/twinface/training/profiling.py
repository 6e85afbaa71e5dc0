"""Where the time of training goes, measured in the steps that train, which end in the same bits as without it.

After a few steps to warm up, the parts of some steps are timed by the clock; then torch's profiler watches some further
steps, for the operators and the trace: it slows down what it watches. Parts that come once an epoch (sampling,
validation, saving) are timed whenever they come.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from twinface.core.storage import write_bytes, write_json, write_text
from twinface.training.loop import Callbacks, TrainingPosition

WARM_UP, TIMED, TRACED = 5, 20, 10  # steps
OPERATORS = 20
OF_A_STEP = ("batch", "augmentation", "forward", "backward", "optimiser")
OF_AN_EPOCH = ("sampling", "validation", "saving")
TABLE, FIGURES, TRACE = "profile.txt", "profile.json", "profile-trace.json.gz"


@dataclass
class Spent:
    """Time spent in a part of the work, and how often that was."""

    seconds: float = 0.0
    times: int = 0


class Profile:
    """Watches a training; `write` then says what it saw."""

    def __init__(self) -> None:
        self._steps = self._pictures = self._steps_in_epoch = 0
        self._spent: dict[str, Spent] = {}
        self._profiler: torch.profiler.profile | None = None
        self._traced: int | None = None  # steps; None while the profiler does not run

    def watching(self, watcher: Callbacks) -> Callbacks:
        """The same watcher, with this profile told as well."""

        def on_step(progress: TrainingPosition, steps: int, loss: float, images: int) -> None:
            watcher.on_step(progress, steps, loss, images)
            self._after_step(steps, images)

        return replace(watcher, on_step=on_step, phase=self.phase)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Times a part of the work, and names it in the trace."""
        began = time.perf_counter()
        with torch.profiler.record_function(name):
            yield
            if _on_gpu():
                torch.cuda.synchronize()  # so that work counts where it was ordered
        if self._timing or name not in ("step", *OF_A_STEP):
            spent = self._spent.setdefault(name, Spent())
            spent.seconds += time.perf_counter() - began
            spent.times += 1

    def write(self, folder: Path, machine: Mapping[str, Any]) -> Path | None:
        """Writes a table, the same as JSON, and a trace for chrome://tracing or ui.perfetto.dev.

        Args:
            folder: of the run.
            machine: where it ran, as `runtime.describe_machine` has it.

        Returns:
            The table; None if training had no step beyond those to warm up.

        Raises:
            StorageError: a file cannot be written.
        """
        self._stop_tracing()
        step = self._spent.get("step", Spent())
        if not step.times:
            return None
        preparing = self._spent.get("preparing", Spent())
        figures: dict[str, Any] = {
            "machine": dict(machine),
            "steps": {"warm_up": WARM_UP, "timed": step.times, "in_epoch": self._steps_in_epoch},
            "pictures": self._pictures,
            "images_per_second": round(self._pictures / step.seconds, 1),
            "parts": _parts_of_an_epoch(self._spent, self._steps_in_epoch),
            "preparing_pictures_seconds": round(preparing.seconds, 3),
            "operators": _operators(self._profiler) if self._profiler else [],
        }
        write_json(folder / FIGURES, figures)
        write_text(folder / TABLE, "\n".join(_lines(figures)) + "\n")
        if self._profiler:
            with tempfile.TemporaryDirectory() as place:
                trace = Path(place) / TRACE
                self._profiler.export_chrome_trace(str(trace))
                write_bytes(folder / TRACE, trace.read_bytes())
        return folder / TABLE

    @property
    def _timing(self) -> bool:
        return WARM_UP <= self._steps < WARM_UP + TIMED

    def _after_step(self, steps_in_epoch: int, images: int) -> None:
        self._steps_in_epoch = steps_in_epoch
        if self._timing:
            self._pictures += images
        self._steps += 1
        if self._steps == WARM_UP + TIMED:
            os.environ.setdefault("KINETO_LOG_LEVEL", "6")  # or it tells stderr when it starts and stops
            activities = [torch.profiler.ProfilerActivity.CPU]
            if _on_gpu():
                activities.append(torch.profiler.ProfilerActivity.CUDA)
            self._profiler = torch.profiler.profile(activities=activities)
            self._profiler.start()
            self._traced = 0
        elif self._traced is not None:
            self._traced += 1
            if self._traced == TRACED:
                self._stop_tracing()

    def _stop_tracing(self) -> None:
        if self._profiler and self._traced is not None:
            self._profiler.stop()
            self._traced = None


def _on_gpu() -> bool:
    return bool(torch.cuda.is_initialized())  # type: ignore[no-untyped-call]


def _parts_of_an_epoch(spent: Mapping[str, Spent], steps: int) -> list[dict[str, Any]]:
    """Seconds and share of each part in a mean epoch: the steps as those that were timed, the rest as all that came."""
    timed = {name: spent.get(name, Spent()).seconds for name in ("step", *OF_A_STEP)}
    per_epoch = steps / spent["step"].times
    seconds = {name: timed[name] * per_epoch for name in OF_A_STEP}
    seconds["rest of the steps"] = timed["step"] * per_epoch - sum(seconds.values())
    epochs = max(spent.get("sampling", Spent()).times, 1)
    seconds |= {name: spent.get(name, Spent()).seconds / epochs for name in OF_AN_EPOCH}
    total = sum(seconds.values())
    return [
        {"part": name, "seconds": round(value, 6), "share": round(value / total, 4)}
        for name, value in seconds.items()
    ]


def _operators(profiler: torch.profiler.profile) -> list[dict[str, Any]]:
    """The operators that took most time themselves, without those they called; on a GPU the time there."""
    rows = [
        (event.self_device_time_total if _on_gpu() else event.self_cpu_time_total, event.key, event.count)
        for event in profiler.key_averages()
        if event.key not in ("step", *OF_A_STEP, *OF_AN_EPOCH)
    ]
    total = sum(row[0] for row in rows) or 1
    return [
        {"operator": key, "calls": count, "seconds": round(time / 1e6, 6), "share": round(time / total, 4)}
        for time, key, count in sorted(rows, reverse=True)[:OPERATORS]
    ]


def _lines(figures: Mapping[str, Any]) -> Iterator[str]:
    steps, machine = figures["steps"], figures["machine"]
    yield (
        f"{figures['images_per_second']} pictures/s in training steps ({steps['timed']} steps, {figures['pictures']} "
        f"pictures, after {steps['warm_up']} to warm up); {machine.get('device_name')}, threads: "
        f"{machine.get('threads')}, {machine.get('precision')}"
    )
    heading = f"an epoch of {steps['in_epoch']} steps"
    yield f"\n{heading:<48}{'seconds':>12}{'share':>9}"
    for row in figures["parts"]:
        yield f"{row['part']:<48}{row['seconds']:>12.4f}{row['share']:>9.1%}"
    yield f"{'once, before: preparing pictures':<48}{figures['preparing_pictures_seconds']:>12.4f}"
    yield f"\n{'operators, own time in further steps':<48}{'seconds':>12}{'share':>9}{'calls':>9}"
    for row in figures["operators"]:
        yield f"{row['operator'][:46]:<48}{row['seconds']:>12.4f}{row['share']:>9.1%}{row['calls']:>9}"
