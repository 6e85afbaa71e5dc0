"""The rows of a store, opened: people with names, faces with embeddings."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from twinface.core.errors import GalleryError, ModelMismatchError, UnknownPersonError
from twinface.core.formatting import one_line
from twinface.core.types import Float32Array
from twinface.recognition.gallery.fusion import fuse
from twinface.recognition.gallery.records import Person, Who
from twinface.recognition.gallery.store import Store
from twinface.recognition.gallery.stored import NewFace, StoredPerson
from twinface.recognition.gallery.vault import (
    ENCRYPTION,
    Encryption,
    new_vault,
    open_vault,
    vault_info,
)

MODEL, MODEL_NAME, FINGERPRINT, SIZE, DISTANCE = (
    "model",
    "model_name",
    "fingerprint",
    "embedding_size",
    "distance",
)
FRAME = "frame"  # that crops are aligned to
KEEP_CROPS = "keep_crops"
_LONGEST_NAME = 200  # characters
_JPEG_HEADER = 700  # bytes that all crops have in common


@dataclass(frozen=True)
class GallerySettings:
    """What is decided when a gallery is made.

    Attributes:
        encryption: "off"; "templates": faces, templates and crops are sealed; "all": names, too. None takes "all" if
            there is a key, else "off".
        keep_crops: keep the aligned face of each photo, so that templates can be made anew for another model.
    """

    encryption: Encryption | None = None
    keep_crops: bool = False


class Contents:
    """A store and the vault that opens its rows.

    Args:
        store: the caller closes it.
        key: 32 bytes, or None.
        settings: of a gallery that is made now.

    Attributes:
        store, vault: the rows, and what opens them.
        keeps_crops: whether the pictures of faces are kept; decided when the gallery was made.

    Raises:
        KeyNeededError: it is encrypted, and there is no key or another one.
        GalleryError: it was made with other settings than those that are asked for.
        StorageError: the store cannot be read or written.
    """

    def __init__(self, store: Store, key: bytes | None, settings: GallerySettings) -> None:
        self.store = store
        if ENCRYPTION not in store.info():
            with store.write():
                if ENCRYPTION not in store.info():  # another process may have been quicker
                    self._begin(key, settings)
        info = store.info()
        self.vault = open_vault(info, key, store.place)
        self.keeps_crops = bool(info[KEEP_CROPS])
        self._check_settings(settings)

    def _begin(self, key: bytes | None, settings: GallerySettings) -> None:
        vault = new_vault(settings.encryption or ("all" if key else "off"))
        for name, value in vault_info(vault, key).items():
            self.store.set_info(name, value)
        self.store.set_info(KEEP_CROPS, "1" if settings.keep_crops else "")

    def _check_settings(self, wanted: GallerySettings) -> None:
        other = wanted.encryption not in {None, self.vault.encryption}
        if other or (wanted.keep_crops and not self.keeps_crops):
            raise GalleryError(
                f"{self.store.place}: was made with encryption {self.vault.encryption} and "
                f"{'with' if self.keeps_crops else 'without'} crops, which cannot be changed: make a new gallery and "
                "`twinface gallery copy` into it"
            )

    @property
    def info(self) -> dict[str, str]:
        """Texts about the gallery, read anew each time: another process may have changed the model."""
        return self.store.info()

    def change_key(self, key: bytes) -> None:
        """Seals the gallery's own key under another key of the caller's.

        Raises:
            GalleryError: the gallery is not encrypted.
        """
        if self.vault.encryption == "off":
            raise GalleryError(
                f"{self.store.place}: is not encrypted; `twinface gallery copy` into a new one with a key"
            )
        with self.store.write():
            old = self.info[ENCRYPTION]
            for name, value in vault_info(self.vault, key).items():
                self.store.set_info(name, value)
            self.record("change key")
        self.store.erase_remains([old.encode()])

    def check_model(self, fingerprint: str) -> None:
        """Checks that nobody has moved the gallery to another model meanwhile. Inside `store.write()` it stays so.

        Args:
            fingerprint: of the model that the embeddings at hand are of.

        Raises:
            ModelMismatchError: somebody has; the embeddings at hand mean nothing to the new one.
        """
        info = self.info
        if info.get(FINGERPRINT) != fingerprint:
            raise ModelMismatchError(
                f"{self.store.place}: was moved to the model {info.get(MODEL_NAME)} meanwhile: call again"
            )

    # People

    def find(self, who: Who) -> StoredPerson:
        """The person of a name or an id.

        Raises:
            UnknownPersonError: nobody has it.
        """
        found = self.find_or_none(who)
        if found is None and not isinstance(who, str):
            raise UnknownPersonError(f"nobody in the gallery has the id {who}")
        if found is None:
            raise UnknownPersonError(
                f"nobody in the gallery {self.store.place} is named {one_line(who, 80)!r}: `twinface people` lists all"
            )
        return found

    def find_or_none(self, who: Who) -> StoredPerson | None:
        """The person of a name or an id, or None. Upper and lower case of a name are the same."""
        if isinstance(who, str):
            return self.store.find(self.vault.name_key(clean_name(who)))
        return next(iter(self.store.people_with([int(who)])), None) if 0 < who < 1 << 63 else None

    def person(self, who: Who) -> Person:
        """The person of a name or an id, as callers see them; raises as `find` does."""
        return self.people([self.find(who)])[0]

    def name_of(self, person: StoredPerson) -> str:
        """The name as it was given."""
        return self.vault.open_name(person.name)

    def add_person(self, name: str) -> StoredPerson:
        """Adds a person without a face. Inside `store.write()`."""
        return self._added(self.new_person(name))

    def new_person(
        self, name: str, template: bytes | None = None, created: str | None = None
    ) -> StoredPerson:
        """A row that can be added."""
        name = clean_name(name)
        sealed, key = self.vault.seal_name(name), self.vault.name_key(name)
        return StoredPerson(0, sealed, key, secrets.token_hex(8), created or now(), template)

    def _added(self, person: StoredPerson) -> StoredPerson:
        return StoredPerson(self.store.add_person(person), *list(vars(person).values())[1:])

    def people(self, rows: Sequence[StoredPerson]) -> tuple[Person, ...]:
        """Rows as callers see them."""
        counted = self.store.face_counts([row.id for row in rows])
        return tuple(Person(row.id, self.name_of(row), row.created, counted.get(row.id, 0)) for row in rows)

    def every_person(self, after: int = 0) -> Iterator[StoredPerson]:
        """All people by rising id, a page at a time."""
        while rows := self.store.people(after):
            yield from rows
            after = rows[-1].id

    # Faces

    def vector(self, sealed: bytes) -> Float32Array:
        """An embedding or a template: [D] float32."""
        return np.frombuffer(self.vault.open(sealed), np.float32)

    def seal(self, vector: Float32Array) -> bytes:
        """The inverse of `vector`."""
        return self.vault.seal(np.ascontiguousarray(vector, np.float32).tobytes())

    def crop(self, picture: bytes | None) -> bytes | None:
        """A JPEG as it is stored, if crops are kept."""
        return self.vault.seal(picture) if picture and self.keeps_crops else None

    def fused(self, faces: Sequence[NewFace], distance: str) -> Float32Array | None:
        """The template of these faces: [D] float32; None if there is none.

        Args:
            faces: with embeddings by one model.
            distance: of that model.
        """
        if not faces:
            return None
        vectors = np.stack([self.vector(face.vector) for face in faces])
        return fuse(vectors, [face.quality for face in faces], distance)

    def refit(self, person: StoredPerson, name: str | None = None) -> None:
        """Makes a person's template anew from the faces, and sets the name. Inside `store.write()`."""
        faces = self.store.faces_of([person.id])
        template = self.fused(faces, self.info[DISTANCE]) if faces else None
        sealed, key = person.name, person.name_key
        if name is not None:
            name = clean_name(name)
            sealed, key = self.vault.seal_name(name), self.vault.name_key(name)
        self.store.change_person(person.id, sealed, key, None if template is None else self.seal(template))

    # The audit log

    def record(self, what: str, person: StoredPerson | None = None, detail: str = "") -> None:
        """Writes down what was done, without a name. Inside `store.write()`."""
        self.store.add_audit(now(), what, person.audit_id if person else "", detail)


