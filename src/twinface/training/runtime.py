"""The machine that training runs on: device, threads, precision, and seeds that depend on position only."""

from __future__ import annotations

import ctypes
import os
import platform
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from twinface.core.errors import SettingsError
from twinface.core.threads import available_cores
from twinface.training.processes import Processes

_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4  # malloc.h


@dataclass(frozen=True)
class Machine:
    """Where the arithmetic happens. Two runs give equal bits only on equal machines.

    Attributes:
        device: "cpu" or "cuda:0".
        threads: processor threads of one operation.
        precision: of convolutions and matrix products; weights and sums stay float32.
        processes: among which each batch is shared.
    """

    device: str
    threads: int
    precision: Literal["float32", "bfloat16"]
    processes: int = 1

    @property
    def memory_format(self) -> torch.memory_format:
        """channels_last where bfloat16 is used: on processors each pays only with the other."""
        return torch.channels_last if self.precision == "bfloat16" else torch.contiguous_format

    def autocast(self) -> torch.autocast:
        """The context in which the network's forward pass runs."""
        return torch.autocast(
            self.device.partition(":")[0],
            torch.bfloat16,
            enabled=self.precision == "bfloat16",
            cache_enabled=True,
        )


def choose_machine(
    device: str = "auto",
    precision: str = "auto",
    threads: int | None = None,
    processes: Processes | None = None,
) -> Machine:
    """Picks device and precision by what the hardware does fast, and sets torch's thread count.

    Several processes share the cores of a machine evenly, and each takes a GPU of its own.

    Raises:
        SettingsError: the device does not exist here, or is one for all processes.
    """
    processes = processes or Processes()
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device.startswith("cuda:") and processes.local_count > 1:
        raise SettingsError(f'trainer.device = "{device}": each process needs a GPU of its own, use "cuda"')
    if device == "cuda":
        device = f"cuda:{processes.local_rank}"
        found = torch.cuda.device_count()
        if 0 < found < processes.local_count:
            raise SettingsError(
                f"found {found} GPUs for {processes.local_count} processes on this machine, each needs one: start "
                f"{found} with torchrun --nproc-per-node"
            )
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise SettingsError(f'trainer.device = "{device}": torch finds no CUDA device; use "cpu" or "auto"')
    if not device.startswith(("cpu", "cuda")):
        raise SettingsError(f'trainer.device = "{device}": need "auto", "cpu" or "cuda", "cuda:0", …')
    if device.startswith("cuda"):
        torch.cuda.set_device(device)
    threads = threads or max(1, available_cores() // processes.local_count)
    torch.set_num_threads(threads)
    if precision == "auto":
        precision = "bfloat16" if has_fast_bfloat16(device) else "float32"
    return Machine(device, threads, "bfloat16" if precision == "bfloat16" else "float32", processes.count)


def has_fast_bfloat16(device: str) -> bool:
    """Whether bfloat16 products are faster than float32: AMX or AVX-512 bf16 on a processor, Ampere or newer."""
    if device.startswith("cuda"):
        return torch.cuda.get_device_capability(device) >= (8, 0)
    # torch names the two processor tests with a leading underscore and offers no other way to ask.
    tests = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")
    return any(getattr(torch.cpu, test, bool)() for test in tests)


def make_deterministic() -> None:
    """Asks every operation for the same bits each time; on CUDA this must come before the first one."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True)
    # With it torch fills all memory that it takes with NaN, so that reading what was never written shows up. A test
    # does that; in training it would be a pass over every map for nothing.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.backends.cudnn.benchmark = False


def keep_memory() -> None:
    """Keeps the memory of freed tensors in this process, for the next ones; glibc gives large ones back each time.

    The system fills pages with zeros whenever it hands them out: without this Koch's network spends more time on that
    than on batch normalisation and pooling together. The process then holds what it needed at most. Other C libraries
    are left as they are.
    """
    if platform.libc_ver()[0] == "glibc":
        library = ctypes.CDLL(None)
        library.mallopt(_M_MMAP_MAX, 0)
        library.mallopt(_M_TRIM_THRESHOLD, -1)


def compiled(function: Callable[[Tensor], Tensor], machine: Machine) -> Callable[[Tensor], Tensor]:
    """A program of its own for a network, which torch.compile writes when it first runs; on a GPU, as one graph.

    Each size of batch gets one, so that none is made for sizes that never come.

    Raises:
        SettingsError: there is no C++ compiler.
    """
    compiler = os.environ.get("CXX", "clang++" if sys.platform == "darwin" else "g++")
    if not shutil.which(compiler):
        raise SettingsError(
            f"trainer.compiled = true: found no C++ compiler ({compiler}), need one: install it, name another in the "
            "environment variable CXX, or train without"
        )
    mode = "reduce-overhead" if machine.device.startswith("cuda") else "default"
    program: Callable[[Tensor], Tensor] = torch.compile(function, dynamic=False, mode=mode)
    return program


def describe_machine(machine: Machine) -> dict[str, Any]:
    """What a run folder records about where it was made."""
    packages = (
        "twinface",
        "torch",
        "numpy",
        "opencv-python-headless",
        "onnxruntime",
        "pytorch-metric-learning",
    )
    versions = {}
    for package in packages:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = "not installed"
    device = (
        torch.cuda.get_device_name(machine.device) if machine.device.startswith("cuda") else processor_name()
    )
    return {
        "device": machine.device,
        "device_name": device,
        "threads": machine.threads,
        "processes": machine.processes,
        "precision": machine.precision,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "versions": versions,
    }


def processor_name() -> str:
    """The processor's own name where the system tells it."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
