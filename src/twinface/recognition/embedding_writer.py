"""Writes the rows of a folder of embeddings, so that a killed run can continue after the last whole row."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import IO

import numpy as np

from twinface.core.types import Float32Array
from twinface.recognition.embedding_folder import FAILED, ROWS, UNFINISHED


class EmbeddingWriter:
    """Appends rows to the unfinished embeddings of a folder; continues after those that are there.

    Args:
        folder: holds `pictures.txt`.
        pictures: N, the number of rows in the end.
        length: D, of an embedding.

    Attributes:
        done: how many rows are written.

    Example:
        with EmbeddingWriter(folder, 1000, 512) as writer:
            while writer.done < 1000:
                writer.append(names, reasons, embeddings)
            writer.finish()
    """

    def __init__(self, folder: Path, pictures: int, length: int) -> None:
        self._folder = folder
        self._rows = (folder / UNFINISHED).open("a+b")
        self._failed = (folder / FAILED).open("a+b")
        self.done = _keep_whole_rows(self._rows, pictures, length)
        _keep_failures_before(self._failed, self.done)

    def __enter__(self) -> EmbeddingWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._rows.close()
        self._failed.close()

    def append(self, names: Sequence[str], reasons: Sequence[str], embeddings: Float32Array) -> None:
        """Write the next B rows.

        Args:
            names: B paths of pictures.
            reasons: for each picture why it could not be read, or "".
            embeddings: `[B, D]` float32.

        Raises:
            OSError: the files cannot be written.
        """
        for row, (name, reason) in enumerate(zip(names, reasons, strict=True), start=self.done):
            if reason:
                line = json.dumps({"row": row, "picture": name, "reason": reason})
                self._failed.write(line.encode() + b"\n")
        self._failed.flush()  # before the rows: a row without its reason would look like an embedding
        self._rows.write(embeddings.astype("<f4").tobytes())
        self._rows.flush()
        self.done += len(names)

    def finish(self) -> None:
        """Give the file of embeddings its final name, after the last row.

        Raises:
            OSError: the files cannot be written.
        """
        os.fsync(self._failed.fileno())
        os.fsync(self._rows.fileno())
        self._rows.close()
        (self._folder / UNFINISHED).replace(self._folder / ROWS)


def _keep_whole_rows(rows: IO[bytes], pictures: int, length: int) -> int:
    """Cut off a row that was not written to its end, and write the header of a new file; returns the number of rows."""
    rows.seek(0)
    try:
        np.lib.format.read_magic(rows)
        np.lib.format.read_array_header_1_0(rows)
    except ValueError:  # there is no header yet, or only a part of it
        rows.seek(0)
        rows.truncate()
        header = {"descr": "<f4", "fortran_order": False, "shape": (pictures, length)}
        np.lib.format.write_array_header_1_0(rows, header)
        rows.flush()
    begins = rows.tell()
    done = (rows.seek(0, os.SEEK_END) - begins) // (4 * length)
    rows.truncate(begins + done * 4 * length)
    return done


def _keep_failures_before(failed: IO[bytes], done: int) -> None:
    """Cut off the failures of rows that will be written again, and a line that was not written to its end."""
    failed.seek(0)
    kept = 0
    for line in failed:
        if not line.endswith(b"\n") or json.loads(line)["row"] >= done:
            break
        kept += len(line)
    failed.truncate(kept)
    failed.seek(0, os.SEEK_END)
