"""The two text formats of Labeled Faces in the Wild: lists of pairs and lists of people.

Copies in circulation lack the first line or the last newline, use CRLF or begin with a byte-order
mark; all of that is read. Anything else that does not fit is refused with its line, because a list
that is read wrongly gives a figure that is wrong and looks right.

| file | first line | record |
|---|---|---|
| pairsDevTrain.txt, pairsDevTest.txt | count of each kind | `name n1 n2` or `name1 n1 name2 n2` |
| pairs.txt | folds, count of each kind in a fold | the same; in each fold the matches come first |
| peopleDevTrain.txt, peopleDevTest.txt | count | `name pictures` |
| people.txt | folds, then a count before each fold | the same |
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from twinface.core.errors import DataError
from twinface.datasets.names import unsafe_name

FOLDS = 10  # of View 2

# More pairs, people or pictures of one person than this are a mistake, and would fill the memory.
_LARGEST = 1_000_000


class PairRecord(NamedTuple):
    """One pair: two people (equal for a match), a picture number of each, and where it was listed."""

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


class PersonRecord(NamedTuple):
    """One person, how many pictures there are, and where it was listed."""

    line: int
    person: str
    pictures: int
    fold: int | None


class _Row(NamedTuple):
    where: str
    line: int
    fields: list[str]

    def is_counts(self, at_most: int) -> bool:
        return len(self.fields) <= at_most and all(is_number(field) for field in self.fields)

    def number(self, field: int, what: str) -> int:
        text = self.fields[field]
        if not is_number(text) or not 1 <= int(text) <= _LARGEST:
            raise DataError(f"{self.where}: the {what} {text!r} is no whole number from 1 to {_LARGEST}")
        return int(text)

    def person(self, field: int) -> str:
        why = unsafe_name(self.fields[field])
        if why:
            raise DataError(f"{self.where}: the name {self.fields[field]!r} cannot be used, {why}")
        return self.fields[field]


def is_number(text: str) -> bool:
    """Whether `text` is a short run of plain digits; `int` itself takes spaces, signs and `1_000`."""
    return text.isascii() and text.isdigit() and len(text) <= 9


def read_text(file: Path) -> str:
    """A UTF-8 text file with every line end as a newline and without a byte-order mark.

    Raises:
        DataError: it is missing, cannot be read, is not UTF-8, or is empty.
    """
    try:
        data = file.read_bytes()
    except OSError as error:
        raise DataError(f"{file}: the list cannot be read ({error.strerror})") from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DataError(f"{file.name} line {line}: it is not UTF-8 text: save it as UTF-8") from error
    text = text.replace("\r\n", "\n").rstrip("\n")
    if not text.strip():
        raise DataError(f"{file}: the list is empty")
    return text


def read_pair_list(file: Path, folds: int | None = None) -> tuple[PairRecord, ...]:
    """The pairs of an LFW list, in its order.

    Args:
        file: pairsDevTrain.txt, pairsDevTest.txt, pairs.txt or a list of one's own in that format.
        folds: how many folds to expect should the first line, which says so, be missing.

    Raises:
        DataError: names the line that does not fit, what was found there and what is needed; or the
            number of records that the first line promises and the number found.
    """
    rows = _rows(file)
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


def read_people_list(file: Path) -> tuple[PersonRecord, ...]:
    """The people of an LFW list, in its order; `fold` is set where the list is in folds.

    Raises:
        DataError: names the line that does not fit, what was found there and what is needed; or the
            number of people that a count line promises and the number found.
    """
    rows = _rows(file)
    folds = None
    if len(rows) > 1 and all(row.is_counts(at_most=1) for row in rows[:2]):
        folds = rows.pop(0).number(0, "number of folds")
    sections = _sections(rows)
    if folds is not None and folds != len(sections):
        raise DataError(f"{file.name}: its first line promises {folds} folds, found {len(sections)}")
    in_folds = folds is not None or len(sections) > 1
    records: list[PersonRecord] = []
    seen: dict[str, int] = {}
    for fold, (head, members) in enumerate(sections):
        if head is not None and head.number(0, "count of people") != len(members):
            raise DataError(f"{head.where}: it promises {head.fields[0]} people, found {len(members)}")
        for row in members:
            record = _person(row, fold if in_folds else None)
            if seen.setdefault(record.person, row.line) != row.line:
                raise DataError(f"{row.where}: {record.person} is already on line {seen[record.person]}")
            records.append(record)
    return tuple(records)


def _rows(file: Path) -> list[_Row]:
    """Lines as fields: split at tabs, or at spaces where a line has no tab."""
    rows = []
    for number, line in enumerate(read_text(file).split("\n"), start=1):
        parts = line.split("\t") if "\t" in line else line.strip(" ").split(" ")
        rows.append(_Row(f"{file.name} line {number}", number, [part.strip(" ") for part in parts]))
    return rows


def _pair(row: _Row) -> PairRecord:
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
    """Gives each record its fold, after making sure that every fold is `count` matches, then mismatches."""
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


def _sections(rows: list[_Row]) -> list[tuple[_Row | None, list[_Row]]]:
    """Cuts a people list at its count lines; the first may be missing."""
    sections: list[tuple[_Row | None, list[_Row]]] = []
    for row in rows:
        if row.is_counts(at_most=1):
            sections.append((row, []))
            continue
        if not sections:
            sections.append((None, []))
        sections[-1][1].append(row)
    return sections


def _person(row: _Row, fold: int | None) -> PersonRecord:
    if len(row.fields) != 2:
        found = "1 field" if len(row.fields) == 1 else f"{len(row.fields)} fields"
        raise DataError(f"{row.where}: {found}, need 2 (name and count of pictures)")
    return PersonRecord(row.line, row.person(0), row.number(1, "count of pictures"), fold)
