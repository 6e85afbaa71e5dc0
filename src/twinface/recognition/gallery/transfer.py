"""Moves people between galleries: as a file of JSON lines, or from one store into another.

The file's first line says which model made the embeddings. Each further line is one person, with all faces and
corrections. Its bytes are plain: an export of an encrypted gallery can be read by everybody who has the file.
"""

from __future__ import annotations

import base64
import json
import re
import secrets
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np

from twinface.core.errors import DataError, GalleryError, ModelMismatchError, NameTakenError
from twinface.core.formatting import count, one_line
from twinface.core.json_records import parse_object, record_from
from twinface.core.storage import new_file, remove_leftovers
from twinface.core.types import Float32Array, ProgressCallback
from twinface.models.distances import DISTANCES
from twinface.recognition.gallery.contents import (
    DISTANCE,
    FINGERPRINT,
    FRAME,
    MODEL,
    MODEL_NAME,
    SIZE,
    Contents,
    clean_name,
    now,
)
from twinface.recognition.gallery.engine import Engine
from twinface.recognition.gallery.fusion import UNKNOWN_QUALITY, can_be_compared
from twinface.recognition.gallery.stored import NewCorrection, NewFace, StoredPerson

FORMAT = "twinface gallery 1"
_TOGETHER = 500  # people in one transaction
_HIGHEST_NUMBER = 2**31 - 1  # of a face in its photo, that both databases take
_MODEL_KEYS = (MODEL, MODEL_NAME, FINGERPRINT, SIZE, DISTANCE, FRAME)


@dataclass(frozen=True)
class PlainFace:
    """A face or a correction as a file has it.

    Attributes:
        vector: float32 in base64.
        quality, number, created: see `stored.NewFace`.
        photo: 32 hexadecimal digits. Another gallery has other ones for the same photo.
        crop: a JPEG in base64, or None.
        kind: "confirm" or "reject" for a correction; None for a face.
    """

    vector: str
    quality: int
    photo: str
    number: int
    created: str
    crop: str | None = None
    kind: Literal["confirm", "reject"] | None = None


@dataclass(frozen=True)
class PlainPerson:
    """A person as a file has it.

    Attributes:
        name, created: see `records.Person`.
        faces: with `kind` None.
        corrections: with a `kind`.
    """

    name: str
    created: str
    faces: tuple[PlainFace, ...]
    corrections: tuple[PlainFace, ...] = ()


@dataclass(frozen=True)
class Imported:
    """What an import did.

    Attributes:
        people, faces: that are in the gallery now and were not before.
        skipped: people who were left out, because somebody has the name already.
    """

    people: int
    faces: int
    skipped: int


def plain_people(contents: Contents, fingerprint: str) -> Iterator[PlainPerson]:
    """All people of a gallery with what belongs to them, by rising id.

    Args:
        contents: of the gallery.
        fingerprint: of the model that the embeddings are to be of.

    Raises:
        ModelMismatchError: the gallery is moved to another model meanwhile.
    """
    people = contents.every_person()
    while page := list(islice(people, _TOGETHER)):
        ids = [person.id for person in page]
        faces: dict[int, list[PlainFace]] = {id: [] for id in ids}
        said: dict[int, list[PlainFace]] = {id: [] for id in ids}
        for face in contents.store.faces_of(ids):
            faces[face.person].append(_plain(contents, face))
        for correction in contents.store.corrections_of(ids):
            said[correction.person].append(_plain(contents, correction))
        contents.check_model(fingerprint)
        for person in page:
            yield PlainPerson(
                contents.name_of(person), person.created, tuple(faces[person.id]), tuple(said[person.id])
            )


def export(contents: Contents, target: Path, progress: ProgressCallback | None = None) -> int:
    """Writes all people to a file, and returns their number. See `Gallery.export`."""
    info, total = contents.store.info(), contents.store.counts().people
    if FINGERPRINT not in info:
        raise GalleryError(f"{contents.store.place}: nobody is enrolled yet, so there is nothing to write")
    head = {"format": FORMAT, **{key: info[key] for key in _MODEL_KEYS}}
    done = 0
    remove_leftovers(target.parent, of=target.name)
    with new_file(target) as file:
        Path(file.name).chmod(0o600)
        file.write(f"{json.dumps(head)}\n".encode())
        for person in plain_people(contents, info[FINGERPRINT]):
            file.write(f"{json.dumps(asdict(person))}\n".encode())
            done += 1
            if progress and done % _TOGETHER == 0:
                progress(done, total)
    return done


