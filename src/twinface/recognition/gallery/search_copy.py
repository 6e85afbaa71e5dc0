"""A copy of all templates in one file beside the gallery, so that a large gallery is searched soon after it is opened.

It has a header of one line of JSON, the ids of P people (int64), and their templates (float16). It is no truth of its
own: it says which generation of the tables it was made from, and what has changed since is read from the tables. It is
written and replaced only while the gallery's write lock is held, so it never holds a person who was removed before.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from twinface.core.storage import new_file, remove_leftovers
from twinface.core.types import Float32Array, IntArray

_HEADER = 512  # bytes
_MAGIC = "twinface search copy 1"


@dataclass(frozen=True)
class CopyHeader:
    """What a copy was made from.

    Attributes:
        fingerprint: of the model.
        generation: of the tables.
        people: P.
        size: D, of a template.
        magic: the kind of file, and its version.
    """

    fingerprint: str
    generation: int
    people: int
    size: int
    magic: str = _MAGIC


def copy_file(gallery: Path) -> Path:
    """The copy of a gallery's file."""
    return gallery.with_name(f"{gallery.name}.search")


def write_copy(gallery: Path, header: CopyHeader, ids: IntArray, templates: Float32Array) -> None:
    """Writes the copy: whole, or not at all. Inside `store.write()`.

    Args:
        gallery: the gallery's file.
        header: of the copy.
        ids: [P] rising.
        templates: [P, D].

    Raises:
        StorageError: it cannot be written; the copy that was there is unchanged.
    """
    target = copy_file(gallery)
    _remove_unfinished(target)
    with new_file(target) as file:
        Path(file.name).chmod(0o600)
        file.write(json.dumps(asdict(header)).encode().ljust(_HEADER))
        file.write(np.ascontiguousarray(ids, np.int64).tobytes())
        for start in range(0, len(templates), 10_000):
            file.write(templates[start : start + 10_000].astype(np.float16).tobytes())


def read_copy(gallery: Path, fingerprint: str, size: int) -> tuple[CopyHeader, IntArray, Float32Array] | None:
    """The copy as it is on the disk: its header, ids [P] and templates [P, D]; overwritten rows are left out.

    Returns:
        None if there is none, or it is of another model, or not whole.
    """
    try:
        with copy_file(gallery).open("rb") as file:
            header = CopyHeader(**json.loads(file.read(_HEADER)))
            length = _HEADER + header.people * (8 + 2 * header.size)
            if os.fstat(file.fileno()).st_size != length:
                return None
            mapped = np.memmap(file, np.uint8, "r")
    except (OSError, ValueError, TypeError):
        return None
    if (header.magic, header.fingerprint, header.size) != (_MAGIC, fingerprint, size):
        return None
    ids = mapped[_HEADER : _HEADER + 8 * header.people].view(np.int64)
    templates = mapped[_HEADER + 8 * header.people :].view(np.float16).reshape(-1, header.size)
    there = np.asarray(ids != 0)
    if there.all():
        return header, np.array(ids), templates.astype(np.float32)
    return header, np.asarray(ids[there]), templates[there].astype(np.float32)


def erase_from_copy(gallery: Path, people: list[int]) -> None:
    """Overwrites people in the copy with zeros, and removes unfinished copies.

    Raises:
        OSError: the copy cannot be written.
    """
    target = copy_file(gallery)
    _remove_unfinished(target)
    with suppress(FileNotFoundError), target.open("r+b") as file:
        try:
            header = CopyHeader(**json.loads(file.read(_HEADER)))
        except (ValueError, TypeError):
            target.unlink()  # nobody can read it, and so nobody can tell who is in it
            return
        ids = np.fromfile(file, np.int64, header.people)
        for row in np.flatnonzero(np.isin(ids, people)):
            file.seek(_HEADER + 8 * int(row))
            file.write(bytes(8))
            file.seek(_HEADER + 8 * header.people + 2 * header.size * int(row))
            file.write(bytes(2 * header.size))
        file.flush()
        os.fsync(file.fileno())


def _remove_unfinished(target: Path) -> None:
    # Whoever wrote them held the write lock, as this process does now or did a moment ago: they were killed.
    remove_leftovers(target.parent, older_than=0, of=target.name)
