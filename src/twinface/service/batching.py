"""Calls that come at the same time share a batch of the model."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np

from twinface.core.types import ByteArray, Float32Array
from twinface.models.embedder import LoadedModel
from twinface.models.record import ModelRecord

MOST = 32  # faces in a batch
_WINDOW = 0.002  # seconds that a batch waits for more faces while calls overlap


@dataclass(frozen=True, eq=False)
class _Call:
    faces: ByteArray
    answer: Future[Float32Array] = field(default_factory=Future)


class BatchingModel:
    """A model that embeds the faces of concurrent calls together; a `LoadedModel`, safe to call from many threads.

    A call that is alone is embedded at once. While calls overlap, a batch waits for two milliseconds.

    Args:
        model: embeds.
        most: faces in a batch.
        observe: called with the number of faces of each batch.

    Attributes:
        model: the model without batches.

    Whoever replaces it calls `close`, which ends its thread.
    """

    def __init__(
        self, model: LoadedModel, most: int = MOST, observe: Callable[[int], object] = lambda faces: None
    ) -> None:
        self.model, self._most, self._observe = model, most, observe
        self._calls: queue.SimpleQueue[_Call | None] = queue.SimpleQueue()  # None is the last one
        self._lock, self._is_open = threading.Lock(), True
        threading.Thread(target=self._work, name="twinface-batches", daemon=True).start()

    @property
    def record(self) -> ModelRecord:
        """See `LoadedModel`."""
        return self.model.record

    @property
    def fingerprint(self) -> str:
        """See `LoadedModel`."""
        return self.model.fingerprint

    def __call__(self, faces: ByteArray) -> Float32Array:
        """Embeds prepared faces: `[B, H, W, C]` uint8 → `[B, D]` float32.

        Raises:
            ModelError, DivergedError: as the model does, for the faces of this call.
        """
        call = _Call(faces)
        with self._lock:
            is_open = self._is_open
            if is_open:
                self._calls.put(call)
        return call.answer.result() if is_open else self.model(faces)

    def close(self) -> None:
        """Ends the thread once the calls so far are answered. Later calls are embedded without batches."""
        with self._lock:
            if self._is_open:
                self._is_open = False
                self._calls.put(None)

    def _work(self) -> None:
        overlap = False
        while calls := self._gathered(overlap):
            overlap = len(calls) > 1
            self._observe(sum(len(call.faces) for call in calls))
            try:
                together = self.model(np.concatenate([call.faces for call in calls]))
            except Exception as error:
                if len(calls) == 1:
                    calls[0].answer.set_exception(error)
                    continue
                for call in calls:  # so that a bad face spoils its own call alone
                    _answer(call, self.model)
                continue
            rows = iter(together)
            for call in calls:
                call.answer.set_result(np.stack(list(islice(rows, len(call.faces)))))

    def _gathered(self, overlap: bool) -> list[_Call]:
        """The calls of the next batch; waits for the first one. None are left after `close`."""
        first = self._calls.get()
        if first is None:
            return []
        calls = [first]
        faces, until = len(first.faces), time.monotonic() + (_WINDOW if overlap else 0)
        while faces < self._most:
            try:
                left = until - time.monotonic()
                call = self._calls.get(timeout=left) if left > 0 else self._calls.get_nowait()
            except queue.Empty:
                break
            if call is None:
                self._calls.put(None)  # for the next look
                break
            calls.append(call)
            faces += len(call.faces)
        return calls


def _answer(call: _Call, model: Callable[[ByteArray], Any]) -> None:
    try:
        call.answer.set_result(model(call.faces))
    except Exception as error:
        call.answer.set_exception(error)
