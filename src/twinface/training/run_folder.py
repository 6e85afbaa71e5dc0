"""A run is a folder that can be read without the program.

settings.toml       every setting
run.json            when, where, on which data, by which versions, and how it ended (`RunInfo`)
log.txt             messages
metrics.jsonl       one line an epoch (`EpochMetrics`)
state.safetensors   where training stands, to the bit; gone once the run is finished
best.safetensors    the best epoch's weights; gone likewise, as is teacher.safetensors, a teacher's embeddings
layers.json         the network layer by layer
model/              twin.safetensors + twin.json to train on from, model.onnx to use
profile*            where the time went (`train --profile`)
validation.npz      the model's scores of its validation pairs, to compare it with others pair by pair
skipped.csv         photos that were left out, and why; and photos with several faces
results/            one evaluation each: figures as JSON, scores as NPZ
report.html         all of it to look at
"""

from __future__ import annotations

import json
import threading
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from datetime import UTC, datetime
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twinface.core.errors import ModelError, SettingsError, TwinfaceError
from twinface.core.formatting import as_argument, html_table
from twinface.core.settings import Settings, settings_from
from twinface.core.storage import json_bytes, remove_leftovers, write_files, write_json, write_text
from twinface.datasets.photo_notes import PhotoNote, write_notes
from twinface.models.layer import Layer
from twinface.training.epoch_metrics import EpochMetrics
from twinface.training.run_info import RunInfo
from twinface.training.run_log import not_writable, run_log

if TYPE_CHECKING:
    from twinface.training.state_file import StateFile, Tensors


