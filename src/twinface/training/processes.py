"""One training in several processes (`torchrun`): who takes which rows of a batch, and what they tell each other.

Every process holds the whole network and computes its rows of each batch. Nothing else differs from training in one:
what is random is drawn for the whole batch by each and cut to its rows, batch statistics are those of the whole batch
(`shared_layers`), every process computes the loss on all embeddings, and gradients are added up. All that is told goes
through one operation, a sum or a maximum over the processes, which gives every one of them the same bits.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from twinface.core.errors import ProcessError, SettingsError

# A process that dies is noticed at once, since its connections close; this is for one that hangs.
PATIENCE = timedelta(hours=6)


@dataclass(frozen=True)
class Share:
    """The rows `start` to `stop` of a batch of `total` that one process computes; there may be none."""

    start: int
    stop: int
    total: int

    @property
    def rows(self) -> slice:
        """To cut what was made for the whole batch."""
        return slice(self.start, self.stop)


@dataclass
class Processes:
    """The processes of one training, as one of them sees them; by default it is alone, and nothing is told.

    Attributes:
        rank: which one this is, from 0.
        count: how many there are.
        local_rank, local_count: the same among those on this machine.
        share: of the batch at hand.
    """

    rank: int = 0
    count: int = 1
    local_rank: int = 0
    local_count: int = 1
    share: Share = Share(0, 0, 0)

    @property
    def first(self) -> bool:
        """Whether it is this one that writes files and speaks."""
        return self.rank == 0

    @property
    def alone(self) -> bool:
        """Whether there are no others."""
        return self.count == 1

    @property
    def command(self) -> str:
        """What starts Twinface in as many processes."""
        return "twinface" if self.alone else f"torchrun --nproc-per-node {self.local_count} -m twinface"

    def take(self, total: int, together: int = 1) -> Share:
        """This process's share of `total` rows, of which each `together` stay with one process."""
        groups = -(-total // together)
        start, stop = (groups * rank // self.count * together for rank in (self.rank, self.rank + 1))
        self.share = Share(start, min(stop, total), total)
        return self.share

    def gather(self, rows: Tensor) -> Tensor:
        """`[stop - start, …]` of each process → `[total, …]` in all of them.

        Gradients come back to the rows from this process's own use of the result, so a loss that every process
        computes on all rows gives each of them the gradient of its rows, whole.
        """
        if self.alone:
            return rows
        gathered: Tensor = _Gather.apply(rows, self)  # type: ignore[no-untyped-call]
        return gathered

    def add_gradients(self, parted: Iterable[Tensor], whole: Iterable[Tensor]) -> None:
        """Makes each gradient that of the whole batch, in every process to the same bits.

        Args:
            parted: parameters of whose gradient each process has the part that its rows make; these are added up.
            whole: parameters whose gradient each process has computed in full; these are averaged, which changes
                nothing but the last bits where machines differ.
        """
        if self.alone:
            return
        gradients = [parameter.grad for parameter in parted if parameter.grad is not None]
        full = [parameter.grad for parameter in whole if parameter.grad is not None]
        for gradient in full:
            gradient.div_(self.count)
        gradients += full
        if not gradients:
            return
        flat = self.add(torch.cat([gradient.reshape(-1) for gradient in gradients]))
        pieces = torch.split(flat, [gradient.numel() for gradient in gradients])
        for gradient, piece in zip(gradients, pieces, strict=True):
            gradient.copy_(piece.view_as(gradient))

    def add(self, values: Tensor) -> Tensor:
        """Replaces values by their sum over the processes, and returns them."""
        return self._reduce(values, dist.ReduceOp.SUM)

    def highest(self, number: int) -> int:
        """The largest of the processes' numbers."""
        return int(self._reduce(torch.tensor(number), dist.ReduceOp.MAX))

    def wait(self) -> None:
        """Until all are here."""
        self.highest(0)

    def agree(self, values: dict[str, Any]) -> dict[str, Any]:
        """The first process's values (numbers, words) in all of them."""
        if self.alone:
            return values
        text = json.dumps(values).encode() if self.first else b""
        length = self.highest(len(text))
        data = torch.zeros(length, dtype=torch.uint8)
        data[: len(text)] = torch.tensor(list(text), dtype=torch.uint8)
        agreed: dict[str, Any] = json.loads(bytes(self.add(data).tolist()))
        return agreed

    def check_alike(self, what: str, content: str) -> None:
        """Makes sure that all have the same content.

        Raises:
            ProcessError: they have not.
        """
        number = int.from_bytes(hashlib.sha256(content.encode()).digest()[:7], "big")
        if self.highest(number) != -self.highest(-number):
            raise ProcessError(
                f"process {self.rank} of {self.count}: {what} differs between the processes; they need the same run "
                "folder, the same pictures, and machines and versions that compute alike"
            )

    @contextmanager
    def first_before_others(self) -> Iterator[None]:
        """The first process goes through the block before the others do, who may find there what it made."""
        if not self.first:
            self.wait()
        yield
        if self.first:
            self.wait()

    def _reduce(self, values: Tensor, operation: Any) -> Tensor:
        if self.alone:
            return values
        try:
            dist.all_reduce(values, operation)
        except RuntimeError as error:
            reason = str(error).partition(". ")[0]
            raise ProcessError(
                f"process {self.rank} of {self.count}: another process of this training has gone "
                f"({reason}); the state saved last stands, continue with --resume"
            ) from error
        return values


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rows: Tensor, processes: Processes) -> Tensor:
        ctx.rows = processes.share.rows
        # A sum with zeros: exact, of shares of any size, and the same bits in every process.
        gathered = rows.new_zeros(processes.share.total, *rows.shape[1:])
        gathered[ctx.rows] = rows
        return processes.add(gathered)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return gradient[ctx.rows], None


@contextmanager
def joined() -> Iterator[Processes]:
    """The processes that `torchrun` started, this one among them; where it did not, this one alone.

    Raises:
        SettingsError: they are told to be several and not how to find each other.
        ProcessError: the others cannot be reached.
    """
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1:
        yield Processes()
        return
    try:
        rank, local_rank, local_count = (
            int(os.environ[name]) for name in ("RANK", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
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
