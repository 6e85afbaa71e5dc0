"""Run folders in which one file is hostile, for `hostile_models.py`: what commands make of them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from reliability_common import Ended, Forked, training

# File → the commands that read it.
FILES = {
    "run.json": ("train --resume", "report"),
    "settings.toml": ("train --resume", "report"),
    "metrics.jsonl": ("train --resume", "report"),
    "state.safetensors": ("train --resume",),
    "validation.npz": ("report",),
    "model/model.onnx": ("verify", "evaluate"),
    "model/twin.json": ("export", "train --start-from"),
    "model/twin.safetensors": ("export", "train --start-from"),
    "results/unseen.json": ("report",),
    "results/unseen.npz": ("report",),
}


class HostileRuns:
    """A small run, and commands on copies of it.

    Args:
        place: a new folder.
    """

    def __init__(self, place: Path) -> None:
        self.place, self.cache = place, place / "cache"
        place.mkdir()
        self.forked = Forked(place)
        self.run = place / "run"
        self._count = 0
        cv2.imwrite(str(place / "face.png"), np.zeros((112, 92), np.uint8))
        for arguments in (
            training(self.run, "trainer.epochs=1"),
            ["evaluate", str(self.run), "--protocol", "unseen"],
        ):
            ended = self.forked.run(arguments, self.cache)
            assert ended.code == 0, ended.err

    def call(self, command: str, file: str, data: bytes) -> Ended:
        """Calls a command on a copy of the run in which a file has other bytes."""
        self._count += 1
        run = self.place / f"copy-{self._count}"
        shutil.copytree(self.run, run)
        assert (run / file).is_file(), file
        (run / file).write_bytes(data)
        face = str(self.place / "face.png")
        arguments = {
            "verify": ["verify", face, face, "--model", str(run)],
            "report": ["report", str(run)],
            "export": ["export", str(run)],
            "evaluate": ["evaluate", str(run), "--protocol", "unseen"],
            "train --resume": ["train", "--resume", str(run)],
            "train --start-from": [
                *training(run.with_name(f"{run.name}-2"), "trainer.epochs=1"),
                "--start-from",
                str(run),
            ],
        }[command]
        ended = self.forked.run(arguments, self.cache)
        shutil.rmtree(run)
        shutil.rmtree(run.with_name(f"{run.name}-2"), ignore_errors=True)
        return ended


def damages(pickled: bytes, numpy_pickle: bytes) -> Iterator[tuple[str, str, str, bytes]]:
    """(command, file, what is in it, its bytes)."""
    contents = {
        "a pickle": pickled,
        "a NumPy pickle": numpy_pickle,
        "null": b"null",
        "a list": b"[1, 2]",
        "nothing": b"",
        "deep JSON": b"[" * 100_000,
    }
    for file, commands in FILES.items():
        for command in commands:
            for name, data in contents.items():
                yield command, file, name, data
