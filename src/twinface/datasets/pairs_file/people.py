"""Who is on each picture of a CSV file of pairs.

People matter beyond the label: intervals resample people, and splits keep people apart. Without person columns, the
person of a picture is the folder that it is in. Pictures directly in the root have no folder: those that are joined by
`same` pairs are one person, named after the file name of the first one, with its suffix. Labels that contradict this
are refused.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from twinface.core.errors import DataError
from twinface.datasets.assemble import ListedPair
from twinface.datasets.pairs_file.csv_rows import CsvPair, is_pairs_csv, read_csv_pairs


def name_people(file: Path, pairs: list[CsvPair]) -> list[ListedPair]:
    """Adds the person on each picture.

    Args:
        file: the CSV, for errors.
        pairs: its lines.

    Raises:
        DataError: a label contradicts the people, or a picture is of two people.
    """
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
        left, right = (person_of.get(lead(path), lead(path)) for path in (pair.left, pair.right))
        if not pair.same and left == right:
            raise DataError(
                f"{file.name} line {pair.line}: same is false, but both pictures are of {left}: correct the "
                "label or give left_person,right_person"
            )
        rows.append(ListedPair(pair.line, pair.left, left, pair.right, right))
    return rows


def tells_people(file: Path) -> bool:
    """Whether a file of pairs says who is on each of its pictures: by columns, by folders, or in LFW's format.

    Raises:
        DataError: the file is no such list.
    """
    if not is_pairs_csv(file):
        return True
    pairs = read_csv_pairs(file)
    known = _known_people(file, pairs)
    return all(path in known for pair in pairs for path in (pair.left, pair.right))


def _known_people(file: Path, pairs: list[CsvPair]) -> dict[str, str]:
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
