"""What a gallery does without a model: list, rename, merge and forget people, and look after its files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from twinface.core.errors import GalleryError
from twinface.core.storage import is_file
from twinface.core.types import ProgressCallback
from twinface.recognition.gallery import changes, corrections, transfer
from twinface.recognition.gallery.contents import MODEL_NAME, SIZE, Contents, GallerySettings
from twinface.recognition.gallery.key import find_key
from twinface.recognition.gallery.records import GalleryStats, Person, Who
from twinface.recognition.gallery.stored import AuditEntry
from twinface.recognition.gallery.stores import default_place, open_store

_OWN_FILES = ("", "-wal", "-shm", ".search")  # what the names of a gallery's files end in


class GalleryTables:
    """A gallery without its model; see `gallery.Gallery`, which is one with it.

    Args, Raises: those of `Gallery`.
    """

    def __init__(
        self,
        place: str | Path | None = None,
        *,
        key: bytes | str | Path | None = None,
        create: bool | GallerySettings = True,
    ) -> None:
        found_key = find_key(key)
        self.store = open_store(place if place is not None else default_place(), create is not False)
        try:
            settings = create if isinstance(create, GallerySettings) else GallerySettings()
            self.contents = Contents(self.store, found_key, settings)
        except BaseException:
            self.store.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Lets go of the files, or of the connection."""
        self.store.close()

    # People

    def people(self, after: int = 0, limit: int = 1000) -> tuple[Person, ...]:
        """People in the order in which they were enrolled: one page of the list.

        Args:
            after: the id of the last person of the page before; 0 for the first page.
            limit: of people on this page, at most.
        """
        return self.contents.people(self.store.people(after, limit))

    def every(self, after: int = 0) -> Iterator[Person]:
        """All people, page by page; see `people`."""
        while page := self.people(after):
            yield from page
            after = page[-1].id

    def __iter__(self) -> Iterator[Person]:
        return self.every()

    def __len__(self) -> int:
        return self.store.counts().people

    def __contains__(self, name: object) -> bool:
        try:
            return isinstance(name, str) and self.contents.find_or_none(name) is not None
        except GalleryError:  # it cannot be a name
            return False

    # A person is named in each call by name or by id. Whoever holds an id of before should give it: the person may have
    # been renamed or forgotten meanwhile, and the name given to somebody else.

    def rename(self, name: Who, new_name: str) -> Person:
        """Gives a person another name. The old one is erased from the files.

        Raises:
            UnknownPersonError: nobody has the old name, or the id; so it is with the other methods.
            NameTakenError: somebody has the new one: see `merge`.
        """
        return changes.rename(self.contents, name, new_name)

    def merge(self, name: Who, other: Who) -> Person:
        """Makes two people one: the first, who gets the faces and corrections of the other.

        Raises:
            UnknownPersonError: nobody has one of the names.
            GalleryError: both have a face of one photo; they are two people then.
        """
        return changes.merge(self.contents, name, other)

    def forget(self, name: Who) -> None:
        """Removes a person with everything that belongs to them, from every file of the gallery.

        Backups, exports and copies that were made before still have the person, and so have the results of jobs, until
        the job is deleted.

        Raises:
            UnknownPersonError: nobody has that name.
            StorageError: the gallery cannot be written; or the person is removed, but remains may be in a file that
                another process holds, or that cannot be written. The message says which, and what to do.
        """
        changes.forget(self.contents, name)

    def scrub(self) -> None:
        """Makes everything that was deleted unreadable, where an earlier call could not. Writes the files anew.

        Raises:
            StorageError: there is no space, or another process holds a file.
        """
        changes.scrub(self.contents)

    def change_key(self, key: bytes | str | Path) -> None:
        """Seals the gallery under another key. Its rows stay as they are: each gallery has a key of its own, which lies
        in it, sealed under the caller's.

        Args:
            key: 32 bytes, or the path of a key file.

        Raises:
            GalleryError: the gallery is not encrypted.
            KeyNeededError: this is no key.
            StorageError: the gallery cannot be written; or the key is changed, but the old one could not be erased from
                the files.
        """
        self.contents.change_key(find_key(key) or b"")

    def move(self, face: int, name: Who, to: Who) -> tuple[Person, Person]:
        """Gives an enrolled face to another person, and remembers that it is not the first one.

        Args:
            face: its id, see `show`.
            name: whose it is now.
            to: whose it is, in truth.

        Raises:
            UnknownPersonError, GalleryError: see `confirm`; or the person has no such face.
        """
        return corrections.move(self.contents, face, name, to)

    # The gallery as a whole

    def stats(self) -> GalleryStats:
        """How much it holds, and with which model and settings it was made."""
        info, counts = self.store.info(), self.store.counts()
        return GalleryStats(
            place=self.store.place,
            **vars(counts),
            bytes=self.store.size(),
            model=info.get(MODEL_NAME, ""),
            embedding_size=int(info.get(SIZE, 0)),
            encryption=self.contents.vault.encryption,
            keeps_crops=self.contents.keeps_crops,
            schema=int(info["schema"]),
            generation=int(info["generation"]),
        )

    def audit(self, after: int = 0, limit: int = 1000) -> tuple[AuditEntry, ...]:
        """What was done, a page at a time as `people` gives it; people stand there as random numbers."""
        return tuple(self.store.audit(after, limit))

    def check(self) -> list[str]:
        """What is wrong with the gallery's tables; nothing if they are sound."""
        return self.store.check()

    def backup(self, target: str | Path) -> None:
        """Writes a copy to a file, whole or not at all. An encrypted gallery's copy is as encrypted.

        Raises:
            GalleryError: the file is one of the gallery's own; or the gallery is on a server, which makes its own.
            StorageError: the file cannot be written.
        """
        self.store.backup(self._elsewhere(Path(target)))

    def export(self, target: str | Path, progress: ProgressCallback | None = None) -> int:
        """Writes all people with their embeddings and corrections to a file of JSON lines, in the clear.

        Args:
            target: the file; an older one is replaced when all is written.
            progress: called with (people done, people in all).

        Returns:
            How many people there are.

        Raises:
            GalleryError: nobody was ever enrolled; or the file is one of the gallery's own.
            StorageError: the file cannot be written.
        """
        return transfer.export(self.contents, self._elsewhere(Path(target)), progress)

    def _elsewhere(self, target: Path) -> Path:
        """A file to write, which must not take the place of one that the gallery is using."""
        if self.store.local is not None:
            for own in (self.store.local.with_name(self.store.local.name + end) for end in _OWN_FILES):
                is_there = is_file(own) and is_file(target)
                if os.path.realpath(own) == os.path.realpath(target) or (is_there and own.samefile(target)):
                    raise GalleryError(f"{target}: is a file of the gallery itself; name another file")
        return target

    def import_people(
        self, source: str | Path, progress: ProgressCallback | None = None
    ) -> transfer.Imported:
        """Adds the people of a file that `export` wrote; those whose name is taken are left out.

        Raises:
            DataError: the file is no export, or a line is damaged; people of earlier lines may be there.
            ModelMismatchError: the embeddings are of another model.
            StorageError: the gallery cannot be written.
        """
        return transfer.import_file(self.contents, Path(source), progress)

    def copy_to(self, other: GalleryTables, progress: ProgressCallback | None = None) -> transfer.Imported:
        """Adds all people to another gallery, in whichever store, sealed with the key of that one.

        Raises:
            ModelMismatchError: it has another model.
            StorageError: it cannot be written.
        """
        return transfer.copy(self.contents, other.contents, progress)
