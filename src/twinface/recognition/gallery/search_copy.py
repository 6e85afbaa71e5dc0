"""A copy of all templates in one file beside the gallery, so that a large gallery is searched soon after it is opened.

It has a header of one line of JSON, the ids of P people (int64), and their templates as `ranking` takes them: steps and
what is subtracted (float32), and bytes. It is mapped into memory and not read, so a million people are searched at
once, and all processes of a machine share the memory. It is no truth of its own: it says which generation of the tables
it was made from, and what has changed since is read from the tables. It is written, replaced and erased from only while
the gallery's write lock is held, so it never holds a person who was removed before.

Each change of the file gives it a new random token, which the same transaction writes into the tables. So a copy does
not serve tables that it was not made from, as those of a backup that was put back.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from twinface.core.storage import new_file, remove_leftovers
from twinface.core.types import IntArray
from twinface.recognition.gallery.ranking import Prepared
from twinface.recognition.gallery.store import Store

_HEADER = 512  # bytes
_MAGIC = "twinface search copy 3"
TOKEN = "search_copy"  # the key of the gallery's info


@dataclass(frozen=True)
class CopyHeader:
    """What a copy was made from.

    Attributes:
        fingerprint: of the model.
        generation: of the tables.
        token: 32 hexadecimal digits, the same in the gallery's info under `TOKEN`.
        people: P.
        size: E, the bytes of a template.
        magic: the kind of file, and its version.
    """

    fingerprint: str
    generation: int
    token: str
    people: int
    size: int
    magic: str = _MAGIC

    def encoded(self) -> bytes:
        """The first bytes of the file."""
        return json.dumps(asdict(self)).encode().ljust(_HEADER)

    def place(self, name: str) -> int:
        """Where a part of the file begins: "ids", "scale", "less", "rows" or "end"."""
        widths = {"ids": 8, "scale": 4, "less": 4, "rows": self.size, "end": 0}
        before = list(widths).index(name)
        return _HEADER + self.people * sum(list(widths.values())[:before])


def copy_file(gallery: Path) -> Path:
    """The copy of a gallery's file."""
    return gallery.with_name(f"{gallery.name}.search")


def write_copy(gallery: Path, header: CopyHeader, ids: IntArray, prepared: Prepared) -> None:
    """Writes the copy: whole, or not at all. Inside `store.write()`, which also sets the token.

    Args:
        gallery: the gallery's file.
        header: of the copy.
        ids: [P] rising.
        prepared: P templates.

    Raises:
        StorageError: it cannot be written; the copy that was there is unchanged.
    """
    target = copy_file(gallery)
    _remove_unfinished(target)
    with new_file(target) as file:
        Path(file.name).chmod(0o600)
        file.write(header.encoded())
        for array, kind in ((ids, np.int64), (prepared.scale, np.float32), (prepared.less, np.float32)):
            file.write(np.ascontiguousarray(array, kind).tobytes())
        file.write(np.ascontiguousarray(prepared.rows, np.uint8).data)


def read_copy(
    gallery: Path, fingerprint: str, token: str, size: int
) -> tuple[CopyHeader, IntArray, Prepared] | None:
    """The copy, mapped into memory: its header, ids [P] (0 where a person was overwritten) and templates.

    Args:
        gallery: the gallery's file.
        fingerprint: of the model.
        token: that the tables have.
        size: E.

    Returns:
        None if there is none, or it is of another model or of other tables, or not whole.
    """
    try:
        with copy_file(gallery).open("rb") as file:
            header = CopyHeader(**json.loads(file.read(_HEADER)))
            if os.fstat(file.fileno()).st_size != header.place("end"):
                return None
            mapped = np.memmap(file, np.uint8, "r")
    except (OSError, ValueError, TypeError):
        return None
    found = (header.magic, header.fingerprint, header.token, header.size)
    if found != (_MAGIC, fingerprint, token, size):
        return None

    def part(first: str, last: str) -> np.ndarray:
        return mapped[header.place(first) : header.place(last)]

    rows = part("rows", "end").reshape(header.people, header.size)
    scale, less = part("scale", "less").view(np.float32), part("less", "rows").view(np.float32)
    return header, np.array(part("ids", "scale").view(np.int64)), Prepared(rows, scale, less)


def erase_from_copy(store: Store, gallery: Path, people: Sequence[int]) -> None:
    """Overwrites people in the copy with zeros, and removes unfinished copies. In a transaction of its own.

    Args:
        store: of the gallery.
        gallery: its file.
        people: ids of people who are not in the tables any more.

    Raises:
        OSError: the copy cannot be written.
        StorageError: the tables cannot be written, or another process holds the write lock.
    """
    target = copy_file(gallery)
    with store.write():
        _remove_unfinished(target)
        with suppress(FileNotFoundError), target.open("r+b") as file:
            try:
                header = CopyHeader(**json.loads(file.read(_HEADER)))
            except (ValueError, TypeError):
                target.unlink()  # nobody can read it, and so nobody can tell who is in it
                return
            ids = np.fromfile(file, np.int64, header.people)
            rows = np.flatnonzero(np.isin(ids, people)).tolist()
            if rows and header.token == store.info().get(TOKEN):
                # A backup of before has these people, so with it this copy must not be used any more.
                token = secrets.token_hex(16)
                store.set_info(TOKEN, token)
                file.seek(0)
                file.write(replace(header, token=token).encoded())
            for row in rows:
                for name, width in (("ids", 8), ("scale", 4), ("less", 4), ("rows", header.size)):
                    file.seek(header.place(name) + width * row)
                    file.write(bytes(width))
            file.flush()
            os.fsync(file.fileno())


def _remove_unfinished(target: Path) -> None:
    # Whoever wrote them held the write lock, as this process does now: they were killed.
    remove_leftovers(target.parent, older_than=0, of=target.name)
