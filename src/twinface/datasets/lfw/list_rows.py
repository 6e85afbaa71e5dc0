"""The rows of LFW's text lists, before they are read as pairs or people.

Copies in circulation lack the first line or the last newline, have CRLF line ends or begin with a byte-order mark. All
of that is read. Anything else that does not fit is refused with its line, because a list that is read wrongly gives a
figure that is wrong and looks right.

| file | first line | row |
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
from twinface.datasets.list_text import read_list_text
from twinface.datasets.names import unsafe_name

# More pairs, people or pictures of one person than this are a mistake, and would fill the memory.
_LARGEST = 1_000_000


class Row(NamedTuple):
    """One line of a list, split into fields.

    Attributes:
        where: file and line, for errors: "pairs.txt line 2".
        line: its number, from 1.
        fields: its texts, without surrounding spaces.
    """

    where: str
    line: int
    fields: list[str]

    def is_counts(self, at_most: int) -> bool:
        """Whether the row is one to `at_most` numbers and nothing else."""
        return len(self.fields) <= at_most and all(_is_number(field) for field in self.fields)

    def number(self, field: int, what: str) -> int:
        """The number in a field, 1 to 1,000,000.

        Args:
            field: its position; negative from the end.
            what: what it is, for the error: "picture number".

        Raises:
            DataError: the field holds no such number.
        """
        text = self.fields[field]
        if not _is_number(text) or not 1 <= int(text) <= _LARGEST:
            raise DataError(f"{self.where}: the {what} {text!r} is no whole number from 1 to {_LARGEST}")
        return int(text)

    def person(self, field: int) -> str:
        """The name of a person in a field.

        Raises:
            DataError: the name cannot be that of a folder.
        """
        why = unsafe_name(self.fields[field])
        if why:
            raise DataError(f"{self.where}: the name {self.fields[field]!r} cannot be used, {why}")
        return self.fields[field]


def read_rows(file: Path) -> list[Row]:
    """The lines of a list, each split at tabs, or at spaces where it has no tab.

    Raises:
        DataError: the file is missing, cannot be read, is not UTF-8, or is empty.
    """
    rows = []
    for number, line in enumerate(read_list_text(file).split("\n"), start=1):
        parts = line.split("\t") if "\t" in line else line.strip(" ").split(" ")
        rows.append(Row(f"{file.name} line {number}", number, [part.strip(" ") for part in parts]))
    return rows


def _is_number(text: str) -> bool:
    """Whether `text` is a short run of plain digits; `int` itself accepts spaces, signs and `1_000`."""
    return text.isascii() and text.isdigit() and len(text) <= 9
