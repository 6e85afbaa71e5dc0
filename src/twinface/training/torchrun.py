"""Joins the processes that `torchrun` has started."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import torch
import torch.distributed as dist

from twinface.core.errors import ProcessError, SettingsError
from twinface.training.processes import Processes

# For a process that hangs. One that dies is noticed at once, because its connections close.
PATIENCE = timedelta(hours=6)


@contextmanager
def joined() -> Iterator[Processes]:
    """The processes that `torchrun` started, as seen by this one; without `torchrun`, this process alone.

    Raises:
        SettingsError: a variable is no number; or `WORLD_SIZE` says several processes, but the variables to find each
            other are missing.
        ProcessError: the other processes cannot be reached.
    """
    count = _number("WORLD_SIZE", os.environ.get("WORLD_SIZE", "1"))
    if count == 1:
        yield Processes()
        return
    try:
        rank, local_rank, local_count = (
            _number(name, os.environ[name]) for name in ("RANK", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
        )
    except KeyError as error:
        raise SettingsError(
            f"WORLD_SIZE is {count} and {error.args[0]} is not set: start with torchrun, or unset WORLD_SIZE"
        ) from error
    try:
        backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
        dist.init_process_group(backend, timeout=PATIENCE)
    except (RuntimeError, ValueError) as error:
        raise ProcessError(f"process {rank} of {count}: the others cannot be reached ({error})") from error
    try:
        yield Processes(rank, count, local_rank, local_count)
    finally:
        dist.destroy_process_group()


def _number(name: str, text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise SettingsError(f"{name} is {text!r}, need a number as torchrun sets it, or unset WORLD_SIZE")
    return int(text)
