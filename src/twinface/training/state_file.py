"""The training state on disk: safetensors with a checksum, written as a whole, the previous one kept."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from twinface.core.errors import DivergedError, ModelError
from twinface.core.storage import write_bytes

Tensors = dict[str, Tensor]


def write_tensors(target: Path, tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> None:
    """Writes tensors and plain values to one file, as a whole or not at all.

    Raises:
        DivergedError: a tensor has a value that is not finite; `target` is unchanged.
        StorageError: the file cannot be written; `target` is unchanged.
    """
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in sorted(tensors.items())}
    for name, tensor in plain.items():
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise DivergedError(
                f"{name} has values that are not finite, so {target.name} was not written and the one before stands; "
                "a smaller learning rate or gradient clipping may help"
            )
    # One entry, because safetensors writes several in an order of chance, and equal states are to be equal files.
    metadata = json.dumps({"about": about, "checksum": checksum(plain, about)}, allow_nan=False)
    write_bytes(target, save(plain, {"twinface": metadata}))


def read_tensors(source: Path) -> tuple[Tensors, dict[str, Any]]:
    """Reads what `write_tensors` wrote.

    Raises:
        ModelError: the file is missing, damaged, or not such a file (a pickle is never opened).
    """
    try:
        with safe_open(source, "pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
            metadata = json.loads((file.metadata() or {})["twinface"])
        about: dict[str, Any] = metadata["about"]
    except FileNotFoundError as error:
        raise ModelError(f"{source}: no such file") from error
    except (SafetensorError, OSError, KeyError, ValueError, TypeError) as error:
        raise ModelError(f"{source}: damaged, or not a safetensors file of Twinface ({error})") from error
    if metadata.get("checksum") != checksum(tensors, about):
        raise ModelError(f"{source}: damaged, its checksum does not fit")
    return tensors, about


class StateFile:
    """The newest state of a run, and the one before it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "state.safetensors"
        self.previous = folder / "state.previous.safetensors"

    def write(self, tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> None:
        """Replaces the state; at every moment at least one whole state is on disk."""
        if self.path.exists():
            keep = self.previous.with_suffix(".link")
            keep.unlink(missing_ok=True)
            os.link(self.path, keep)
            keep.replace(self.previous)
        write_tensors(self.path, tensors, about)

    def exists(self) -> bool:
        """Whether training has saved a state yet."""
        return self.path.exists() or self.previous.exists()

    def read(self) -> tuple[Tensors, dict[str, Any]] | None:
        """The newest whole state; None if training has not saved one yet.

        Raises:
            ModelError: states are there and none of them is whole.
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
        """Frees the disk space of the older state once training has ended."""
        with contextlib.suppress(OSError):
            self.previous.unlink(missing_ok=True)


class ReadOnlyState(StateFile):
    """A run's state as the processes see it that do not write it."""

    def write(self, tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> None:
        """Leaves it to the first process."""

    def forget_previous(self) -> None:
        """Leaves it to the first process."""


def checksum(tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> str:
    """32 hexadecimal digits that tell tensors and plain values from all others."""
    digest = hashlib.blake2b(json.dumps(about, sort_keys=True).encode(), digest_size=16)
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)} ".encode())
        digest.update(tensor.detach().cpu().numpy().tobytes())
    return digest.hexdigest()
