"""How much memory and time ONNX Runtime may take, so that no model file takes all of either."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from typing import Any

# For all models of a process together: weights and what is computed from them. Koch's network on 16 faces takes 0.3 GB.
MEMORY = 2 << 30  # bytes
# For one call. A face takes Koch's network 0.1 s on a slow core.
SECONDS, SECONDS_PER_FACE = 10.0, 3.0


def limit_memory(onnxruntime: Any, options: Any) -> None:
    """Lets a session take its memory from a pool of `MEMORY` bytes, which all such sessions of the process share.

    Args:
        onnxruntime: the module, which is slow to import.
        options: of the session.
    """
    _make_pool(onnxruntime)
    options.add_session_config_entry("session.use_env_allocators", "1")


@cache
def _make_pool(onnxruntime: Any) -> None:
    kind, use = onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, onnxruntime.OrtMemType.DEFAULT
    others = ("arena_extend_strategy", "initial_chunk_size_bytes", "max_dead_bytes_per_chunk")
    pool = onnxruntime.OrtArenaCfg({"max_mem": MEMORY, **dict.fromkeys(others, -1)})  # -1 is the default
    with suppress(Exception):  # another library of this process has made a pool; then that one is used
        onnxruntime.create_and_register_allocator(onnxruntime.OrtMemoryInfo("Cpu", kind, 0, use), pool)


class TimeLimit:
    """Stops calls of ONNX Runtime that take too long, between two operators of the graph.

    One thread looks at all running calls once a second. It ends when there have been none for a while. A timer for each
    call would take longer than a small network does.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: dict[int, tuple[float, Any]] = {}
        self._thread: threading.Thread | None = None

    @contextmanager
    def on(self, options: Any, seconds: float) -> Iterator[None]:
        """Sets `options.terminate` if the block takes longer than `seconds`.

        Args:
            options: ONNX Runtime's options of this call, used for no other one.
            seconds: rounded up to the next look.
        """
        with self._lock:
            self._calls[id(options)] = (time.monotonic() + seconds, options)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._watch, name="twinface-time-limit", daemon=True)
                self._thread.start()
        try:
            yield
        finally:
            with self._lock:
                del self._calls[id(options)]

    def _watch(self) -> None:
        idle = 0
        while True:
            time.sleep(1)
            with self._lock:
                now = time.monotonic()
                for end, options in self._calls.values():
                    if now > end:
                        options.terminate = True
                idle = 0 if self._calls else idle + 1
                if idle > 10:
                    self._thread = None
                    return


time_limit = TimeLimit()
