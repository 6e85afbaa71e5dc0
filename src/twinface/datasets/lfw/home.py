"""Finds LFW on the disk: its picture folder, its alignment and its lists."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from twinface.core.errors import DataError
from twinface.core.suggestion import nearest
from twinface.datasets.lfw.layouts import LAYOUTS, Layout

HOW_TO_GET = (
    "download it with `twinface data fetch lfw`, or name its folder with --root or the environment "
    "variable TWINFACE_DATA"
)
_LAYOUT_OF_FOLDER = {folder: layout for layout in LAYOUTS.values() for folder in layout.folders}


@dataclass(frozen=True)
class LfwHome:
    """One copy of LFW.

    Attributes:
        layout: its alignment.
        pictures: its picture folder.
        list_folders: where its lists may be, in the order in which they are searched.
    """

    layout: Layout
    pictures: Path
    list_folders: tuple[Path, ...]

    def list_file(self, name: str) -> Path:
        """The path of one of the six official lists.

        Raises:
            DataError: it is neither beside the picture folder nor in it.
        """
        for folder in self.list_folders:
            if (folder / name).is_file():
                return folder / name
        looked = ", ".join(map(str, self.list_folders))
        raise DataError(f"{name} is missing, looked in {looked}: put it there, or {HOW_TO_GET}")


def find_lfw(root: Path | str | None = None, layout: str | None = None) -> LfwHome:
    """The copy of LFW at `root`, or at the usual places.

    Args:
        root: a folder that holds the picture folder, or the picture folder itself; None looks where
            TWINFACE_DATA points, in its `lfw` subfolder, and in the download folder, in this order.
        layout: which alignment, a key of `LAYOUTS`; None takes the first of them that is in the first place with
            pictures.

    Raises:
        DataError: there is no LFW, or not in the wanted alignment, or the name of its folder does not tell the
            alignment.
    """
    if layout is not None and layout not in LAYOUTS:
        raise DataError(f'no LFW layout "{layout}"{nearest(layout, LAYOUTS)}')
    places = list(_usual_places()) if root is None else [Path(root).expanduser()]
    found = {place: folders for place in places if (folders := picture_folders(place))}
    if found and layout is None:  # a copy in a later place must not take the place of the one that is meant
        found = dict([next(iter(found.items()))])
    if found:
        return _choose(found, layout)
    looked = ", ".join(map(str, places))
    raise DataError(
        f"no LFW pictures found in {looked}: need a folder such as lfwa, lfw-deepfunneled, lfw_funneled "
        f"or lfw that holds NAME/NAME_0001.jpg: {HOW_TO_GET}"
    )


def picture_folders(root: Path) -> dict[str, Path]:
    """Layout → picture folder for every alignment below `root`.

    If there is none, `root` itself may be a picture folder. It is then listed under its layout, or under "" if its name
    does not tell the layout.
    """
    if not root.is_dir():
        return {}
    found: dict[str, Path] = {}
    with os.scandir(root) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            layout = _layout_of(entry.name)
            if layout and entry.is_dir():
                # Some archives unpack to lfw-deepfunneled/lfw-deepfunneled/NAME.
                for folder in (Path(entry.path), Path(entry.path) / entry.name):
                    if _holds_people(folder):
                        found.setdefault(layout.key, folder)
    if not found and _holds_people(root):
        own = _layout_of(root.resolve().name)
        found[own.key if own else ""] = root
    return found


def default_folder() -> Path:
    """The folder for a download if no other is named: `…/twinface/lfw` in the user's data folder."""
    # Imported here because it is needed only where no folder is named.
    import platformdirs

    return Path(platformdirs.user_data_dir("twinface", appauthor=False)) / "lfw"


def _choose(found: Mapping[Path, dict[str, Path]], wanted: str | None) -> LfwHome:
    """The copy in the wanted alignment, or in the first of `LAYOUTS`; of several, that of the first place.

    Args:
        found: of each place with pictures, what `picture_folders` found there.
        wanted: a key of `LAYOUTS`, or None.

    Raises:
        DataError: see `find_lfw`.
    """
    for key in LAYOUTS if wanted is None else (wanted,):
        for place, folders in found.items():
            if key in folders:
                return _home(place, folders[key], key)
    for place, folders in found.items():
        if "" in folders and wanted is not None:
            return _home(place, folders[""], wanted)
        if "" in folders:
            raise DataError(
                f"{place}: the name does not tell which alignment of LFW the folder holds, and the claims that "
                f"are allowed depend on it: name the layout with --layout, one of {', '.join(LAYOUTS)}"
            )
    held = "; ".join(f"{place} holds LFW as {', '.join(folders)}" for place, folders in found.items())
    raise DataError(f"{held}, not as {wanted}: choose one of these layouts, or {HOW_TO_GET}")


def _home(place: Path, pictures: Path, layout: str) -> LfwHome:
    return LfwHome(LAYOUTS[layout], pictures, tuple(dict.fromkeys((place, pictures.parent, pictures))))


def _usual_places() -> Iterator[Path]:
    named = os.environ.get("TWINFACE_DATA")
    if named:
        yield Path(named).expanduser()
        yield Path(named).expanduser() / "lfw"
    yield default_folder()


def _layout_of(folder: str) -> Layout | None:
    return _LAYOUT_OF_FOLDER.get(folder.lower().replace("_", "-"))


def _holds_people(folder: Path) -> bool:
    """Whether `folder` holds NAME/NAME_0001.jpg for some NAME."""
    if not folder.is_dir():
        return False
    with os.scandir(folder) as entries:
        return any(os.access(f"{entry.path}/{entry.name}_0001.jpg", os.F_OK) for entry in entries)
