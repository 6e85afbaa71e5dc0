"""Labelled pairs from a file of one's own.

Two formats are told apart by the first line:

* LFW's: `name n1 n2` is a match, `name1 n1 name2 n2` a mismatch, over pictures
  `root/NAME/NAME_0001.jpg` (or another suffix). A first line of `folds count` gives folds.
* CSV with the columns `left,right,same`: paths relative to the root, and 1/0, true/false or yes/no;
  `left_person,right_person` may follow.

Who is on a picture matters beyond the label: intervals resample people, and splits keep people apart.
In a CSV without person columns the folder that a picture lies in is its person. Pictures that lie
loose in the root have no folder: those joined by `same` pairs are one person, named after the first
one's file name. Labels that contradict this are refused.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from twinface.core.errors import DataError
from twinface.core.types import WHOLE_FRAME, PairSet, Region
from twinface.datasets.assemble import ListedPair, listed_pairs, located
from twinface.datasets.folder import PICTURE_SUFFIXES, leads_out
from twinface.datasets.lfw import TIGHT_FACE, picture_path
from twinface.datasets.lfw_layouts import find_lfw, picture_folders
from twinface.datasets.lfw_lists import read_pair_list, read_text
from twinface.datasets.names import unsafe_name

_SAME = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
_COLUMNS = ("left", "right", "same")
_PERSON_COLUMNS = ("left_person", "right_person")


class _CsvPair(NamedTuple):
    line: int
    left: str
    right: str
    same: bool
    left_person: str | None
    right_person: str | None


def read_pairs(file: Path | str, root: Path | str, region: Region | None = None) -> PairSet:
    """The pairs of `file` over the pictures of `root`.

    Args:
        file: a list in LFW's format or a CSV, see the module.
        root: what the pictures' paths are relative to. For a list in LFW's format it may also be a folder
            that holds LFW.
        region: where the face is; None takes LFW's for LFW and the whole frame otherwise.

    Raises:
        DataError: names the file, line and field that do not fit, what was found and what is needed.
    """
    file, root = Path(file), Path(root).expanduser()
    if not root.is_dir():
        raise DataError(
            f"{root}: there is no such folder: name the one that the pictures of {file.name} are in"
        )
    # A folder of people whose name is no layout's is found under "": that is somebody's own.
    is_lfw = any(layout != "" for layout in picture_folders(root))
    if file.suffix.lower() == ".csv" or set(_COLUMNS) <= set(_cells(read_text(file))):
        rows = _with_people(file, _csv_pairs(file))
    elif is_lfw:
        root = find_lfw(root).pictures
        rows = located(read_pair_list(file), picture_path)
    else:
        rows = located(read_pair_list(file), _finder(root))
    _refuse_links_out(file, rows, root)
    return listed_pairs(file.name, file, rows, root, region or (TIGHT_FACE if is_lfw else WHOLE_FRAME))


def _cells(text: str) -> list[str]:
    return [cell.strip().lower() for cell in text.split("\n", 1)[0].split(",")]


def _finder(root: Path) -> Callable[[str, int], str]:
    """(person, number) → path of that picture, whatever its suffix; `.jpg` where there is none."""
    listings: dict[str, dict[str, str]] = {}

    def path_of(person: str, number: int) -> str:
        if person not in listings:
            listings[person] = _by_stem(root / person)
        usual = PurePosixPath(picture_path(person, number))
        return str(usual.with_name(listings[person].get(usual.stem, usual.name)))

    return path_of


def _by_stem(folder: Path) -> dict[str, str]:
    """File name without suffix → file name; a .jpg is preferred, then a .jpeg, and so on."""
    entries = folder.iterdir() if folder.is_dir() else ()
    pictures = [entry for entry in entries if entry.suffix.lower() in PICTURE_SUFFIXES]
    pictures.sort(key=lambda entry: PICTURE_SUFFIXES.index(entry.suffix.lower()), reverse=True)
    return {entry.stem: entry.name for entry in pictures}


def _csv_pairs(file: Path) -> list[_CsvPair]:
    reader = csv.reader(read_text(file).split("\n"), strict=True)
    try:
        columns = [cell.strip().lower() for cell in next(reader)]
        if tuple(columns[:3]) != _COLUMNS or tuple(columns[3:]) not in ((), _PERSON_COLUMNS):
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


def _csv_pair(where: str, line: int, row: list[str], columns: list[str]) -> _CsvPair:
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
    return _CsvPair(line, left, right, same, cells.get("left_person"), cells.get("right_person"))


def _picture(where: str, text: str) -> str:
    """A relative path that stays below the root, without `./` and doubled slashes."""
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


def _with_people(file: Path, pairs: list[_CsvPair]) -> list[ListedPair]:
    """Adds who is on each picture, and makes sure that every label agrees with it."""
    person_of = _known_people(file, pairs)
    leader: dict[str, str] = {}

    def lead(picture: str) -> str:
        while (above := leader.setdefault(picture, picture)) != picture:
            leader[picture] = leader[above]  # keeps the chains short
            picture = above
        return picture

    for pair in pairs:
        if pair.same:
            first, second = sorted(
                (lead(pair.left), lead(pair.right)), key=lambda path: (path not in person_of, path)
            )
            people = {person_of[path] for path in (first, second) if path in person_of}
            if len(people) == 2:
                raise DataError(
                    f"{file.name} line {pair.line}: same is true, but the pictures are of "
                    f"{' and '.join(sorted(people))}: correct the label or give left_person,right_person"
                )
            leader[second] = first
    rows = []
    for pair in pairs:
        left, right = (
            person_of.get(lead(path), PurePosixPath(lead(path)).stem) for path in (pair.left, pair.right)
        )
        if not pair.same and left == right:
            raise DataError(
                f"{file.name} line {pair.line}: same is false, but both pictures are of {left}: correct the "
                "label or give left_person,right_person"
            )
        rows.append(ListedPair(pair.line, pair.left, left, pair.right, right))
    return rows


def _known_people(file: Path, pairs: list[_CsvPair]) -> dict[str, str]:
    """Picture → person where a column or the picture's folder says who it is."""
    known: dict[str, str] = {}
    for pair in pairs:
        for path, given in ((pair.left, pair.left_person), (pair.right, pair.right_person)):
            person = given or PurePosixPath(path).parent.name
            if person and known.setdefault(path, person) != person:
                raise DataError(
                    f"{file.name} line {pair.line}: {path} is of {person} here and of "
                    f"{known[path]} further up"
                )
    return known


def _refuse_links_out(file: Path, rows: list[ListedPair], root: Path) -> None:
    """A link must not make a picture of a file elsewhere on the disk."""
    checked: set[str] = set()
    for row in rows:
        for path in (row.left, row.right):
            if path not in checked and leads_out(root / path, root):
                raise DataError(f"{file.name} line {row.line}: {path} is a link that leads out of {root}")
            checked.add(path)