def needles_of(person: StoredPerson, faces: Sequence[NewFace]) -> list[bytes]:
    """Pieces of rows, by which a store finds out whether they are still in its files."""
    found = [person.template] if person.template else []
    for face in faces:
        found += [face.vector, face.photo, *([face.crop[_JPEG_HEADER:]] if face.crop else [])]
    # The start and some places further in: a long row is spread over several pages.
    return [row[at : at + 16] for row in found for at in range(0, max(1, len(row) - 15), 1024)]


def now() -> str:
    """The time in UTC as ISO 8601, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def clean_name(name: str) -> str:
    """A name without space around it.

    Raises:
        GalleryError: it is empty, too long, or has characters that are not text.
    """
    cleaned = " ".join(name.split())
    if not cleaned or len(cleaned) > _LONGEST_NAME or not cleaned.isprintable():
        raise GalleryError(
            f"{one_line(name, 80)!r}: cannot be a name, need 1 to {_LONGEST_NAME} characters that can be printed"
        )
    return cleaned


def model_place(place: str | Path) -> str:
    """A model as the gallery writes it down: its name, or where it is. "best" is another one once more is installed."""
    from twinface.models.catalog import BEST, best_installed, is_name

    if place == BEST:
        return best_installed()
    return str(place) if is_name(place) else str(Path(place).resolve())
