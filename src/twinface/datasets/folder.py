"""A data set of your own: one folder for each person, with the person's pictures in it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from twinface.core.errors import DataError
from twinface.core.types import WHOLE_FRAME, FaceSet, PairSet
from twinface.datasets.assemble import face_set
from twinface.datasets.data_source import DataSource
from twinface.datasets.names import unsafe_name
from twinface.faces.frame import Frame

PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".pgm", ".ppm")


class Folder:
    """Pictures as `root/PERSON/picture.jpg`, with any names.

    Hidden files are ignored. So are links that lead out of `root`, so that a folder of uploads cannot name other files
    on the disk.

    Args:
        root: the folder of people.
        layout: must be None, because a folder has no layouts.

    Raises:
        DataError: no root is given, it is not a folder, or a layout is given.
    """

    name = "folder"
    protocols: tuple[str, ...] = ()
    region = WHOLE_FRAME
    frame: Frame | None = None
    claims = "These are pictures of your own: a result on them cannot be compared with a published one."

    def __init__(self, root: Path | str | None = None, layout: str | None = None) -> None:
        if layout is not None:
            raise DataError(f"a folder of people has no layouts, found {layout!r}: leave the layout out")
        if root is None:
            raise DataError("the data set 'folder' needs the folder of people: name it with --root")
        self.root = Path(root).expanduser()
        if not self.root.is_dir():
            raise DataError(f"{self.root}: there is no such folder: need one that holds PERSON/picture.jpg")
        self.title = self.root.resolve().name or str(self.root)
        self.source = DataSource(self.name, str(root))

    def faces(self) -> FaceSet:
        """All pictures, sorted by person and file name.

        Raises:
            DataError: there are fewer than two people, a person has no picture, or a name cannot be used.
        """
        people = sorted(entry.name for entry in visible(self.root) if entry.is_dir())
        if len(people) < 2:
            raise DataError(
                f"{self.root}: {len(people)} folders of people{self._loose()}, need 2 or more: "
                "put each person's pictures in a folder with the person's name"
            )
        person_of: dict[str, str] = {}
        for person in people:
            person_of |= {f"{person}/{name}": person for name in self._pictures(person)}
        return face_set(self.title, self.root, person_of)

    def training_faces(self) -> FaceSet:
        """All pictures. There is no official split, so people are held out when a run is trained."""
        return self.faces()

    def training_pairs(self) -> PairSet | None:
        """None: a folder has no labelled pairs. `read_pairs` reads a list of them."""
        return None

    def protocol(self, name: str) -> PairSet:
        """A folder has no official protocol.

        Raises:
            DataError: always.
        """
        raise DataError(
            f"a folder of people has no protocol {name!r} and no other: hold people out and draw pairs of them, or "
            "give a pairs file"
        )

    def _pictures(self, person: str) -> list[str]:
        names = sorted(
            entry.name
            for entry in visible(self.root, self.root / person)
            if is_picture(entry.name) and entry.is_file()
        )
        if not names:
            raise DataError(
                f"{str(self.root / person)!r}: no picture of this person, need one that ends in "
                f"{' '.join(PICTURE_SUFFIXES)}: add one or remove the folder"
            )
        for name in (person, *names):
            why = unsafe_name(name)
            if why:
                raise DataError(f"{str(self.root)!r}: the name {name!r} cannot be used, {why}: rename it")
        return names

    def _loose(self) -> str:
        loose = sum(is_picture(entry.name) and entry.is_file() for entry in os.scandir(self.root))
        return f" ({loose} pictures lie loose in it)" if loose else ""


def visible(root: Path, folder: Path | None = None) -> Iterator[os.DirEntry[str]]:
    """The entries of `folder` (None for `root`), without hidden ones and links that are broken or lead out of `root`.

    Raises:
        DataError: the folder cannot be read.
    """
    try:
        with os.scandir(folder or root) as entries:
            for entry in entries:
                path = Path(entry.path)
                followed = not entry.is_symlink() or (path.exists() and not leads_out(path, root))
                if followed and not entry.name.startswith("."):
                    yield entry
    except OSError as error:
        raise DataError(f"{folder or root}: the folder cannot be read ({error.strerror})") from error


def leads_out(path: Path, root: Path) -> bool:
    """Whether `path`, with all links followed, is outside `root`."""
    # Path.resolve would raise an error where links form a loop.
    return not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(root))


def is_picture(name: str) -> bool:
    """Whether a file's name has the suffix of a picture."""
    return name.lower().endswith(PICTURE_SUFFIXES)
