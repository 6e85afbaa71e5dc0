"""A data set of your own: one folder for each person, with the person's pictures in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from twinface.core.errors import DataError
from twinface.core.formatting import one_line
from twinface.core.types import WHOLE_FRAME, FaceSet, PairSet
from twinface.datasets.assemble import face_set
from twinface.datasets.data_source import DataSource
from twinface.datasets.entries import PICTURE_SUFFIXES, LeaveOut, can_be_read, is_image, visible
from twinface.datasets.folder_layout import describe_layout
from twinface.datasets.names import unsafe_name
from twinface.datasets.photo_notes import PhotoNote, Reason, note_lines
from twinface.faces.frame import Frame
from twinface.models.provenance import plain_name


class Folder:
    """Pictures as `root/PERSON/picture.jpg`, with any names.

    Hidden files are ignored. So are links that lead out of `root`, so that a folder of uploads cannot name other files
    on the disk. Pictures that cannot be used because of their place, name or format are left out. So are people without
    pictures, folders that this user may not read, and links to visible folders within `root`, whose pictures could
    count for two people. `notes` lists them.

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
            raise DataError(f"a folder of people has no layouts, found {layout!r}: leave --layout out")
        if root is None:
            raise DataError("the data set 'folder' needs the folder of people: name it with --root")
        self.root = Path(root).expanduser()
        if not self.root.is_dir():
            found = "is a file" if self.root.exists() else "there is no such folder"
            where = "" if self.root.is_absolute() else f" (looked for in {Path.cwd()})"
            raise DataError(f"{self.root}: {found}{where}: need the folder that holds PERSON/picture.jpg")
        self.title = self.root.resolve().name or str(self.root)
        self.source = DataSource(self.name, str(root))
        self._notes: dict[str, PhotoNote] = {}

    def faces(self) -> FaceSet:
        """All pictures, sorted by person and file name.

        Raises:
            DataError: there are fewer than two people with pictures, or two folders have the name of one person.
        """
        person_of: dict[str, str] = {}
        followed: list[Path] = []
        for entry in sorted(visible(self.root, None, self._unreadable), key=lambda each: each.name):
            if entry.is_dir() and entry.is_symlink() and self._counts_twice(Path(entry.path), followed):
                self._note(entry.name, Reason.LINK)
            elif entry.is_dir():
                person_of |= {f"{entry.name}/{name}": entry.name for name in self._pictures(entry.name)}
            elif is_image(entry.name):
                self._note(entry.name, Reason.LOOSE)
        people = dict.fromkeys(person_of.values())
        if len(people) < 2:
            raise DataError(f"{self.root}: {describe_layout(self.root, len(people))}{self._unfit()}")
        self._refuse_one_name(people)
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
            f"a folder of people has no protocol {name!r} and no other: hold people out and draw pairs of them "
            "(--protocol unseen), or give a pairs file (--pairs)"
        )

    def notes(self) -> list[PhotoNote]:
        """What was left out because of its place, name or format, once `faces` was called."""
        return [self._notes[path] for path in sorted(self._notes)]

    def _pictures(self, person: str) -> list[str]:
        """The names of a person's pictures that can be used."""
        if why := unsafe_name(person):
            self._note(person, Reason.NAME, why)
            return []
        names: list[str] = []
        for entry in sorted(
            visible(self.root, self.root / person, self._unreadable), key=lambda each: each.name
        ):
            path = f"{person}/{entry.name}"
            if entry.is_dir(follow_symlinks=False):
                for deeper in sorted(_images_below(self.root, Path(entry.path), self._unreadable)):
                    self._note(f"{path}/{deeper}", Reason.DEEPER)
            elif not is_image(entry.name) or not entry.is_file():
                continue
            elif why := unsafe_name(entry.name):
                self._note(path, Reason.NAME, why)
            elif not can_be_read(entry.name):
                self._note(path, Reason.FORMAT, f"need one of {' '.join(PICTURE_SUFFIXES)}: convert it")
            else:
                names.append(entry.name)
        is_noted = person in self._notes or any(path.startswith(f"{person}/") for path in self._notes)
        if not names and not is_noted:
            self._note(person, Reason.NOBODY)
        return names

    def _counts_twice(self, link: Path, followed: list[Path]) -> bool:
        """Whether a link leads to a visible folder within the root, or to what an earlier link led to."""
        target = link.resolve()
        inside = target.relative_to(self.root.resolve())  # `visible` leaves out links that lead out
        is_hidden = any(part.startswith(".") for part in inside.parts)
        if not is_hidden or any(
            target.is_relative_to(other) or other.is_relative_to(target) for other in followed
        ):
            return True
        followed.append(target)
        return False

    def _refuse_one_name(self, people: Iterable[str]) -> None:
        """Refuses two folders whose names count as one person: a split could put one on either side."""
        first: dict[str, str] = {}
        for person in people:
            other = first.setdefault(plain_name(person), person)
            if other != person:
                raise DataError(
                    f"{one_line(self.root)}: the folders {other!a} and {person!a} have the name of one "
                    "person (case, spaces, underscores and forms of Unicode do not count): put their pictures into "
                    "one folder, or rename one of them"
                )

    def _unfit(self) -> str:
        """The end of an error: what was left out because of its name or format, as a link, or as unreadable."""
        reasons = (Reason.FORMAT, Reason.NAME, Reason.LINK, Reason.UNREADABLE)
        unfit = [note for note in self.notes() if note.reason in reasons]
        return "".join(f"; {line}" for line in note_lines(unfit))

    def _unreadable(self, path: str, why: str) -> None:
        self._note(path, Reason.UNREADABLE, why)

    def _note(self, path: str, reason: Reason, detail: str = "") -> None:
        self._notes[path] = PhotoNote(path, reason, detail)


def _images_below(root: Path, folder: Path, leave_out: LeaveOut) -> Iterator[str]:
    """The pictures in a folder and in its folders, relative to it. Folders behind links are not entered."""
    for entry in visible(root, folder, leave_out):
        if entry.is_dir(follow_symlinks=False):
            yield from (
                f"{entry.name}/{deeper}" for deeper in _images_below(root, Path(entry.path), leave_out)
            )
        elif is_image(entry.name):
            yield entry.name