class RunFolder:
    """The files of one run.

    Args:
        path: the folder.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.best = self.path / "best.safetensors"
        self.teacher = self.path / "teacher.safetensors"
        self.model = self.path / "model"
        self.metrics_file = self.path / "metrics.jsonl"
        self.manifest = self.path / "run.json"
        self.settings_file = self.path / "settings.toml"
        self._noting = threading.Lock()

    @cached_property
    def state(self) -> StateFile:
        """Where training stands. Reading a run's figures needs neither this file nor torch."""
        from twinface.training.state_file import StateFile

        return StateFile(self.path)

    @property
    def name(self) -> str:
        """The folder's own name."""
        return self.path.resolve().name

    def create(self, settings: Settings, info: RunInfo) -> None:
        """Makes a new run. There is a run as soon as there is `run.json`, which is written last.

        Raises:
            SettingsError: there is a run already, or the folder holds other files, or another process makes a run here.
            StorageError: it cannot be written.
        """
        import tomli_w

        self.check_free()
        with self._held():
            self.check_free()  # another process may have made a run since
            settings_text = tomli_w.dumps(settings.to_dict())
            write_files(
                {self.settings_file: settings_text.encode(), self.manifest: json_bytes(info.to_dict())}
            )

    def check_free(self) -> None:
        """Refuses a place where a new run cannot be made, and leaves it as it is.

        Raises:
            SettingsError: there is a run, a file, or a folder with other files.
        """
        if self.manifest.exists():
            place = as_argument(self.path)
            if self.is_finished:
                raise SettingsError(
                    f"{self.path}: there is a finished run already; choose another --out, or train on from it with "
                    f"--start-from {place}"
                )
            raise SettingsError(
                f"{self.path}: there is a run already; continue it with --resume {place}, or choose another --out"
            )
        if self.path.exists() and not self.path.is_dir():
            raise SettingsError(f"{self.path}: is a file; --out needs a folder")
        if self.path.exists() and not all(map(self._is_of_a_start, self.path.iterdir())):
            raise SettingsError(
                f"{self.path}: the folder is not empty and holds no run; choose another --out"
            )

    def _is_of_a_start(self, path: Path) -> bool:
        """Whether a file was left by a process that was killed while it made a run here, and may be written over."""
        import tomli_w

        if path == self.settings_file:
            try:
                return tomli_w.dumps(self.settings().to_dict()) == path.read_text(encoding="utf-8")
            except (TwinfaceError, OSError, ValueError):
                return False  # somebody's own file
        return path.name == ".lock" or (path.name.startswith(".") and path.suffix == ".part")

    def settings(self) -> Settings:
        """The run's settings.

        Raises:
            ModelError: the folder holds no run.
            SettingsError: the settings file was changed to something impossible.
        """
        try:
            values = tomllib.loads(self.settings_file.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise ModelError(
                f"{self.path}: holds no run (no settings.toml); start one with `twinface train`"
            ) from error
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise SettingsError(f"{self.settings_file}: cannot be read ({error})") from error
        return settings_from(values, str(self.settings_file))

    def info(self) -> RunInfo:
        """The record in `run.json`.

        Raises:
            ModelError: it is missing or damaged.
        """
        try:
            return RunInfo.from_json(self.manifest.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise ModelError(
                f"{self.path}: holds no run (no run.json); start one with `twinface train`"
            ) from error
        except (OSError, ValueError) as error:
            raise ModelError(
                f"{self.manifest}: cannot be read ({error}); bring back the file, or train anew"
            ) from error

    @property
    def is_finished(self) -> bool:
        """Whether the model is there. False where there is no run yet."""
        return self.manifest.exists() and self.info().status == "finished"

    def note(self, **changes: Any) -> None:
        """Changes fields of the record in `run.json`; see `RunInfo` for their names."""
        with self._noting:
            write_json(self.manifest, replace(self.info(), **changes).to_dict())

    def note_stopped(self) -> None:
        """Changes the status from "training" to "stopped"; another status stays."""
        with self._noting:
            info = self.info()
            if info.status == "training":
                write_json(self.manifest, replace(info, status="stopped").to_dict())

    def metrics(self) -> list[EpochMetrics]:
        """The epochs' figures, from `metrics.jsonl`.

        Raises:
            ModelError: the file is damaged; the message names the line.
        """
        found = []
        for number, line in enumerate(self._lines(), start=1):
            try:
                found.append(EpochMetrics.from_json(line))
            except ValueError as error:
                raise ModelError(
                    f"{self.metrics_file} line {number}: {error}; mend or remove the file, then resume"
                ) from error
        return found

    def record(self, number: int, metrics: EpochMetrics) -> None:
        """Writes line `number` of the metrics, in place of all that an interrupted run had written from there on."""
        lines = [*self._lines()[:number], json.dumps(metrics.to_dict(), allow_nan=False)]
        write_text(self.metrics_file, "".join(f"{line}\n" for line in lines))

    def _lines(self) -> list[str]:
        try:
            return self.metrics_file.read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return []
        except (OSError, ValueError) as error:
            raise ModelError(
                f"{self.metrics_file}: cannot be read ({error}); mend or remove it, then resume"
            ) from error

    def keep_best(self, weights: Tensors, about: dict[str, Any]) -> None:
        """Keeps the best weights so far."""
        from twinface.training.state_file import write_tensors

        write_tensors(self.best, weights, about)

    def keep_notes(self, notes: Sequence[PhotoNote]) -> None:
        """Keeps what is to be said of single photos in `skipped.csv`; no file where there is nothing to say."""
        if notes:
            write_notes(self.path / "skipped.csv", notes)

    def keep_layers(self, layers: Sequence[Layer]) -> None:
        """Keeps the layers of the network, so that a page can show them without building it."""
        write_json(self.path / "layers.json", [asdict(layer) for layer in layers])

    def layers(self) -> list[Layer]:
        """The layers of the network; none for a run of an earlier version, or where the file is damaged."""
        try:
            found = json.loads((self.path / "layers.json").read_text(encoding="utf-8"))
            return [Layer(**{**layer, "output": tuple(layer["output"])}) for layer in found]
        except (OSError, ValueError, TypeError, KeyError):
            return []

    def forget_state(self) -> None:
        """Removes what only a run that goes on needs: training states, best weights, the teacher's embeddings."""
        self.state.forget()
        with suppress(OSError):
            self.best.unlink(missing_ok=True)
            self.teacher.unlink(missing_ok=True)

    def _repr_html_(self) -> str:
        """The run as a notebook shows it: its state, and the figures of its epochs."""
        info = self.info()
        figures = info.validation.to_dict() if info.validation else {}
        said = ", ".join(f"{name.replace('_', ' ')} {value:.4f}" for name, value in figures.items())
        title = f"{info.name}: {info.status}" + (f" (validation people: {said})" if said else "")
        return f"<p><b>{escape(title)}</b></p>" + html_table([each.to_dict() for each in self.metrics()])

    @contextmanager
    def locked(self, wait: float = 0) -> Iterator[None]:
        """Keeps a second process from training the same run, and writes the log into the folder.

        What killed trainings have left unfinished is removed.

        Reading a run needs no lock, because each of its files is replaced as a whole.

        Args:
            wait: seconds to wait for another process to let go.

        Raises:
            SettingsError: one is at it.
            StorageError: the folder cannot be written.
        """
        with self._held(wait), run_log(self.path):
            # Only the process that holds the lock writes these files.
            for file in (self.manifest, self.metrics_file, self.best, self.state.path):
                remove_leftovers(self.path, older_than=-1, of=file.name)
            remove_leftovers(self.path)
            remove_leftovers(self.model)
            yield

    @contextmanager
    def _held(self, wait: float = 0) -> Iterator[None]:
        from filelock import FileLock, Timeout

        lock = FileLock(self.path / ".lock", timeout=wait)
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            lock.acquire()
        except Timeout as error:
            raise SettingsError(
                f"{self.path}: another process is training this run; wait, or choose another --out"
            ) from error
        except OSError as error:
            raise not_writable(self.path, error) from error
        try:
            yield
        finally:
            lock.release()


class FollowedRun(RunFolder):
    """A run as seen by all processes but the first, if several train it: they read, and the first one writes."""

    @cached_property
    def state(self) -> StateFile:
        """Where training stands, to be read."""
        from twinface.training.state_file import ReadOnlyState

        return ReadOnlyState(self.path)

    def note(self, **changes: Any) -> None:
        """Writes nothing."""

    def note_stopped(self) -> None:
        """Writes nothing."""

    def record(self, number: int, metrics: EpochMetrics) -> None:
        """Writes nothing."""

    def keep_notes(self, notes: Sequence[PhotoNote]) -> None:
        """Writes nothing."""

    def forget_state(self) -> None:
        """Removes nothing."""

    def keep_best(self, weights: Tensors, about: dict[str, Any]) -> None:
        """Writes nothing."""


def now() -> str:
    """The time in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")
