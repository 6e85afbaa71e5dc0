"""A table on the disk, as CSV or JSON lines, that grows row by row and is continued after a kill."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Literal

from twinface.core.errors import DataError, StorageError
from twinface.core.file_lock import only_writer
from twinface.core.storage import write_json

Row = Mapping[str, Any]  # column → text, number or None; as JSON lines also lists and objects
_KINDS: dict[str, Literal["csv", "jsonl"]] = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}


@dataclass(frozen=True)
class TableFormat:
    """How rows become bytes. Names of files that are not UTF-8 keep their bytes in a CSV.

    Attributes:
        columns: of each row, in this order.
        kind: "csv" (with a first line of columns) or "jsonl" (one JSON object per line).
    """

    columns: tuple[str, ...]
    kind: Literal["csv", "jsonl"] = "csv"

    @property
    def header(self) -> bytes:
        """What stands before the first row."""
        return _csv_line(self.columns) if self.kind == "csv" else b""

    def encode(self, row: Row) -> bytes:
        """One row. In a CSV, None is an empty cell."""
        values = {column: row[column] for column in self.columns}
        if self.kind == "csv":
            return _csv_line(["" if value is None else value for value in values.values()])
        return json.dumps(values, allow_nan=False).encode() + b"\n"

    def whole_rows(self, file: IO[bytes]) -> Iterator[tuple[dict[str, Any], int]]:
        """The rows of a file up to the first one that is not whole, each with the place where it ends.

        The cells of a CSV are texts.

        Args:
            file: at its start.

        Raises:
            DataError: the first line holds other columns, or a row has another number of cells.
        """
        lines = _WholeLines(file)
        if self.kind == "jsonl":
            for line in lines.bytes():
                row = json.loads(line)
                if not isinstance(row, dict) or sorted(row) != sorted(self.columns):
                    raise DataError(f"a row has other fields than {','.join(self.columns)}")
                yield row, lines.end
            return
        rows = csv.reader(lines, strict=True)
        for number, cells in enumerate(_until_damaged(rows)):
            if (number == 0 and tuple(cells) != self.columns) or len(cells) != len(self.columns):
                raise DataError(f"row {number} has other columns than {','.join(self.columns)}")
            if number:
                yield dict(zip(self.columns, cells, strict=True)), lines.end


def table_kind(path: Path) -> Literal["csv", "jsonl"]:
    """The kind of a table by its name.

    Raises:
        DataError: the name ends in none of the known suffixes.
    """
    if path.suffix.lower() not in _KINDS:
        raise DataError(f"{path}: need a name that ends in {' or '.join(_KINDS)}, which says what to write")
    return _KINDS[path.suffix.lower()]


class TableFile:
    """A table that a call writes, or goes on with where a stopped call left it.

    A file beside it, `NAME.about.json`, says which inputs its rows belong to.

    Args:
        path: of the table.
        columns: of each row.
        about: what decides whether a file that is there may be continued, as plain values for JSON.
        ends_group: whether a row is the last of a group of rows that belong together. A group that is not whole is
            written again.

    Raises:
        DataError: there is a file of that name with other contents.
        StorageError: the file cannot be read or written, or another process is writing it.

    Example:
        with TableFile(Path("scores.csv"), ["name", "score"], {"model": "…"}) as table:
            done = sum(1 for row in table.kept())
            table.append([{"name": "a", "score": 0.5}])
    """

    def __init__(
        self,
        path: Path,
        columns: Sequence[str],
        about: dict[str, Any],
        ends_group: Callable[[Row], bool] = lambda row: True,
    ) -> None:
        self._path, self._ends_group = path, ends_group
        self._format = TableFormat(tuple(columns), table_kind(path))
        with ExitStack() as opening:
            opening.enter_context(only_writer(path.with_name(f".{path.name}.lock"), path))
            # As JSON gives it back, so that a list equals the tuple that was written.
            _check_or_write(path, json.loads(json.dumps(about)))
            try:
                self._file = opening.enter_context(path.open("a+b"))
            except OSError as error:
                raise _not_written(path, error) from error
            self._opened = opening.pop_all()

    def __enter__(self) -> TableFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._opened.close()
        except OSError as closing:
            # The rest of a row that could not be written is tried again here; the first error says more.
            if error is None:
                raise _not_written(self._path, closing) from closing

    def kept(self) -> Iterator[dict[str, Any]]:
        """The rows that are there already. To be read to the end before the first `append`; cuts off what is not whole.

        Raises:
            DataError: the file is not such a table.
        """
        self._file.seek(0)
        end = len(self._format.header)
        group: list[dict[str, Any]] = []
        try:
            for row, place in self._format.whole_rows(self._file):
                group.append(row)
                if self._ends_group(row):
                    end = place
                    yield from group
                    group = []
        except (ValueError, DataError) as error:
            raise DataError(f"{self._path}: cannot be continued ({error}); name another file") from error
        try:
            if self._file.seek(0, os.SEEK_END) < end:  # nothing but a part of the first line
                self._file.truncate(0)
                self._file.write(self._format.header)
            self._file.truncate(end)
            self._file.flush()
        except OSError as error:
            raise _not_written(self._path, error) from error

    def append(self, rows: Sequence[Row]) -> None:
        """Writes rows behind those that are there.

        Raises:
            StorageError: the file cannot be written.
        """
        try:
            self._file.write(b"".join(map(self._format.encode, rows)))
            self._file.flush()
        except OSError as error:
            raise _not_written(self._path, error) from error

    def finish(self) -> None:
        """Makes all rows survive a power cut.

        Raises:
            StorageError: the file cannot be written.
        """
        try:
            os.fsync(self._file.fileno())
        except OSError as error:
            raise _not_written(self._path, error) from error


def _check_or_write(path: Path, about: dict[str, Any]) -> None:
    """Writes the file beside the table, or checks that it says the same."""
    place = path.with_name(path.name + ".about.json")
    try:
        is_begun = path.stat().st_size > 0
    except FileNotFoundError:
        is_begun = False
    except OSError as error:
        raise StorageError(f"{path}: cannot be read ({error.strerror}); name another file") from error
    if not is_begun:
        write_json(place, about)
        return
    try:
        found = json.loads(place.read_bytes())
    except FileNotFoundError:
        raise DataError(
            f"{path}: there is a file of that name, and no {place.name} that says what it holds; name another file, or "
            "remove this one"
        ) from None
    except (OSError, ValueError) as error:
        raise DataError(f"{place}: cannot be read ({error}); name another file") from error
    names = {*about, *found} if isinstance(found, dict) else set(about)
    other = sorted(
        name for name in names if not isinstance(found, dict) or found.get(name) != about.get(name)
    )
    if other:
        raise DataError(
            f"{path}: holds the result of another call ({', '.join(other)} in {place.name} differs); name another "
            "file, or remove this one"
        )


class _WholeLines:
    """The lines of a file that end with a line break, and how many bytes were taken so far."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self.end = file, 0

    def bytes(self) -> Iterator[bytes]:
        for line in self._file:
            if not line.endswith(b"\n"):
                return
            self.end += len(line)
            yield line

    def __iter__(self) -> Iterator[str]:
        return (line.decode("utf-8", "surrogateescape") for line in self.bytes())


def _until_damaged(rows: Iterator[list[str]]) -> Iterator[list[str]]:
    """The rows up to a quoted cell that does not end."""
    try:
        yield from rows
    except csv.Error:
        return


def _csv_line(cells: Sequence[object]) -> bytes:
    text = io.StringIO()
    # Cells with either character of the line's end are quoted; only the second one is written there.
    csv.writer(text, lineterminator="\r\n").writerow(cells)
    return text.getvalue().removesuffix("\r\n").encode("utf-8", "surrogateescape") + b"\n"


def _not_written(path: Path, error: OSError) -> StorageError:
    return StorageError(
        f"{path}: could not be written ({error.strerror or error}); free some space and call again"
    )