def import_file(contents: Contents, source: Path, progress: ProgressCallback | None = None) -> Imported:
    """Adds the people of a file. See `Gallery.import_people`."""
    try:
        with source.open("rb") as file:
            head = _object(source, 1, file.readline())
            if head.get("format") != FORMAT or any(type(head.get(key)) is not str for key in _MODEL_KEYS):
                raise DataError(
                    f"{source}: is no export of a gallery, need a first line with format {FORMAT!r}"
                )
            _check_head(source, head)
            return add_people(contents, head, _people(source, file), progress)
    except OSError as error:
        raise DataError(f"{source}: cannot be read ({error.strerror})") from error


def copy(source: Contents, target: Contents, progress: ProgressCallback | None = None) -> Imported:
    """Adds all people of a gallery to another one, sealed with the key of that one. See `twinface gallery copy`."""
    info = source.store.info()
    if FINGERPRINT not in info:
        return Imported(0, 0, 0)
    return add_people(target, info, plain_people(source, info[FINGERPRINT]), progress)


def add_people(
    contents: Contents,
    model: dict[str, str],
    people: Iterable[PlainPerson],
    progress: ProgressCallback | None,
) -> Imported:
    """Adds people, 500 in each transaction. People whose name is taken are left out, so a call can be repeated.

    Args:
        contents: of the gallery that they are added to.
        model: the info of the gallery that they come from: which model made the embeddings.
        people: with embeddings by that model.
        progress: called with the number of people done, twice: how many there are is not known before the end.

    Raises:
        ModelMismatchError: the gallery has another model, or was moved to another one meanwhile.
        DataError: a person is damaged.
        StorageError: the gallery cannot be written; the people of earlier transactions are there.
    """
    store = contents.store
    with store.write():
        info = store.info()
        if FINGERPRINT not in info:
            for key in _MODEL_KEYS:
                store.set_info(key, model[key])
        elif info[FINGERPRINT] != model[FINGERPRINT]:
            raise ModelMismatchError(
                f"{store.place}: has embeddings of {info[MODEL_NAME]}, and these are of "
                f"{one_line(model[MODEL_NAME], 80)}: their scores would mean nothing"
            )
    added = faces = skipped = 0
    waiting = iter(people)
    while page := list(islice(waiting, _TOGETHER)):
        with store.write():
            contents.check_model(model[FINGERPRINT])
            fresh = [person for person in page if contents.find_or_none(person.name) is None]
            counted = _add(contents, fresh)
            contents.record("import", None, count(len(fresh), "person"))
        added, faces, skipped = added + len(fresh), faces + counted, skipped + len(page) - len(fresh)
        if progress:
            progress(added + skipped, added + skipped)
    return Imported(added, faces, skipped)


def _check_head(source: Path, head: dict[str, str]) -> None:
    """Checks what a file says about its model: an empty gallery takes it over, for good."""
    size, distance = head[SIZE], head[DISTANCE]
    if not re.fullmatch("[1-9][0-9]{0,8}", size):
        raise DataError(f"{source} line 1: found {SIZE} {one_line(size, 80)!r}, need a whole number above 0")
    if distance not in DISTANCES:
        raise DataError(
            f"{source} line 1: found {DISTANCE} {one_line(distance, 80)!r}, need one of {', '.join(DISTANCES)}"
        )


def add_embeddings(
    engine: Engine, names: Sequence[str], embeddings: Float32Array, quality: Sequence[int] | None
) -> int:
    """Adds one new person for each embedding, in one transaction. See `Gallery.import_embeddings`."""
    contents, record = engine.contents, engine.verifier.record
    size, distance = record.embedding_size, record.distance
    if quality is not None and len(quality) != len(names):
        raise DataError(f"found {len(names)} names and {len(quality)} qualities, need one for each")
    embeddings = np.asarray(embeddings, np.float32)
    if embeddings.shape != (len(names), size) or not can_be_compared(embeddings, distance):
        raise DataError(
            f"found {len(names)} names and embeddings of shape {embeddings.shape}, need [{len(names)}, {size}], all "
            "numbers finite, and not all 0"
        )
    values = [UNKNOWN_QUALITY] * len(names) if quality is None else [int(value) for value in quality]
    if values and not 0 <= min(values) <= max(values) <= 100:
        raise DataError(f"found qualities from {min(values)} to {max(values)}, need 0 to 100")
    vault, created = contents.vault, now()
    sealed = [vault.seal(row.tobytes()) for row in np.ascontiguousarray(embeddings, np.float32)]
    photos = secrets.token_bytes(16 * len(names))  # of photos that nobody has seen here
    people = [contents.new_person(name, row, created) for name, row in zip(names, sealed, strict=True)]
    faces = [
        NewFace(row, value, photos[16 * place : 16 * place + 16], 1, created)
        for place, (row, value) in enumerate(zip(sealed, values, strict=True))
    ]
    with contents.store.write():
        contents.check_model(engine.fingerprint)
        contents.store.add_faces(contents.store.add_people(people), faces)
        contents.record("import", None, count(len(names), "person"))
    return len(names)


