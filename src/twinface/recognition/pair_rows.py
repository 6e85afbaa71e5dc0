"""The rows of a CSV file of pairs without labels, read one by one."""

from __future__ import annotations

import csv
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from twinface.core.errors import DataError

_LONGEST_LINE = 1 << 16  # bytes; a file that is no CSV may have no line breaks at all
_LONGEST_PATH = 4096  # characters
_SIDES = ("left", "right")


@dataclass(frozen=True)
class PairRow:
    """One pair.

    Attributes:
        cells: all cells of the row.
        left, right: the paths of two pictures, as the file has them.
    """

    cells: tuple[str, ...]
    left: str
    right: str


@dataclass(frozen=True)
class PairRows:
    """A file of pairs that was read once and found to be in order.

    Attributes:
        path: of the file.
        columns: of each row; among them "left" and "right".
        has_header: whether the first line holds the columns.
        count: the number of pairs.
        sha256: of the file.
    """

    path: Path
    columns: tuple[str, ...]
    has_header: bool
    count: int
    sha256: str

    def __iter__(self) -> Iterator[PairRow]:
        with _opened(self.path) as file:
            rows = _rows(self.path, _lines(file, self.path))
            for _, cells in rows:
                if not self.has_header:
                    yield self._pair(cells)
                break
            for _, cells in rows:
                yield self._pair(cells)

    def _pair(self, cells: list[str]) -> PairRow:
        left, right = (cells[self.columns.index(side)].strip() for side in _SIDES)
        return PairRow(tuple(cells), left, right)


def check_pair_rows(path: Path, root: Path, taken: tuple[str, ...] = ()) -> PairRows:
    """Reads a file of pairs to its end.

    It has a first line with the columns `left` and `right`, and with any others; or two columns and no such line. Empty
    lines are left out.

    Args:
        path: the file.
        root: the folder that its paths are relative to, and may not lead out of.
        taken: names that its columns must not have.

    Raises:
        DataError: it cannot be read, is no such CSV, or has no pairs; the message names the line.
    """
    checksum = hashlib.sha256()
    folder = os.path.abspath(root)  # noqa: PTH100 - with text, because there may be millions of paths
    count = 0
    columns: tuple[str, ...] = ()
    has_header = False
    with _opened(path) as file:
        for line, cells in _rows(path, _lines(file, path, checksum)):
            where = f"{path} line {line}"
            if not columns:
                columns, has_header = _columns(where, cells, taken)
                if has_header:
                    continue
            if len(cells) != len(columns):
                raise DataError(f"{where}: {len(cells)} cells, need {len(columns)} ({','.join(columns)})")
            for side in _SIDES:
                _check_path(f"{where}, {side}", cells[columns.index(side)].strip(), folder)
            count += 1
    if not count:
        raise DataError(f"{path}: holds no pairs, need one or more lines of two paths, left,right")
    return PairRows(path, columns, has_header, count, checksum.hexdigest())


def _columns(where: str, cells: list[str], taken: tuple[str, ...]) -> tuple[tuple[str, ...], bool]:
    """The columns that a first line gives, and whether it is a line of columns."""
    names = tuple(cell.strip() for cell in cells)
    lower = tuple(name.lower() for name in names)
    if not set(_SIDES) <= set(lower):
        if len(cells) == 2:
            return _SIDES, False
        raise DataError(
            f"{where}: {len(cells)} columns ({','.join(names)[:200]}), need the columns left,right in the first line, "
            "with commas between them, or two columns in all"
        )
    columns = tuple(low if low in _SIDES else name for name, low in zip(names, lower, strict=True))
    for name in columns:
        if columns.count(name) > 1:
            raise DataError(f"{where}: two columns have the name {name!r}: rename one")
        if name in taken:
            raise DataError(f"{where}: the result has a column {name!r} as well: rename this one")
    return columns, True


def _check_path(where: str, path: str, root: str) -> None:
    if not path:
        raise DataError(f"{where}: empty, need the path of a picture")
    if len(path) > _LONGEST_PATH:
        raise DataError(f"{where}: a path of {len(path):,} characters, need at most {_LONGEST_PATH:,}")
    # Links are followed when the picture is read.
    inside = os.path.join(root, "")  # noqa: PTH118
    if "\0" in path or not os.path.normpath(inside + path if path[0] != "/" else path).startswith(inside):
        raise DataError(
            f"{where}: {path!r} is outside of {root}: name a folder that holds all pictures as the root"
        )


def _opened(path: Path) -> IO[bytes]:
    if path.exists() and not path.is_file():  # a pipe can be read once only
        raise DataError(f"{path}: not a plain file, need a CSV file of pairs")
    try:
        return path.open("rb")
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); need a CSV file of pairs") from error


def _lines(file: IO[bytes], path: Path, checksum: hashlib._Hash | None = None) -> Iterator[str]:
    """The lines of a file. Bytes that are not UTF-8 are kept, because names of files may have some."""
    number = 0
    while line := file.readline(_LONGEST_LINE + 1):
        number += 1
        if len(line) > _LONGEST_LINE:
            raise DataError(
                f"{path} line {number}: more than {_LONGEST_LINE:,} bytes, need a CSV file of pairs"
            )
        if checksum is not None:
            checksum.update(line)
        text = line.decode("utf-8", "surrogateescape")
        yield text.removeprefix("\ufeff") if number == 1 else text


def _rows(path: Path, lines: Iterator[str]) -> Iterator[tuple[int, list[str]]]:
    """The rows of a CSV that are not empty, each with the number of its last line."""
    rows = csv.reader(lines, strict=True)
    try:
        for cells in rows:
            if any(cell.strip() for cell in cells):
                yield rows.line_num, cells
    except csv.Error as error:
        raise DataError(f"{path} line {rows.line_num}: it is not CSV ({error})") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
