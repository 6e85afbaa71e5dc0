"""Training in several processes (`torchrun`): the rows of a batch that each computes, and what they exchange.

Every process holds the whole network and computes its share of the rows of each batch. Everything else is as in one
process. Random numbers are drawn for the whole batch by each process, and cut to its rows. Batch statistics are those
of the whole batch (`batch_norms`). Every process computes the loss on all embeddings, and gradients are summed.
All exchanges are a sum or a maximum over the processes, which gives the same bits to each of them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from twinface.core.errors import ProcessError


@dataclass(frozen=True)
class Share:
    """The rows `start` to `stop` of a batch of `total` rows that one process computes; there may be none."""

    start: int
    stop: int
    total: int

    @property
    def rows(self) -> slice:
        """Cuts these rows out of an array for the whole batch."""
        return slice(self.start, self.stop)


@dataclass(frozen=True)
class Processes:
    """The processes of one training, as seen by one of them; by default it is alone and exchanges nothing.

    Attributes:
        rank: the number of this process, from 0.
        count: the number of processes.
        local_rank, local_count: the same among the processes on this machine.
    """

    rank: int = 0
    count: int = 1
    local_rank: int = 0
    local_count: int = 1

    @property
    def first(self) -> bool:
        """Whether this is the process that writes files and messages."""
        return self.rank == 0

    @property
    def alone(self) -> bool:
        """Whether there are no other processes."""
        return self.count == 1

    @property
    def command(self) -> str:
        """The command that starts Twinface in as many processes."""
        return "twinface" if self.alone else f"torchrun --nproc-per-node {self.local_count} -m twinface"

    def share_of(self, total: int, together: int = 1) -> Share:
        """This process's share of `total` rows; each group of `together` rows stays in one process."""
        groups = -(-total // together)
        start, stop = (groups * rank // self.count * together for rank in (self.rank, self.rank + 1))
        return Share(start, min(stop, total), total)

    def agree_share(self, count: int) -> Share:
        """This process's share of a batch of which it has `count` rows; all processes call this together."""
        if self.alone:
            return Share(0, count, count)
        counts = torch.zeros(self.count, dtype=torch.int64)
        counts[self.rank] = count
        counts = self.add(counts)
        start = int(counts[: self.rank].sum())
        return Share(start, start + count, int(counts.sum()))

    def gather(self, rows: Tensor, share: Share) -> Tensor:
        """The rows of all processes, in each of them: `[stop - start, …]` of each → `[total, …]`.

        The gradient of the rows is the gradient of this process's own use of the result. So if every process computes
        the loss on all rows, each has the whole gradient of its rows.

        Args:
            rows: those of this process.
            share: their place in the batch.
        """
        if self.alone:
            return rows
        gathered: Tensor = _Gather.apply(rows, share, self)  # type: ignore[no-untyped-call]
        return gathered

    def add_gradients(self, parted: Iterable[Tensor], whole: Iterable[Tensor]) -> None:
        """Makes each gradient that of the whole batch, with the same bits in every process.

        Args:
            parted: parameters whose gradient each process has from its own rows alone; these are summed.
            whole: parameters whose gradient each process has in full; these are averaged, which changes only the last
                bits, and only where machines differ.
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
        """Waits until all processes call it."""
        self.highest(0)

    def agree(self, values: dict[str, Any]) -> dict[str, Any]:
        """The first process's values (numbers, strings), in all processes."""
        if self.alone:
            return values
        text = json.dumps(values).encode() if self.first else b""
        length = self.highest(len(text))
        data = torch.zeros(length, dtype=torch.uint8)
        data[: len(text)] = torch.tensor(list(text), dtype=torch.uint8)
        agreed: dict[str, Any] = json.loads(bytes(self.add(data).tolist()))
        return agreed

    def check_alike(self, what: str, content: str) -> None:
        """Checks that all processes have the same content.

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
        """The first process runs the block before the others, which may then find files that it has made."""
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
    """See `Processes.gather`."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, share: Share, processes: Processes) -> Tensor:
        ctx.rows = share.rows
        # A sum with zeros is exact, takes shares of any size, and has the same bits in every process.
        gathered = rows.new_zeros(share.total, *rows.shape[1:])
        gathered[share.rows] = rows
        return processes.add(gathered)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        return gradient[ctx.rows], None, None
