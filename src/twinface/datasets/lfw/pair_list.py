"""Reads lists of pairs in LFW's format: pairsDevTrain.txt, pairsDevTest.txt, pairs.txt. See `list_rows`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from twinface.core.errors import DataError
from twinface.datasets.assemble import ListedPair
from twinface.datasets.lfw.list_rows import Row, read_rows

FOLDS = 10  # of View 2


class PairRecord(NamedTuple):
    """One pair of a list.

    Attributes:
        line: where it is listed, from 1.
        left, right: the two people, equal for a match.
        left_picture, right_picture: the number of each one's picture.
        fold: from 0, or None for a list without folds.
    """

    line: int
    left: str
    left_picture: int
    right: str
    right_picture: int
    fold: int | None

    @property
    def is_match(self) -> bool:
        """Whether both pictures are of one person."""
        return self.left == self.right


def read_pair_list(file: Path, folds: int | None = None) -> tuple[PairRecord, ...]:
    """The pairs of an LFW list, in its order.

    Args:
        file: pairsDevTrain.txt, pairsDevTest.txt, pairs.txt or another list in that format.
        folds: how many folds to expect if the first line, which says so, is missing.

    Raises:
        DataError: a line does not fit the format, or there are more or fewer pairs than the first line says.
    """
    rows = read_rows(file)
    count: int | None = None
    if rows[0].is_counts(at_most=2):
        first = rows.pop(0)
        count = first.number(-1, "count of pairs")
        folds = first.number(0, "number of folds") if len(first.fields) == 2 else None
    records = [_pair(row) for row in rows]
    matches = sum(record.is_match for record in records)
    if folds is not None:
        return _with_folds(file, records, folds, count)
    if count is not None and (matches, len(records) - matches) != (count, count):
        raise DataError(
            f"{file.name}: its first line promises {count} matches and {count} mismatches, "
            f"found {matches} and {len(records) - matches}: the list is incomplete or its first line is wrong"
        )
    return tuple(records)


def _pair(row: Row) -> PairRecord:
    fields = row.fields
    if len(fields) not in (3, 4):
        found = "1 field" if len(fields) == 1 else f"{len(fields)} fields"
        raise DataError(f"{row.where}: {found}, need 3 (match) or 4 (mismatch)")
    left = row.person(0)
    left_picture, right_picture = row.number(1, "picture number"), row.number(-1, "picture number")
    if len(fields) == 3:
        if left_picture == right_picture:
            raise DataError(f"{row.where}: it pairs picture {left_picture} of {left} with itself")
        return PairRecord(row.line, left, left_picture, left, right_picture, None)
    right = row.person(2)
    if left == right:
        raise DataError(
            f"{row.where}: a mismatch (4 fields) with {left} on both sides: "
            "write 3 fields for a match, or another person"
        )
    return PairRecord(row.line, left, left_picture, right, right_picture, None)


def _with_folds(
    file: Path, records: list[PairRecord], folds: int, count: int | None
) -> tuple[PairRecord, ...]:
    """Gives each record its fold, after a check that every fold is `count` matches, then `count` mismatches."""
    promise = f"{folds} folds of {count} matches and {count} mismatches"
    if count is None:
        count = len(records) // (2 * folds)
        promise = f"{folds} equal folds, half of each matches"
    if len(records) != 2 * folds * count or count == 0:
        needed = f", {2 * folds * count} records" if count else ""
        raise DataError(f"{file.name}: it should hold {promise}{needed}, found {len(records)} records")
    numbered = []
    for position, record in enumerate(records):
        fold, place = divmod(position, 2 * count)
        if record.is_match != (place < count):
            found, needed = ("match", "mismatch") if record.is_match else ("mismatch", "match")
            raise DataError(
                f"{file.name} line {record.line}: a {found} where fold {fold + 1} needs a {needed} "
                f"({count} matches come first, then {count} mismatches)"
            )
        numbered.append(record._replace(fold=fold))
    return tuple(numbered)


def located(records: Iterable[PairRecord], path_of: Callable[[str, int], str]) -> list[ListedPair]:
    """The records of an LFW list with paths in place of picture numbers.

    Args:
        records: from `read_pair_list`.
        path_of: (person, picture number) → path.
    """
    return [
        ListedPair(
            record.line,
            path_of(record.left, record.left_picture),
            record.left,
            path_of(record.right, record.right_picture),
            record.right,
            record.fold,
        )
        for record in records
    ]
