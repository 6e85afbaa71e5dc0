"""Reads LFW's lists of people: peopleDevTrain.txt, peopleDevTest.txt, people.txt. See `list_rows`."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from twinface.core.errors import DataError
from twinface.datasets.lfw.list_rows import Row, read_rows


class PersonRecord(NamedTuple):
    """One person of a list.

    Attributes:
        line: where the person is listed, from 1.
        person: the name.
        pictures: how many pictures there are of this person.
        fold: from 0, or None for a list without folds.
    """

    line: int
    person: str
    pictures: int
    fold: int | None


def read_people_list(file: Path) -> tuple[PersonRecord, ...]:
    """The people of an LFW list, in its order; `fold` is set where the list is in folds.

    Raises:
        DataError: a line does not fit the format, or there are more or fewer people than a count line says.
    """
    rows = read_rows(file)
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


def _sections(rows: list[Row]) -> list[tuple[Row | None, list[Row]]]:
    """Splits a list of people at its count lines, of which the first may be missing: (count line, people) each."""
    sections: list[tuple[Row | None, list[Row]]] = []
    for row in rows:
        if row.is_counts(at_most=1):
            sections.append((row, []))
            continue
        if not sections:
            sections.append((None, []))
        sections[-1][1].append(row)
    return sections


def _person(row: Row, fold: int | None) -> PersonRecord:
    if len(row.fields) != 2:
        found = "1 field" if len(row.fields) == 1 else f"{len(row.fields)} fields"
        raise DataError(f"{row.where}: {found}, need 2 (name and count of pictures)")
    return PersonRecord(row.line, row.person(0), row.number(1, "count of pictures"), fold)
