"""Reads labelled pairs from a CSV file.

Its columns are `left,right,same`: two paths relative to the root, with forward slashes, and 1/0, true/false or yes/no.
The columns `left_person,right_person` may follow.
"""

from __future__ import annotations

import csv
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from twinface.core.errors import DataError
from twinface.datasets.list_text import read_list_text
from twinface.datasets.names import unsafe_name

COLUMNS = ("left", "right", "same")
_PERSON_COLUMNS = ("left_person", "right_person")
_SAME = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}


class CsvPair(NamedTuple):
    """One line of the file.

    Attributes:
        line: its number, from 1.
        left, right: paths of the two pictures, relative to the root.
        same: the label.
        left_person, right_person: names, or None for a file without these columns.
    """

    line: int
    left: str
    right: str
    same: bool
    left_person: str | None
    right_person: str | None


def is_pairs_csv(file: Path) -> bool:
    """Whether a file is a CSV by its suffix, or by the columns in its first line.

    Raises:
        DataError: the file is missing, cannot be read, is not UTF-8, or is empty.
    """
    if file.suffix.lower() == ".csv":
        return True
    first = read_list_text(file).split("\n", 1)[0]
    return set(COLUMNS) <= {cell.strip().lower() for cell in first.split(",")}


def read_csv_pairs(file: Path) -> list[CsvPair]:
    """The pairs of a CSV file, in its order.

    Raises:
        DataError: a line does not fit the format, names a path that leaves the root, or there are no pairs.
    """
    reader = csv.reader(read_list_text(file).split("\n"), strict=True)
    try:
        columns = [cell.strip().lower() for cell in next(reader)]
        if tuple(columns[:3]) != COLUMNS or tuple(columns[3:]) not in ((), _PERSON_COLUMNS):
            raise DataError(
                f"{file.name} line 1: the columns are {','.join(columns)}, need left,right,same and, "
                "if known, left_person,right_person"
            )
        pairs = [
            _csv_pair(f"{file.name} line {reader.line_num}", reader.line_num, row, columns) for row in reader
        ]
    except csv.Error as error:
        raise DataError(f"{file.name} line {reader.line_num}: it is not CSV ({error})") from error
    if not pairs:
        raise DataError(f"{file}: the list has a first line but no pairs")
    return pairs


def _csv_pair(where: str, line: int, row: list[str], columns: list[str]) -> CsvPair:
    if len(row) != len(columns):
        raise DataError(f"{where}: {len(row)} fields, need {len(columns)} ({','.join(columns)})")
    cells = dict(zip(columns, (cell.strip() for cell in row), strict=True))
    left, right = (_picture(f"{where}, {side}", cells[side]) for side in ("left", "right"))
    same = _SAME.get(cells["same"].lower())
    if same is None:
        raise DataError(f"{where}, same: found {cells['same']!r}, need 1, 0, true, false, yes or no")
    if left == right:
        raise DataError(f"{where}: it pairs {left} with itself")
    for side in _PERSON_COLUMNS:
        why = unsafe_name(cells[side]) if side in cells else None
        if why:
            raise DataError(f"{where}, {side}: the name {cells[side]!r} cannot be used, {why}")
    return CsvPair(line, left, right, same, cells.get("left_person"), cells.get("right_person"))


def _picture(where: str, text: str) -> str:
    """The path in a cell, without `./` and doubled slashes; it has to be relative and to stay below the root."""
    path = PurePosixPath(text)
    reasons = [why for part in path.parts if (why := unsafe_name(part))]
    if path.is_absolute():
        reasons = ["it is absolute"]
    if not path.parts:
        reasons = ["it is empty"]
    if reasons:
        raise DataError(
            f"{where}: the path {text!r} cannot be used, {reasons[0]}: give it relative to the root, with "
            "forward slashes"
        )
    return str(path)
