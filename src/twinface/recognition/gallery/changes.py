"""Renames, merges, splits and forgets people."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from twinface.core.errors import GalleryError, NameTakenError, StorageError
from twinface.core.types import FloatArray
from twinface.recognition.gallery.contents import Contents, needles_of
from twinface.recognition.gallery.engine import Engine
from twinface.recognition.gallery.records import Person
from twinface.recognition.gallery.search_copy import erase_from_copy
from twinface.recognition.gallery.stored import StoredPerson


def rename(contents: Contents, name: str, new_name: str) -> Person:
    """See `Gallery.rename`."""
    with contents.store.write():
        person = contents.find(name)
        contents.refit(person, new_name)
        contents.record("rename", person)
    _erase(contents, (), [person.name, person.name_key], name)
    return contents.people([contents.find(new_name)])[0]


def merge(contents: Contents, name: str, other: str) -> Person:
    """See `Gallery.merge`."""
    store = contents.store
    with store.write():
        person, second = contents.find(name), contents.find(other)
        if person.id == second.id:
            raise GalleryError(f"{name} and {other} are one person already")
        have = {face.photo: face.number for face in store.faces_of([person.id])}
        faces = store.faces_of([second.id])
        for face in faces:
            if face.photo not in have:
                store.change_face(face.id, person.id, face.vector, face.crop)
            elif have[face.photo] != face.number:
                raise GalleryError(
                    f"{name} and {other} are on one photo (faces {have[face.photo]} and {face.number}), so they are "
                    "two people: split or move that face first"
                )
        for said in store.corrections_of([second.id]):
            store.change_correction(said.id, person.id, said.vector, said.crop)
        store.remove_person(second.id)
        contents.refit(person)
        contents.record("merge", person, f"{len(faces)} faces")
    _erase(contents, [second.id], [second.name, second.name_key, *needles_of(second, ())], other)
    return contents.people([contents.find(name)])[0]


def split(
    contents: Contents, engine: Engine, name: str, new_name: str, faces: Sequence[int] | None
) -> tuple[Person, Person]:
    """See `Gallery.split`."""
    store = contents.store
    with store.write():
        person = contents.find(name)
        if contents.find_or_none(new_name) is not None:
            raise NameTakenError(f"there is a person named {new_name} already: use `merge` or `move`")
        have = store.faces_of([person.id])
        wanted = set(faces) if faces is not None else _other_group(contents, engine, person)
        unknown = wanted - {face.id for face in have}
        if unknown or not wanted or len(wanted) == len(have):
            raise GalleryError(
                f"{name} has the faces {', '.join(str(face.id) for face in have)}: need some of them, and not all"
            )
        second = contents.add_person(new_name)
        for face in have:
            if face.id in wanted:
                store.change_face(face.id, second.id, face.vector, face.crop)
        contents.refit(person)
        contents.refit(second)
        contents.record("split", person, f"{len(wanted)} faces")
    _erase(contents, (), [])
    both = contents.people(store.people_with([person.id, second.id]))
    return both[0], both[1]


def _other_group(contents: Contents, engine: Engine, person: StoredPerson) -> set[int]:
    """Ids of the faces that are least like the person's best group: the smaller of two clusters (complete linkage)."""
    faces = contents.store.faces_of([person.id])
    vectors = np.stack([contents.vector(face.vector) for face in faces])
    scores = np.stack([engine.score(vectors, vector) for vector in vectors])
    groups = [[place] for place in range(len(faces))]
    while len(groups) > 2:
        pairs = [(first, second) for first in range(len(groups)) for second in range(first)]
        likeness = [scores[np.ix_(groups[first], groups[second])].min() for first, second in pairs]
        first, second = pairs[int(np.argmax(likeness))]
        groups[second] += groups.pop(first)
    if len(groups) < 2 or engine.verifier.judge(_best(scores, groups)).same is not False:
        raise GalleryError(
            "all faces look like one person: say which faces to take (`twinface show NAME` lists them)"
        )
    smaller = min(groups, key=lambda group: (len(group), 0 in group))  # of two equal ones, the younger
    return {faces[place].id for place in smaller}


def _best(scores: FloatArray, groups: Sequence[Sequence[int]]) -> float:
    """The mean score between two groups."""
    return float(scores[np.ix_(groups[0], groups[1])].mean())


def forget(contents: Contents, name: str) -> None:
    """See `Gallery.forget`."""
    store = contents.store
    with store.write():
        person = contents.find(name)
        faces = [*store.faces_of([person.id]), *store.corrections_of([person.id])]
        store.remove_person(person.id)
        # Written last and without the number that stands for the person: it would be the only one of its kind.
        contents.record("forget", None, f"{len(faces)} faces")
    _erase(contents, [person.id], [person.name, person.name_key, *needles_of(person, faces)], name)


def scrub(contents: Contents) -> None:
    """See `Gallery.scrub`."""
    removed = contents.store.changes_since(-1).removed
    _erase(contents, removed, [])


def _erase(
    contents: Contents, removed: Iterable[int], needles: Iterable[bytes], name: str | None = None
) -> None:
    """Makes removed rows unreadable, and removed people in the search copy.

    Args:
        contents: of the gallery.
        removed: ids of people who are gone.
        needles: pieces of rows that are gone.
        name: that is gone. If it is a part of other people's names, the files hold it rightly.
    """
    wanted = list(needles)
    if name is not None and contents.vault.encryption != "all":
        wanted = [each for each in wanted if not contents.store.named_like(each)]
    file = contents.store.local
    if file is not None:
        try:
            erase_from_copy(file, list(removed))
        except OSError as error:
            raise StorageError(
                f"{file}: it is done in the tables, but the search copy beside it could not be written "
                f"({error.strerror}): remove the file {file.name}.search"
            ) from error
    contents.store.erase_remains(wanted)
