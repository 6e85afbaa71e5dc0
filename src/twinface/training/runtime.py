"""How torch runs in this process: deterministic operations, kept memory, denormal numbers, compiled networks."""

from __future__ import annotations

import ctypes
import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from twinface.core.errors import SettingsError

_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4  # malloc.h


def make_deterministic() -> None:
    """Makes every operation give the same bits each time; on CUDA this has to be called before the first operation."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True)
    # Otherwise torch would also fill all new memory with NaN, one more pass over every map, to show reads of memory
    # that was never written. A test does that instead.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.backends.cudnn.benchmark = False


def keep_memory() -> None:
    """Keeps the memory of freed tensors in this process for the next ones; glibc returns large ones to the system.

    The system fills pages with zeros before it gives them out again. Without this function, Koch's network spends more
    time on that than on batch normalisation and pooling together. The process then holds the most memory that it has
    ever needed. Other C libraries are not changed.
    """
    if platform.libc_ver()[0] == "glibc":
        library = ctypes.CDLL(None)
        library.mallopt(_M_MMAP_MAX, 0)
        library.mallopt(_M_TRIM_THRESHOLD, -1)


@contextmanager
def denormals_as_zero() -> Iterator[None]:
    """Takes numbers below 1.2e-38 in float32 ("denormal" ones) as 0, which changes no result that can be seen.

    Weight decay shrinks weights that nothing uses, and the squares of their gradients, until they are that small. On
    Intel's processors a step of Adam then takes fourteen times as long. torch's threads do as the thread did that
    started them, for as long as they live; so this has to be around whatever may start them.
    """
    before = bool(torch.tensor(1e-40) == 0)  # torch cannot be asked
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(before)


def compiled(function: Callable[[Tensor], Tensor], device: str) -> Callable[[Tensor], Tensor]:
    """A network compiled by torch.compile, when it first runs; on a GPU it is captured as one graph.

    Each size of batch that occurs is compiled separately.

    Args:
        function: images `[B, C, H, W]` → embeddings `[B, D]`.
        device: where it will run.

    Raises:
        SettingsError: there is no C++ compiler.
    """
    compiler = os.environ.get("CXX", "clang++" if sys.platform == "darwin" else "g++")
    if not shutil.which(compiler):
        raise SettingsError(
            f"trainer.compiled = true: found no C++ compiler ({compiler}), need one: install it, name another in the "
            "environment variable CXX, or train without"
        )
    mode = "reduce-overhead" if device.startswith("cuda") else "default"
    program: Callable[[Tensor], Tensor] = torch.compile(function, dynamic=False, mode=mode)
    return program
