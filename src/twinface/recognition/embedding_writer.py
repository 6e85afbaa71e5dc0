"""Writes the rows of a folder of embeddings, so that a killed run can continue after the last whole batch."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import numpy as np

from twinface.core.errors import DataError
from twinface.core.types import Float32Array
from twinface.recognition.embedding_folder import FACES, FAILED, ROWS, UNFINISHED, About
from twinface.recognition.face_table import FACE_COLUMNS, is_last_of_picture
from twinface.recognition.table_file import TableFormat

_TABLE = TableFormat(FACE_COLUMNS)


@dataclass(frozen=True, eq=False)
class EmbeddedBatch:
    """Pictures with their rows.

    Attributes:
        names: B paths of pictures.
        reasons: for each picture why it could not be used, or "".
        rows_of: for each picture its number of rows, at least 1.
        embeddings: `[R, D]` float32, NaN for a picture that could not be used.
        faces: R rows of `FACE_COLUMNS`, or none if the pictures were taken as they are.
    """

    names: Sequence[str]
    reasons: Sequence[str]
    rows_of: Sequence[int]
    embeddings: Float32Array
    faces: Sequence[dict[str, Any]] = ()


class EmbeddingWriter:
    """Appends batches to the unfinished embeddings of a folder; continues after those that are there.

    Args:
        folder: holds `pictures.txt`.
        about: which pictures, and which faces have a row.
        batch: pictures in each batch but the last one. Of a batch that is not whole nothing is kept: the last bits of
            an embedding depend on the faces that are embedded with it.

    Attributes:
        done: how many pictures are written.
        rows: how many rows are written.

    Raises:
        DataError: the files are not those of such a folder.

    Example:
        with EmbeddingWriter(folder, about, batch=16) as writer:
            while writer.done < about.pictures:
                writer.append(batch)
            writer.finish()
    """

    def __init__(self, folder: Path, about: About, batch: int) -> None:
        self._folder, self._length = folder, about.length
        self._rows = _open_rows(folder / UNFINISHED, about.length)
        self._failed = (folder / FAILED).open("a+b")
        self._faces = None if about.faces == "aligned" else (folder / FACES).open("a+b")
        begins = _header_end(self._rows)
        rows = (self._rows.seek(0, os.SEEK_END) - begins) // (4 * about.length)
        if self._faces is None:
            self.done = self.rows = rows if rows == about.pictures else rows - rows % batch
        else:
            self.done, self.rows = _keep_faces(self._faces, rows, about, batch)
        self._rows.truncate(begins + self.rows * 4 * about.length)
        self._rows.seek(0, os.SEEK_END)
        _keep_failures_before(self._failed, self.rows)

    def __enter__(self) -> EmbeddingWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for file in (self._rows, self._failed, self._faces):
            if file:
                file.close()

    def append(self, batch: EmbeddedBatch) -> None:
        """Write the rows of the next pictures.

        Raises:
            OSError: the files cannot be written.
        """
        row = self.rows
        for name, reason, count in zip(batch.names, batch.reasons, batch.rows_of, strict=True):
            if reason:
                line = json.dumps({"row": row, "picture": name, "reason": reason})
                self._failed.write(line.encode() + b"\n")
            row += count
        self._failed.flush()  # before the rows: a row without its reason would look like an embedding
        if self._faces:
            self._faces.write(b"".join(map(_TABLE.encode, batch.faces)))
            self._faces.flush()
        self._rows.write(batch.embeddings.astype("<f4").tobytes())
        self._rows.flush()
        self.done += len(batch.names)
        self.rows = row

    def finish(self) -> None:
        """Give the file of embeddings its final name, after the last row.

        Raises:
            OSError: the files cannot be written.
        """
        header = _header(self.rows, self._length)
        assert len(header) == _header_end(self._rows), "NumPy's header has room for any number of rows"
        self._rows.seek(0)
        self._rows.write(header)
        for file in (self._failed, self._faces, self._rows):
            if file:
                file.flush()
                os.fsync(file.fileno())
        self._rows.close()
        (self._folder / UNFINISHED).replace(self._folder / ROWS)


def _open_rows(path: Path, length: int) -> IO[bytes]:
    """The file of rows; a new one if there is none yet, or only a part of its header."""
    try:
        file = path.open("r+b")
        _header_end(file)
    except (FileNotFoundError, ValueError):
        file = path.open("w+b")
        file.write(_header(0, length))
        file.flush()
    return file


def _header(rows: int, length: int) -> bytes:
    """What stands before the rows in a file of NumPy's format."""
    text = io.BytesIO()
    header = {"descr": "<f4", "fortran_order": False, "shape": (rows, length)}
    np.lib.format.write_array_header_1_0(text, header)
    return text.getvalue()


def _header_end(file: IO[bytes]) -> int:
    """Where the first row begins.

    Raises:
        ValueError: the header is not whole.
    """
    file.seek(0)
    np.lib.format.read_magic(file)
    np.lib.format.read_array_header_1_0(file)
    return file.tell()


def _keep_faces(faces: IO[bytes], rows: int, about: About, batch: int) -> tuple[int, int]:
    """Cut the table of faces back to whole batches of pictures that have all their embeddings.

    Args:
        faces: the table.
        rows: how many embeddings there are.
        about, batch: see `EmbeddingWriter`.

    Returns:
        How many pictures and how many rows are kept.
    """
    faces.seek(0)
    kept = 0, 0, len(_TABLE.header)
    done = 0
    try:
        for count, (row, end) in enumerate(_TABLE.whole_rows(faces), start=1):
            if count > rows:
                break
            if about.faces != "all" or is_last_of_picture(row):
                done += 1
                if done % batch == 0 or done == about.pictures:
                    kept = done, count, end
    except (ValueError, DataError) as error:
        raise DataError(f"{FACES}: cannot be continued ({error}); name another folder") from error
    if faces.seek(0, os.SEEK_END) < len(_TABLE.header):
        faces.truncate(0)
        faces.write(_TABLE.header)
    faces.truncate(kept[2])
    faces.seek(0, os.SEEK_END)
    return kept[:2]


def _keep_failures_before(failed: IO[bytes], rows: int) -> None:
    """Cut off the failures of rows that will be written again, and a line that was not written to its end."""
    failed.seek(0)
    kept = 0
    for line in failed:
        if not line.endswith(b"\n") or json.loads(line)["row"] >= rows:
            break
        kept += len(line)
    failed.truncate(kept)
    failed.seek(0, os.SEEK_END)
