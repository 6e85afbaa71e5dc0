"""Runs work in threads for an event loop, and refuses more than it can do soon."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from twinface.service.errors import ApiError

_Result = TypeVar("_Result")


class WorkQueue:
    """Threads, and a queue of bounded length before them. Used from one event loop.

    Args:
        name: of the threads.
        threads: how many.
        waiting: pieces of work that may wait for a thread.
        seconds: after which nobody waits for an answer any more.
    """

    def __init__(self, name: str, threads: int, waiting: int, seconds: float) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._most, self._seconds = threads + waiting, seconds
        self.taken = 0  # pieces of work that wait or run

    async def run(self, work: Callable[[], _Result]) -> _Result:
        """The result of `work`, which runs in a thread.

        Raises:
            ApiError: 503, if too many wait already, or if it takes too long. Work that has begun goes on all the same.
        """
        if self.taken >= self._most:
            raise ApiError(503, "busy", "too many requests are waiting: call again soon", retry=1)
        self.taken += 1
        loop = asyncio.get_running_loop()
        future = self._pool.submit(work)
        future.add_done_callback(lambda done: loop.call_soon_threadsafe(self._done))
        try:
            return await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(future)), self._seconds)
        except TimeoutError:
            future.cancel()
            raise ApiError(
                503,
                "too_slow",
                f"not done within {self._seconds:g} seconds; it may still be finished",
                retry=5,
            ) from None
        except asyncio.CancelledError:  # the caller has gone
            future.cancel()
            raise

    def _done(self) -> None:
        self.taken -= 1

    def close(self) -> None:
        """Lets work that has begun finish, and drops the rest."""
        self._pool.shutdown(wait=True, cancel_futures=True)
