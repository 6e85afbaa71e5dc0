"""Renames, merges, splits and forgets people."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from twinface.core.errors import GalleryError, NameTakenError, NotErasedError
from twinface.core.formatting import count
from twinface.core.types import FloatArray
from twinface.recognition.gallery.contents import Contents, needles_of
from twinface.recognition.gallery.engine import Engine
from twinface.recognition.gallery.records import Person, Who
from twinface.recognition.gallery.search_copy import copy_file, erase_from_copy
from twinface.recognition.gallery.sql_store import SCRUB, erasing
from twinface.recognition.gallery.stored import NewFace, StoredCorrection, StoredPerson


def rename(contents: Contents, who: Who, new_name: str) -> Person:
    """See `Gallery.rename`."""
    with contents.store.write():
        person = contents.find(who)
        contents.refit(person, new_name)
        contents.record("rename", person)
        renamed = contents.person(person.id)
    _erase(contents, (), (), [person.name, person.name_key])
    return renamed


def merge(contents: Contents, who: Who, other: Who) -> Person:
    """See `Gallery.merge`."""
    store = contents.store
    with store.write():
        person, second = contents.find(who), contents.find(other)
        if person.id == second.id:
            raise GalleryError(f"{who} and {other} are one person already")
        have = {face.photo: face.number for face in store.faces_of([person.id])}
        faces = store.faces_of([second.id])
        for face in faces:
            if face.photo not in have:
                store.change_face(face.id, person.id, face.vector, face.crop)
            elif have[face.photo] != face.number:
                names = " and ".join(map(contents.name_of, (person, second)))
                raise GalleryError(
                    f"{names} are on one photo (faces {have[face.photo]} and {face.number}), so they are "
                    "two people: split or move that face first"
                )
        for said in store.corrections_of([second.id]):
            store.change_correction(said.id, person.id, said.vector, said.crop)
        store.remove_person(second.id)
        _drop_contradicted(contents, person)
        contents.refit(person)
        contents.record("merge", person, count(len(faces), "face"))
        merged = contents.person(person.id)
    _erase(contents, [second.id], needles_of(second, ()), [second.name, second.name_key])
    return merged


def _drop_contradicted(contents: Contents, person: StoredPerson) -> None:
    """Forgets rejects of faces that are the person's: that two people are one is the last word on their faces."""
    store = contents.store
    faces = {(face.photo, face.number) for face in store.faces_of([person.id])}
    store.remove_corrections(
        [
            said.id
            for said in store.corrections_of([person.id])
            if said.kind == "reject" and (said.photo, said.number) in faces
        ]
    )


def split(
    contents: Contents, engine: Engine, who: Who, new_name: str, faces: Sequence[int] | None
) -> tuple[Person, Person]:
    """See `Gallery.split`."""
    store = contents.store
    with store.write():
        contents.check_model(engine.fingerprint)
        person = contents.find(who)
        name = contents.name_of(person)
        if contents.find_or_none(new_name) is not None:
            raise NameTakenError(f"there is a person named {new_name} already: use `merge` or `move`")
        have = store.faces_of([person.id])
        if len(have) < 2:
            raise GalleryError(f"{name}: found {len(have)} faces, need two or more to part them")
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
        contents.record("split", person, count(len(wanted), "face"))
        both = contents.person(person.id), contents.person(second.id)
    _erase(contents, (), ())
    return both


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
    if len(groups) < 2 or engine.verifier.judge(_likeness(scores, groups)).same is not False:
        raise GalleryError(
            "all faces look like one person: say which faces to take (`twinface show NAME` lists them)"
        )
    smaller = min(groups, key=lambda group: (len(group), 0 in group))  # of two equal ones, the younger
    return {faces[place].id for place in smaller}


def _likeness(scores: FloatArray, groups: Sequence[Sequence[int]]) -> float:
    """The mean score between two groups."""
    return float(scores[np.ix_(groups[0], groups[1])].mean())


def forget(contents: Contents, who: Who) -> None:
    """See `Gallery.forget`."""
    store = contents.store
    with store.write():
        person = contents.find(who)
        faces = [*store.faces_of([person.id]), *store.corrections_of([person.id])]
        faces += _elsewhere(contents, person, faces)
        store.remove_person(person.id)
        # Written last and without the number that stands for the person: it would be the only one of its kind.
        contents.record("forget", None, count(len(faces), "face"))
    _erase(contents, [person.id], needles_of(person, faces), [person.name, person.name_key])


def _elsewhere(contents: Contents, person: StoredPerson, own: Sequence[NewFace]) -> list[StoredCorrection]:
    """Removes, and gives back, what was said about other people with a face of this person: "this is not Bob"."""
    store = contents.store
    mine = {(row.photo, row.number) for row in own if getattr(row, "kind", "confirm") == "confirm"}
    found = [
        said
        for photo in sorted({photo for photo, _ in mine})
        for said in store.corrections_on(photo)
        if said.person != person.id and (said.photo, said.number) in mine
    ]
    store.remove_corrections([said.id for said in found])
    return found


def scrub(contents: Contents) -> None:
    """See `Gallery.scrub`."""
    # Nobody knows any more which bytes to look for, so the files are written anew.
    _erase(contents, contents.store.changes_since(-1).removed, (), rewrite=True)


def _erase(
    contents: Contents,
    removed: Sequence[int],
    needles: Sequence[bytes],
    names: Sequence[bytes] = (),
    rewrite: bool = False,
) -> None:
    """Makes removed rows unreadable, and removed people in the search copy.

    Args:
        contents: of the gallery.
        removed: ids of people who are gone.
        needles: pieces of rows that are gone.
        names: rows that are gone, as well. If one is a part of other people's names, the files hold it rightly.
        rewrite: see `store.Store.erase_remains`.
    """
    store, wanted = contents.store, [*needles, *names]
    with erasing(store.place):
        if contents.vault.encryption != "all":
            wanted = [*needles, *(name for name in names if not store.named_like(name))]
        if store.local is not None:
            try:
                erase_from_copy(store, store.local, removed)
            except OSError as error:
                file = copy_file(store.local)
                raise NotErasedError(
                    f"{store.place}: it is done in the tables, but the search copy beside them could not be written "
                    f"({error.strerror or error}): remove the file {file.name}, then {SCRUB}"
                ) from error
        store.erase_remains(wanted, rewrite)
