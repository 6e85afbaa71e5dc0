"""Works on many items in threads, with the results in order."""

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

# Items that a thread takes at a time: handing them over one by one takes longer than decoding a small picture.
TOGETHER = 16


def map_in_order(
    work: Callable[[_Item], _Result], items: Iterable[_Item], together: int = TOGETHER
) -> Iterator[_Result]:
    """Like `map`, with one thread a core, and never more than a few results ahead of the caller.

    So memory stays flat, however many items there are. Threads help where the work releases the interpreter's lock, as
    reading files, hashing, OpenCV and ONNX Runtime do.

    Args:
        work: called with each item.
        items: taken as they are needed.
        together: items that a thread takes at a time.

    Returns:
        The results, in the order of the items.
    """
    from concurrent.futures import ThreadPoolExecutor  # slow to import, and not needed for `available_cores`

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
    """The number of cores that this process may use; in a container it can be lower than that of the machine."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
