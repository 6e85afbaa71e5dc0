"""Where the time of training goes: the phases by the clock, and the operators of some steps by torch's profiler.

The first steps warm up, the next ones are traced, and all later ones are timed, because tracing slows steps down. The
trained bits are the same as without a profile.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from twinface.core.storage import write_bytes, write_json, write_text
from twinface.training.callbacks import Callbacks, Step
from twinface.training.run_info import MachineInfo

WARM_UP, TRACED = 5, 10  # steps
OPERATORS = 20  # rows of the table
STEP_PHASES = ("step", "batch", "augmentation", "forward", "backward", "optimizer")
TABLE, FIGURES, TRACE = "profile.txt", "profile.json", "profile-trace.json.gz"


@dataclass
class Spent:
    """Seconds spent in a phase, and how often it was entered."""

    seconds: float = 0.0
    calls: int = 0


class Profile:
    """Profiles a training whose callbacks come from `watching`; `write` then says what it found."""

    def __init__(self) -> None:
        os.environ.setdefault(
            "KINETO_LOG_LEVEL", "6"
        )  # otherwise the profiler prints when it starts and stops
        schedule = torch.profiler.schedule(wait=0, warmup=WARM_UP - 1, active=TRACED, repeat=1)
        self._profiler = torch.profiler.profile(schedule=schedule)
        self._steps = self._images = 0
        self._spent: defaultdict[str, Spent] = defaultdict(Spent)

    def watching(self, callbacks: Callbacks) -> Callbacks:
        """The callbacks, and beside them those of this profile."""

        def on_step(step: Step) -> None:
            callbacks.on_step(step)
            self._after_step(step.images)

        return replace(callbacks, on_step=on_step, phase=self.phase)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Times a phase, and names it in the trace."""
        began = time.perf_counter()
        with torch.profiler.record_function(name):
            yield
            if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
                torch.cuda.synchronize()  # so that work is counted in the phase that started it
        if name not in STEP_PHASES or self._steps >= WARM_UP + TRACED:
            self._spent[name].seconds += time.perf_counter() - began
            self._spent[name].calls += 1

    def write(self, folder: Path, machine: MachineInfo | None) -> Path | None:
        """Writes a table, the same as JSON, and a trace for chrome://tracing or ui.perfetto.dev.

        Args:
            folder: of the run.
            machine: where it ran.

        Returns:
            The table; None if training ended before a step was traced.

        Raises:
            StorageError: a file cannot be written.
        """
        if self._steps:
            self._profiler.stop()
        if self._steps <= WARM_UP:
            return None
        timed = self._spent["step"]
        figures = {
            "machine": asdict(machine) if machine else None,
            "steps": {"traced": min(self._steps - WARM_UP, TRACED), "timed": timed.calls},
            "images_per_second": round(self._images / timed.seconds, 1) if timed.calls else None,
            "phases": [{"phase": name, **asdict(spent)} for name, spent in self._spent.items()],
            "operators": self._operators(),
        }
        write_json(folder / FIGURES, figures)
        write_text(folder / TABLE, _table(figures))
        with tempfile.TemporaryDirectory() as place:
            trace = Path(place) / TRACE
            self._profiler.export_chrome_trace(str(trace))
            write_bytes(folder / TRACE, trace.read_bytes())
        return folder / TABLE

    def _after_step(self, images: int) -> None:
        if self._steps >= WARM_UP + TRACED:
            self._images += images
        self._steps += 1
        if self._steps == 1:
            self._profiler.start()
        elif self._steps <= WARM_UP + TRACED:
            self._profiler.step()

    def _operators(self) -> list[dict[str, Any]]:
        """The operators that took most time themselves, without those that they called; on a GPU, the time there."""
        time_of = "self_device_time_total" if torch.cuda.is_initialized() else "self_cpu_time_total"  # type: ignore[no-untyped-call]
        rows = [
            (getattr(event, time_of), event.key, event.count)
            for event in self._profiler.key_averages()
            if event.key not in STEP_PHASES and not event.key.startswith("ProfilerStep")
        ]
        return [
            {"operator": key, "seconds": round(microseconds / 1e6, 6), "calls": calls}
            for microseconds, key, calls in sorted(rows, reverse=True)[:OPERATORS]
        ]


def _table(figures: dict[str, Any]) -> str:
    """The figures as text."""
    machine, steps = figures["machine"] or {}, figures["steps"]
    lines = [
        f"{figures['images_per_second'] or 'no'} pictures/s in {steps['timed']} steps after those that were traced; "
        f"{machine.get('device_name')}, threads: {machine.get('threads')}, {machine.get('precision')}"
    ]
    for title, rows in (("phase", figures["phases"]), ("operator", figures["operators"])):
        heading = f"{title}, own time in {steps['traced']} traced steps" if title == "operator" else title
        lines.append(f"\n{heading:<48}{'seconds':>12}{'calls':>9}")
        lines += [f"{row[title][:46]:<48}{row['seconds']:>12.4f}{row['calls']:>9}" for row in rows]
    return "\n".join(lines) + "\n"
