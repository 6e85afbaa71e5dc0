"""The machine that training runs on: device, threads, precision."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

import torch

from twinface.core.errors import SettingsError
from twinface.core.threads import available_cores
from twinface.training.processes import Processes
from twinface.training.run_info import MachineInfo

_PACKAGES = ("twinface", "torch", "numpy", "opencv-python-headless", "onnxruntime", "pytorch-metric-learning")


@dataclass(frozen=True)
class Machine:
    """Where the arithmetic happens. Two runs end in equal bits only on equal machines.

    Attributes:
        device: "cpu" or "cuda:0".
        threads: processor threads of one operation.
        precision: of convolutions and matrix products; weights and sums are always float32.
        processes: number of processes that share each batch.
    """

    device: str
    threads: int
    precision: Literal["float32", "bfloat16"]
    processes: int = 1

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
    """Chooses device and precision by what the hardware does fast, and sets torch's number of threads.

    Several processes share the cores of a machine evenly, and each takes a GPU of its own.

    Args:
        device: "auto", "cpu", "cuda" or "cuda:1".
        precision: "auto", "float32" or "bfloat16".
        threads: of one operation; None takes this process's share of the cores.
        processes: the processes of this training; None is one alone.

    Raises:
        SettingsError: the device does not exist here, or several processes would have to share one GPU.
    """
    processes = processes or Processes()
    device = _choose_device(device, processes)
    if device.startswith("cuda"):
        torch.cuda.set_device(device)
    threads = threads or max(1, available_cores() // processes.local_count)
    torch.set_num_threads(threads)
    if precision == "auto":
        precision = "bfloat16" if has_fast_bfloat16(device) else "float32"
    return Machine(device, threads, "bfloat16" if precision == "bfloat16" else "float32", processes.count)


def _choose_device(device: str, processes: Processes) -> str:
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
    if device.startswith("cuda:") and int(device[5:]) >= torch.cuda.device_count():
        raise SettingsError(
            f'trainer.device = "{device}": found {torch.cuda.device_count()} GPUs, the first is "cuda:0"'
        )
    if not device.startswith(("cpu", "cuda")):
        raise SettingsError(f'trainer.device = "{device}": need "auto", "cpu" or "cuda", "cuda:0", …')
    return device


def has_fast_bfloat16(device: str) -> bool:
    """Whether bfloat16 products are faster than float32: a processor with AMX or AVX-512 bf16, a GPU since Ampere."""
    if device.startswith("cuda"):
        return torch.cuda.get_device_capability(device) >= (8, 0)
    # torch has no public names for the two tests of processors.
    tests = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")
    return any(getattr(torch.cpu, test, bool)() for test in tests)


def describe_machine(machine: Machine) -> MachineInfo:
    """The machine as `run.json` records it, with versions of programs."""
    versions = {}
    for package in _PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = "not installed"
    on_gpu = machine.device.startswith("cuda")
    return MachineInfo(
        device=machine.device,
        device_name=torch.cuda.get_device_name(machine.device) if on_gpu else processor_name(),
        threads=machine.threads,
        processes=machine.processes,
        precision=machine.precision,
        python=platform.python_version(),
        system=f"{platform.system()} {platform.machine()}",
        versions=versions,
    )


def processor_name() -> str:
    """The name of the processor, as far as the system tells it."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
