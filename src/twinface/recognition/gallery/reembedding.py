"""Moves a gallery to another model: embeddings are made anew from the crops that were kept.

The new embeddings are collected beside the old ones, which serve until all are there. A call that was stopped goes on
where it was. At the end everything is exchanged in one transaction.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from twinface.core.errors import GalleryError
from twinface.core.formatting import count
from twinface.core.types import ProgressCallback
from twinface.faces.frame import Frame
from twinface.faces.picture import load_picture
from twinface.models.embedder import LoadedModel
from twinface.recognition.gallery.contents import (
    DISTANCE,
    FINGERPRINT,
    FRAME,
    MODEL,
    MODEL_NAME,
    SIZE,
    Contents,
)
from twinface.recognition.gallery.records import Shown
from twinface.recognition.gallery.store import Store
from twinface.recognition.gallery.stored import StoredCorrection, StoredFace
from twinface.recognition.photo_faces import AlignedFace
from twinface.recognition.verifier import Verifier

NEXT = "next_fingerprint"  # the key of the gallery's info: which model the collected embeddings are of
_TOGETHER = 16  # crops in one transaction: a stopped call loses less than two seconds
_PEOPLE = 200


@dataclass(frozen=True)
class Reembedding(Shown):
    """How far a gallery has come on its way to another model.

    Attributes:
        is_finished: whether the gallery is of the new model now.
        faces: that have a new embedding.
        lost: faces without a crop, which the new model cannot see.
        photograph_again: names of people none of whose faces has a crop. They are why it is not finished, or, if it is,
            they are in the gallery without a face.
    """

    is_finished: bool
    faces: int
    lost: int
    photograph_again: tuple[str, ...]


def reembed(
    contents: Contents,
    verifier: Verifier,
    model: dict[str, str],
    leave_out: bool,
    progress: ProgressCallback | None = None,
) -> Reembedding:
    """Makes all embeddings anew. The caller erases the old ones from the files. See `Gallery.reembed`.

    Args:
        contents: of the gallery.
        verifier: the new model.
        model: the new values of the gallery's info.
        leave_out: finish even if people would be left without a face.
        progress: called with (faces done, faces in all).

    Raises:
        GalleryError: no crops are kept, or they are aligned in another way; or another call moves the gallery.
    """
    check_crops(contents, model[FRAME])
    store = contents.store
    with store.write():
        if store.info().get(NEXT) != model[FINGERPRINT]:
            store.drop_next_vectors()
            store.set_info(NEXT, model[FINGERPRINT])
    total, done, lost = store.counts().faces, 0, 0
    again: list[str] = []
    people = contents.every_person()
    while page := list(islice(people, _PEOPLE)):
        ids = [person.id for person in page]
        faces = store.faces_of(ids)
        _collect(contents, verifier, model[FINGERPRINT], "face", faces)
        _collect(contents, verifier, model[FINGERPRINT], "correction", store.corrections_of(ids))
        seen = {face.person for face in faces if face.crop}
        had = {face.person for face in faces}
        again += [contents.name_of(person) for person in page if person.id in had - seen]
        done += sum(face.crop is not None for face in faces)
        lost += sum(face.crop is None for face in faces)
        if progress:
            progress(done + lost, total)
    if again and not leave_out:
        return Reembedding(False, done, lost, tuple(again))
    if _exchange(contents, model):
        return Reembedding(True, done, lost, tuple(again))
    return reembed(contents, verifier, model, leave_out, progress)  # a face has come meanwhile


def check_crops(contents: Contents, frame: str) -> None:
    """Checks that crops of the gallery are what a model with this frame takes.

    Args:
        contents: of the gallery.
        frame: of the model, as `model_info` gives it.

    Raises:
        GalleryError: they are not, or none are kept.
    """
    if not contents.keeps_crops:
        raise GalleryError(
            f"{contents.store.place}: keeps no crops, so nobody can be seen by another model: enrol everybody anew in "
            "a new gallery, with --keep-crops if the model may change again"
        )
    if contents.store.info().get(FRAME) != frame:
        raise GalleryError(
            f"{contents.store.place}: its crops are aligned in another way than the new model needs: enrol "
            "everybody anew"
        )


def model_info(model: LoadedModel, place: str, aligned: bool) -> dict[str, str]:
    """What the gallery writes down about its model."""
    record = model.record
    return {
        MODEL: place,
        MODEL_NAME: record.name,
        DISTANCE: record.distance,
        SIZE: str(record.embedding_size),
        FINGERPRINT: model.fingerprint,
        FRAME: _frame_text(None if aligned else record.frame),
    }


def mismatch_text(place: str, info: Mapping[str, str], name: str) -> str:
    """Why a model cannot be used: the gallery at this place, with this info, was made with another one."""
    return (
        f"{place}: was made with the model {info[MODEL_NAME]}, and scores of {name} would mean nothing: use --model "
        f"{info[MODEL]}, or move it with `twinface gallery re-embed`"
    )


def _frame_text(frame: Frame | None) -> str:
    """A frame as the gallery's info has it."""
    return "" if frame is None else json.dumps(frame.to_dict())


