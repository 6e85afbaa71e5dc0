"""Labelled pairs from a file of your own, in one of two formats.

* LFW's format: `name n1 n2` is a match, `name1 n1 name2 n2` a mismatch, over pictures `root/NAME/NAME_0001.jpg` (or
  with another suffix). A first line of `folds count` gives folds.
* CSV with the columns `left,right,same`; see `csv_rows`, and `people` for who is on each picture.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path, PurePosixPath

import numpy as np

from twinface.core.errors import DataError
from twinface.core.formatting import one_line
from twinface.core.types import WHOLE_FRAME, PairSet, Region
from twinface.datasets.assemble import ListedPair, listed_pairs
from twinface.datasets.entries import PICTURE_SUFFIXES, leads_out
from twinface.datasets.lfw.dataset import TIGHT_FACE, picture_path
from twinface.datasets.lfw.home import find_lfw, picture_folders
from twinface.datasets.lfw.pair_list import located, read_pair_list
from twinface.datasets.pairs_file.csv_rows import is_pairs_csv, read_csv_pairs
from twinface.datasets.pairs_file.people import name_people
from twinface.datasets.pairs_file.repeats import check_labels, without_repeats

log = logging.getLogger("twinface")


def read_pairs(file: Path | str, root: Path | str, region: Region | None = None) -> PairSet:
    """The pairs of a file over the pictures of a folder, each once.

    Pairs that the file repeats, with their sides swapped or not, are left out. A warning and the name of the pairs say
    how many. Folds are left out, with a warning, if a person is in two of them: the threshold of a fold is fitted on
    the others, and must not have seen the people of the fold.

    Args:
        file: a list in LFW's format or a CSV; see the module's docstring.
        root: the folder that the pictures' paths are relative to. For a list in LFW's format it may also be a folder
            that holds LFW.
        region: where the face is in the pictures; None takes LFW's region for LFW and the whole picture otherwise.

    Raises:
        DataError: a line does not fit the format, a picture is missing or outside the root, or a label contradicts the
            people or another line.
    """
    file, root = Path(file), Path(root).expanduser()
    if not root.is_dir():
        raise DataError(
            f"{root}: there is no such folder: name the one that the pictures of {file.name} are in"
        )
    # `picture_folders` lists a folder of people under "" if its name is not that of a layout. Such a folder is not LFW.
    is_lfw = any(layout != "" for layout in picture_folders(root))
    if is_pairs_csv(file):
        listed = read_csv_pairs(file)
        check_labels(file, listed)
        rows = name_people(file, listed)
    elif is_lfw:
        root = find_lfw(root).pictures
        rows = located(read_pair_list(file), picture_path)
    else:
        rows = located(read_pair_list(file), _finder(root))
    _refuse_links_out(file, rows, root)
    kept = without_repeats(file, rows)
    name = (
        file.name if len(kept) == len(rows) else f"{file.name} without {len(rows) - len(kept)} repeated pairs"
    )
    pairs = listed_pairs(name, file, kept, root, region or (TIGHT_FACE if is_lfw else WHOLE_FRAME))
    return without_unfit_folds(pairs)


def without_unfit_folds(pairs: PairSet) -> PairSet:
    """The pairs without their folds if there is one fold only, or if a person is in two."""
    if pairs.fold is None:
        return pairs
    folds = np.unique(pairs.fold)
    if len(folds) == 1:  # a threshold of one fold is fitted on the others, so a single fold is none
        return replace(pairs, fold=None)
    inside = [np.unique(pairs.people[pairs.fold == fold]) for fold in folds]
    people, times = np.unique(np.concatenate(inside), return_counts=True)
    shared = people[times > 1]
    if not len(shared):
        return pairs
    log.warning(
        "%s: its folds are not used, because %d of its %d people are in several of them, %s for example: a threshold "
        "that is fitted on the other folds would have seen them",
        *(pairs.name, len(shared), len(people), one_line(pairs.faces.names[shared[0]])),
    )
    return replace(pairs, fold=None)


def _finder(root: Path) -> Callable[[str, int], str]:
    """A function (person, number) → path of that picture, with the suffix that it has; `.jpg` if it is missing."""
    listings: dict[str, dict[str, str]] = {}

    def path_of(person: str, number: int) -> str:
        if person not in listings:
            listings[person] = _by_stem(root / person)
        usual = PurePosixPath(picture_path(person, number))
        return str(usual.with_name(listings[person].get(usual.stem, usual.name)))

    return path_of


def _by_stem(folder: Path) -> dict[str, str]:
    """File name without suffix → file name. Of several, .jpg is preferred, then .jpeg, in the order of the suffixes."""
    entries = folder.iterdir() if folder.is_dir() else ()
    pictures = [entry for entry in entries if entry.suffix.lower() in PICTURE_SUFFIXES]
    pictures.sort(key=lambda entry: PICTURE_SUFFIXES.index(entry.suffix.lower()), reverse=True)
    return {entry.stem: entry.name for entry in pictures}


def _refuse_links_out(file: Path, rows: list[ListedPair], root: Path) -> None:
    """Refuses links that lead to a file outside the root."""
    checked: set[str] = set()
    for row in rows:
        for path in (row.left, row.right):
            if path not in checked and leads_out(root / path, root):
                raise DataError(f"{file.name} line {row.line}: {path} is a link that leads out of {root}")
            checked.add(path)
