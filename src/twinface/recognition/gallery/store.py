"""What the gallery needs of a store. A new store is one file, and one line in `stores.STORES`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from twinface.core.types import Float32Array
from twinface.recognition.gallery.stored import (
    AuditEntry,
    Changes,
    Counts,
    NewCorrection,
    NewFace,
    StoredCorrection,
    StoredFace,
    StoredPerson,
)


class Store(Protocol):
    """Tables of people, their faces, corrections, an audit log, and a few texts about the gallery itself.

    Methods that write are called inside `with store.write():`. When that block ends without an error, all of it is on
    the disk, and survives SIGKILL and a power cut. When it ends with an error, or does not end, none of it is.

    Every method raises StorageError where the store cannot be read or written.
    """

    @property
    def place(self) -> str:
        """Where it is, for messages; holds no password."""
        ...

    @property
    def local(self) -> Path | None:
        """The file of a store on this machine's disk, beside which the search copy lies; None for a server."""
        ...

    def write(self) -> AbstractContextManager[None]:
        """A transaction. Others wait for its end. It raises the generation by one if anything changed."""
        ...

    def info(self) -> dict[str, str]:
        """Texts about the gallery, by key."""
        ...

    def set_info(self, key: str, value: str) -> None:
        """Sets one of them."""
        ...

    def generation(self) -> int:
        """Rises with every change of a person."""
        ...

    def changes_since(self, generation: int) -> Changes:
        """What has changed since a generation."""
        ...

    def find(self, name_key: bytes) -> StoredPerson | None:
        """The person with that name."""
        ...

    def named_like(self, name: bytes) -> int:
        """In how many names these bytes occur."""
        ...

    def people(self, after: int = 0, limit: int = 1000) -> list[StoredPerson]:
        """People by rising id: a page of the list, which goes on after the last id of the page before."""
        ...

    def people_with(self, ids: Sequence[int]) -> list[StoredPerson]:
        """The people with these ids; those that are gone are left out."""
        ...

    def templates(self, after: int = 0, limit: int = 10_000) -> list[tuple[int, bytes]]:
        """Ids and templates of the people who have one, by rising id: a page as `people` gives it."""
        ...

    def add_person(self, person: StoredPerson) -> int:
        """Adds a person; the id of the argument is not used.

        Returns:
            The new id.

        Raises:
            NameTakenError: the name is taken.
        """
        ...

    def add_people(self, people: Sequence[StoredPerson]) -> list[int]:
        """Adds many people at once; see `add_person`."""
        ...

    def change_person(self, id: int, name: bytes, name_key: bytes, template: bytes | None) -> None:
        """Sets the name and the template.

        Raises:
            NameTakenError: the name is another person's.
        """
        ...

    def remove_person(self, id: int) -> None:
        """Removes a person with all faces and corrections."""
        ...

    def faces_of(self, people: Sequence[int]) -> list[StoredFace]:
        """The faces of these people, by rising id."""
        ...

    def face_counts(self, people: Sequence[int]) -> dict[int, int]:
        """How many faces each of these people has; people without a face are left out."""
        ...

    def first_vectors(self, people: Sequence[int]) -> dict[int, bytes]:
        """The embedding of each person's first face; people without a face are left out."""
        ...

    def add_faces(self, people: Sequence[int], faces: Sequence[NewFace]) -> None:
        """Adds faces; each goes to the person at the same position."""
        ...

    def change_face(self, id: int, person: int, vector: bytes, crop: bytes | None) -> None:
        """Gives a face to a person, with this vector and crop."""
        ...

    def remove_faces(self, ids: Sequence[int]) -> None:
        """Removes faces."""
        ...

    def corrections_of(self, people: Sequence[int]) -> list[StoredCorrection]:
        """What was said about these people, by rising id."""
        ...

    def corrections_on(self, photo: bytes) -> list[StoredCorrection]:
        """What was said about the faces of a photo, by rising id."""
        ...

    def add_correction(self, person: int, correction: NewCorrection) -> None:
        """Remembers what was said about a person."""
        ...

    def change_correction(self, id: int, person: int, vector: bytes, crop: bytes | None) -> None:
        """Gives a correction to a person, with this vector and crop."""
        ...

    def remove_corrections(self, ids: Sequence[int]) -> None:
        """Forgets corrections."""
        ...

    def add_audit(self, at: str, what: str, who: str, detail: str) -> None:
        """Adds a line to the audit log."""
        ...

    def audit(self, after: int = 0, limit: int = 1000) -> list[AuditEntry]:
        """A page of the audit log, by rising id."""
        ...

    def next_vectors(self, origin: str, ids: Sequence[int]) -> dict[int, bytes]:
        """Embeddings by the model that the gallery is being moved to, by row; rows without one are left out.

        Args:
            origin: "face" or "correction".
            ids: of the rows.
        """
        ...

    def set_next_vectors(self, origin: str, vectors: dict[int, bytes]) -> None:
        """Sets such embeddings."""
        ...

    def drop_next_vectors(self) -> None:
        """Forgets all of them."""
        ...

    def template_count(self) -> int:
        """How many people have a template."""
        ...

    def counts(self) -> Counts:
        """How many rows there are."""
        ...

    def size(self) -> int:
        """Bytes on the disk."""
        ...

    def check(self) -> list[str]:
        """What is wrong with the tables, in words; nothing if they are sound."""
        ...

    def erase_remains(
        self, needles: Iterable[bytes], rewrite: bool = False, tables: Sequence[str] = ()
    ) -> None:
        """Makes deleted rows unreadable in the store's own files.

        Args:
            needles: pieces of the deleted rows, by which the store checks its files.
            rewrite: write the files anew in any case, for rows of which no pieces are at hand.
            tables: that the rows were in; none means any. A store with a file for each table writes only these anew.

        Raises:
            NotErasedError: it could not be done, because others hold the files, or for want of space. The message says
                that the deletion itself is done, and that `twinface gallery scrub` finishes the work.
        """
        ...

    def backup(self, target: Path) -> None:
        """Writes a copy to a file: whole, or not at all."""
        ...

    def nearest(self, vector: Float32Array, limit: int) -> list[int] | None:
        """Ids of the people whose templates have the highest cosine with a vector, the highest first.

        Returns:
            None if the store has no index of its own; then the gallery searches in memory.
        """
        ...

    def close(self) -> None:
        """Lets go of files and connections."""
        ...
