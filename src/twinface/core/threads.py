"""Work on many small things by threads, in order and without running ahead."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import Future

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

# A thread takes so many things at a time: handing over one by one costs more than decoding a small picture does.
TOGETHER = 16


def map_in_order(
    work: Callable[[_Item], _Result], items: Iterable[_Item], together: int = TOGETHER
) -> Iterator[_Result]:
    """Like `map`, with a thread a core, and never more than a few results ahead of its reader.

    So memory stays flat, however many items there are. Threads help where the work gives the interpreter's lock away,
    as reading files, hashing, OpenCV and ONNX Runtime do.

    Args:
        work: is done on each item.
        items: are taken as they are needed.
        together: items that a thread takes at a time.
    """

    from concurrent.futures import ThreadPoolExecutor  # a start that only asks for cores does without

    def several(part: list[_Item]) -> list[_Result]:
        return [work(item) for item in part]

    threads = min(8, available_cores())
    source = iter(items)
    waiting: deque[Future[list[_Result]]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        try:
            while part := list(islice(source, together)):
                waiting.append(pool.submit(several, part))
                if len(waiting) > 2 * threads:
                    yield from waiting.popleft().result()
            while waiting:
                yield from waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def available_cores() -> int:
    """The cores that this process may use, which a container can set below those of the machine."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
