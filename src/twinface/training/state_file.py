"""The training state on disk: a safetensors file with a checksum, written atomically; the previous one is kept."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from twinface.core.errors import DivergedError, ModelError, StorageError
from twinface.core.storage import write_bytes

Tensors = dict[str, Tensor]


def write_tensors(target: Path, tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> None:
    """Writes tensors and plain values to one file, atomically.

    Args:
        target: the file.
        tensors, about: see `pack_tensors`.

    Raises:
        DivergedError: a tensor has a value that is not finite; `target` is unchanged.
        StorageError: the file cannot be written; `target` is unchanged.
    """
    write_bytes(target, pack_tensors(target.name, tensors, about))


def pack_tensors(name: str, tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> bytes:
    """Tensors and plain values as the bytes of a safetensors file with a checksum.

    Args:
        name: of the file, for errors.
        tensors: by name.
        about: plain values, which are stored as JSON.

    Raises:
        DivergedError: a tensor has a value that is not finite.
    """
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in sorted(tensors.items())}
    for part, tensor in plain.items():
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise DivergedError(
                f"{part} has values that are not finite: {name} was not written, and the previous file is kept; "
                "a smaller learning rate or gradient clipping may help"
            )
    # One entry: safetensors writes several in random order, but equal states have to be equal files.
    metadata = json.dumps({"about": about, "checksum": checksum(plain, about)}, allow_nan=False)
    packed: bytes = save(plain, {"twinface": metadata})
    return packed


def read_tensors(source: Path) -> tuple[Tensors, dict[str, Any]]:
    """Reads what `write_tensors` wrote.

    Raises:
        ModelError: the file is missing, damaged, or of another kind (a pickle is never opened).
    """
    try:
        with safe_open(source, "pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
            metadata = json.loads((file.metadata() or {})["twinface"])
        about: dict[str, Any] = metadata["about"]
    except FileNotFoundError as error:
        raise ModelError(f"{source}: found no such file") from error
    except (SafetensorError, OSError, KeyError, ValueError, TypeError, RecursionError) as error:
        raise ModelError(f"{source}: damaged, or not a safetensors file of Twinface ({error})") from error
    if metadata.get("checksum") != checksum(tensors, about):
        raise ModelError(f"{source}: damaged, its checksum does not match")
    return tensors, about


class StateFile:
    """The newest state of a run, and the previous one.

    Args:
        folder: of the run.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "state.safetensors"
        self.previous = folder / "state.previous.safetensors"

    def write(self, tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> None:
        """Replaces the state; at every moment at least one complete state is on disk.

        Raises:
            DivergedError, StorageError: see `write_tensors`.
        """
        try:
            self._keep_previous()
        except OSError as error:
            raise StorageError(
                f"{self.previous}: could not be written ({error.strerror or error}); the last state is unchanged: free "
                "some space, then resume"
            ) from error
        write_tensors(self.path, tensors, about)

    def _keep_previous(self) -> None:
        if not self.path.exists():
            return
        keep = self.previous.with_suffix(".link")
        keep.unlink(missing_ok=True)
        try:
            os.link(self.path, keep)
        except OSError:  # a file system without links
            shutil.copyfile(self.path, keep)
        keep.replace(self.previous)

    def exists(self) -> bool:
        """Whether training has saved a state yet."""
        return self.path.exists() or self.previous.exists()

    def read(self) -> tuple[Tensors, dict[str, Any]] | None:
        """The newest state that is not damaged; None if training has not saved one yet.

        Raises:
            ModelError: all saved states are damaged.
        """
        problem: ModelError | None = None
        for path in (self.path, self.previous):
            if path.exists():
                try:
                    return read_tensors(path)
                except ModelError as error:
                    problem = problem or error
        if problem:
            raise problem
        return None

    def forget_previous(self) -> None:
        """Deletes the previous state, once training has ended."""
        with contextlib.suppress(OSError):
            self.previous.unlink(missing_ok=True)

    def forget(self) -> None:
        """Deletes all states, once the model is written."""
        for path in (self.path, self.previous):
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)


class ReadOnlyState(StateFile):
    """A run's state for processes that only read it."""

    def write(self, tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> None:
        """Writes nothing; the first process does it."""

    def forget_previous(self) -> None:
        """Deletes nothing; the first process does it."""


def checksum(tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> str:
    """A checksum of tensors and plain values: 32 hexadecimal digits."""
    digest = hashlib.blake2b(json.dumps(about, sort_keys=True).encode(), digest_size=16)
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)} ".encode())
        digest.update(tensor.detach().cpu().numpy().tobytes())
    return digest.hexdigest()
