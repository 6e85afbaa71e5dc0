"""Runs that are stopped and resumed: a recipe for them, a request to stop, and what must not depend on it."""

from __future__ import annotations

import json

from conftest import TINY
from twinface.core.interruption import StopRequest
from twinface.training.callbacks import Callbacks, Step
from twinface.training.run_folder import RunFolder
from twinface.training.state_file import read_tensors

# Dropout, averaging, augmentation and Adam's moments are all in the tiny demo; each has to come back.
LONGER = [*TINY, "trainer.epochs=4", "trainer.averaging=0.9", "trainer.threads=1"]


def bits(folder: RunFolder) -> dict[str, bytes]:
    """Everything that must not depend on interruptions: weights, optimizer, average, best, metrics."""
    tensors, about = read_tensors(folder.state.path)
    about.pop("seconds")
    best, best_about = read_tensors(folder.best)
    records = [{**record.to_dict(), "seconds": 0} for record in folder.metrics()]
    return {
        **{f"state/{name}": value.numpy().tobytes() for name, value in tensors.items()},
        **{f"best/{name}": value.numpy().tobytes() for name, value in best.items()},
        "about": json.dumps([about, best_about, records], sort_keys=True).encode(),
    }


class StopAfter(StopRequest):
    """Asks to stop after so many steps."""

    def watcher(self, steps: int) -> Callbacks:
        left = [steps]

        def on_step(step: Step) -> None:
            left[0] -= 1
            if left[0] == 0:
                self.signal_number = 15

        return Callbacks(on_step=on_step)
