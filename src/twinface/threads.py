"""Work on many small things by threads, in order and without running ahead."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def in_order(work: Callable[[_Item], _Result], items: Iterable[_Item]) -> Iterator[_Result]:
    """Like `map`, with a thread a core, and never more than a few results ahead of its reader.

    So memory stays flat, however many items there are. Threads help where the work gives the interpreter's lock away,
    as reading files, hashing and OpenCV do.
    """
    ahead = 8 * _threads()
    waiting: deque[Future[_Result]] = deque()
    with ThreadPoolExecutor(_threads()) as pool:
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) > ahead:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _threads() -> int:
    return min(8, os.cpu_count() or 1)