def _add(contents: Contents, people: list[PlainPerson]) -> int:
    """Adds people who are new. Inside `store.write()`."""
    rows: list[StoredPerson] = []
    info = contents.info
    size, distance = int(info[SIZE]), info[DISTANCE]
    faces = [[_face(contents, person, face, distance, (size,)) for face in person.faces] for person in people]
    for person, own in zip(people, faces, strict=True):
        if len({face.photo for face in own}) < len(own):
            raise DataError(f"{one_line(person.name, 80)}: found two faces of one photo, need one at most")
        template = contents.fused(own, distance)
        rows.append(
            contents.new_person(
                person.name, None if template is None else contents.seal(template), person.created
            )
        )
    try:
        ids = contents.store.add_people(rows)
    except NameTakenError as error:
        raise DataError(f"two people of one name: {error}") from error
    owners = [id for id, own in zip(ids, faces, strict=True) for _ in own]
    contents.store.add_faces(owners, [face for own in faces for face in own])
    for id, person in zip(ids, people, strict=True):
        for said in person.corrections:
            # Empty after a change of the model, where no crop was kept: it still holds for the same photo.
            values = vars(_face(contents, person, said, distance, (size, 0)))
            contents.store.add_correction(id, NewCorrection(**values, kind=said.kind or "reject"))
    return len(owners)


def _plain(contents: Contents, face: NewFace) -> PlainFace:
    return PlainFace(
        vector=base64.b64encode(contents.vault.open(face.vector)).decode(),
        quality=face.quality,
        photo=face.photo.hex(),
        number=face.number,
        created=face.created,
        crop=base64.b64encode(contents.vault.open(face.crop)).decode() if face.crop else None,
        kind=face.kind if isinstance(face, NewCorrection) else None,
    )


def _face(
    contents: Contents, person: PlainPerson, face: PlainFace, distance: str, lengths: tuple[int, ...]
) -> NewFace:
    """A face or a correction that can be added.

    Args:
        contents: of the gallery.
        person: whose it is, for the error.
        face: as the file has it.
        distance: of the gallery's model.
        lengths: that the embedding may have; the first one is named in the error.

    Raises:
        DataError: it is damaged.
    """
    try:
        vector = np.frombuffer(base64.b64decode(face.vector, validate=True), "<f4")
        crop = base64.b64decode(face.crop, validate=True) if face.crop else None
        photo = bytes.fromhex(face.photo)
    except ValueError as error:
        raise DataError(f"{one_line(person.name, 80)}: a face is damaged ({error})") from error
    is_sound = len(vector) in lengths and can_be_compared(vector[None], distance)
    if not is_sound or not 0 <= face.quality <= 100 or not 1 <= face.number <= _HIGHEST_NUMBER:
        raise DataError(
            f"{one_line(person.name, 80)}: found an embedding of {len(vector)} numbers, quality "
            f"{one_line(face.quality, 20)} and face number {one_line(face.number, 20)}, need {lengths[0]} finite "
            f"numbers that are not all 0, 0 to 100, and 1 to {_HIGHEST_NUMBER}"
        )
    return NewFace(
        contents.seal(vector.astype(np.float32)),
        face.quality,
        photo,
        face.number,
        face.created,
        contents.crop(crop),
    )


def _people(source: Path, file: IO[bytes]) -> Iterator[PlainPerson]:
    for number, line in enumerate(file, start=2):
        try:
            person = record_from(PlainPerson, _object(source, number, line))
            clean_name(person.name)
        except (ValueError, GalleryError) as error:
            raise DataError(f"{source} line {number}: {error}") from error
        yield person


def _object(source: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        return parse_object(line.decode())
    except ValueError as error:
        wanted = "; need a file that `twinface gallery export` wrote" if number == 1 else ""
        raise DataError(f"{source} line {number}: {one_line(error, 200)}{wanted}") from error