def _collect(
    contents: Contents,
    verifier: Verifier,
    fingerprint: str,
    origin: str,
    rows: Sequence[StoredFace] | Sequence[StoredCorrection],
) -> None:
    """Embeds the crops that have no new embedding yet.

    Raises:
        GalleryError: another call moves the gallery.
    """
    store = contents.store
    there = store.next_vectors(origin, [row.id for row in rows])
    waiting = [row for row in rows if row.crop and row.id not in there]
    for start in range(0, len(waiting), _TOGETHER):
        part = waiting[start : start + _TOGETHER]
        faces = [
            AlignedFace(load_picture(contents.vault.open(row.crop or b""), "rgb", "a crop")) for row in part
        ]
        vectors = verifier.embed_faces(*faces)
        with store.write():
            _check_next(contents, fingerprint)
            store.set_next_vectors(
                origin, {row.id: contents.seal(vector) for row, vector in zip(part, vectors, strict=True)}
            )


def _check_next(contents: Contents, fingerprint: str) -> None:
    """Checks that the collected embeddings are still those of this call's model. Inside `store.write()`."""
    if contents.info.get(NEXT) != fingerprint:
        raise GalleryError(
            f"{contents.store.place}: another call has begun to move it to another model, or has moved it: call again "
            "if you still want this one"
        )


def _exchange(contents: Contents, model: dict[str, str]) -> bool:
    """Puts the new embeddings in place of the old ones, unless a crop without one has come since.

    Raises:
        GalleryError: another call moves the gallery.
    """
    store = contents.store
    with store.write():
        _check_next(contents, model[FINGERPRINT])
        people = list(contents.every_person())
        for page in (people[at : at + _PEOPLE] for at in range(0, len(people), _PEOPLE)):
            ids = [person.id for person in page]
            faces, said = store.faces_of(ids), store.corrections_of(ids)
            if _are_missing(store, "face", faces) or _are_missing(store, "correction", said):
                return False
        for key, value in model.items():
            store.set_info(key, value)
        for person in people:
            faces = store.faces_of([person.id])
            new = store.next_vectors("face", [face.id for face in faces])
            for face in faces:
                if face.id in new:
                    store.change_face(face.id, person.id, new[face.id], face.crop)
            store.remove_faces([face.id for face in faces if face.id not in new])
            said = store.corrections_of([person.id])
            new = store.next_vectors("correction", [each.id for each in said])
            for each in said:
                # Without a crop it still holds for the same photo.
                vector = new.get(each.id, contents.vault.seal(b""))
                store.change_correction(each.id, person.id, vector, each.crop)
            contents.refit(person)
        store.drop_next_vectors()
        store.set_info(NEXT, "")
        contents.record("re-embed", None, count(len(people), "person"))
    return True


def _are_missing(store: Store, origin: str, rows: Sequence[StoredFace] | Sequence[StoredCorrection]) -> bool:
    """Whether a row with a crop has no new embedding."""
    new = store.next_vectors(origin, [row.id for row in rows])
    return any(row.crop and row.id not in new for row in rows)
