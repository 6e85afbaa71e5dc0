"""What a folder holds that has fewer than two people with pictures, and what to do about it."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

from twinface.core.formatting import as_argument, count, one_line
from twinface.datasets.entries import is_image
from twinface.datasets.lfw.home import picture_folders

_DEEPEST = 3  # folders below the root that are looked at
_MOST = 3  # places that are named


def describe_layout(root: Path, people: int) -> str:
    """The end of an error: what was found in a folder in place of people, and what to do.

    Args:
        root: a folder.
        people: its folders with pictures, fewer than two.
    """
    loose = _pictures_in(root)
    found = f"found {count(people, 'folder')} with pictures" + (
        f" and {count(loose, 'loose picture')}" if loose else ""
    )
    above = as_argument(root.parent)
    if (root / "pairsDevTrain.txt").is_file() or ("" not in picture_folders(root) and picture_folders(root)):
        return f"{found}. It looks like LFW: use --data lfw --root {as_argument(root)}"
    if places := _places_of_people(root):
        named = ", ".join(f"{as_argument(place)} ({number} people)" for place, number in places[:_MOST])
        return f"{found}. Its folders hold folders of people: name one of them, {named}"
    if loose and not people and len(_folders_with_pictures(root.parent)) > 1:
        return f"{found}. It looks like the folder of one person: name the folder above, {above}"
    meant = people == 1 and _pictures_in(root.parent) == 0 and len(_folders_with_pictures(root.parent)) > 1
    return (
        f"{found}, need 2 people or more: put each person's pictures in a folder of their own, named after the person: "
        f"{one_line(root)}/PERSON/picture.jpg"
    ) + (f"; or do you mean the folder above, {above}?" if meant else "")


def _places_of_people(root: Path) -> list[tuple[Path, int]]:
    """Folders below the root that hold two folders with pictures or more, with their number, the largest first."""
    found: Counter[Path] = Counter()
    level = [root]
    for _ in range(_DEEPEST):
        level = [Path(entry.path) for folder in level for entry in _folders(folder)]
        found.update({folder: len(_folders_with_pictures(folder)) for folder in level})
    return [(folder, number) for folder, number in found.most_common() if number > 1]


def _folders(folder: Path) -> list[os.DirEntry[str]]:
    """The folders in a folder that are no links; none where it cannot be read."""
    try:
        with os.scandir(folder) as entries:
            found = [each for each in entries if each.is_dir(follow_symlinks=False) and each.name[0] != "."]
    except OSError:
        return []
    return sorted(found, key=lambda entry: entry.name)


def _folders_with_pictures(folder: Path) -> list[os.DirEntry[str]]:
    return [entry for entry in _folders(folder) if _pictures_in(Path(entry.path))]


def _pictures_in(folder: Path) -> int:
    try:
        with os.scandir(folder) as entries:
            return sum(is_image(entry.name) and entry.name[0] != "." for entry in entries)
    except OSError:
        return 0
