"""What is done for each kind of job. A new kind is its settings, a function here, and a line in `KINDS`.

A photo is worked on alone, so that its result does not depend on where a worker was stopped.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np

from twinface.core.errors import FaceNotFoundError, ImageError, ModelMismatchError
from twinface.core.types import Float32Array, ProgressCallback
from twinface.recognition.gallery.certification import certify
from twinface.recognition.gallery.clustering import group_faces
from twinface.recognition.gallery.contents import FINGERPRINT
from twinface.recognition.gallery.engine import Engine, ReadPhoto
from twinface.recognition.gallery.gallery import Gallery
from twinface.recognition.gallery.identification import identify_photo
from twinface.recognition.photo_faces import AlignedFace
from twinface.recognition.verdict import VerdictFace
from twinface.service.jobs.leases import PhotoResult, WaitingPhoto
from twinface.service.jobs.names import mark, without_names
from twinface.service.jobs.records import JobKind
from twinface.service.jobs.settings import (
    CertifySettings,
    EmbedSettings,
    IdentifySettings,
    JobSettings,
    ReembedSettings,
)

_MOST_FACES = 64  # of a photo; the same for all workers, whatever a service takes in its calls
Found = Callable[[], Iterator[tuple[int, dict[str, Any], bytes | None]]]


@dataclass(frozen=True, eq=False)
class Work:
    """What a kind's function gets.

    Attributes:
        gallery: of the job.
        settings: of the job.
        fingerprint: of the model that the job's photos are embedded with; None where the kind takes no photos.
        progress: to be called with (done, in all); it raises where the work is to stop.
        found: the results of all photos, as `leases.read_results` gives them.
    """

    gallery: Gallery
    settings: JobSettings
    fingerprint: str | None
    progress: ProgressCallback
    found: Found


@dataclass(frozen=True)
class Kind:
    """How a kind of job is done.

    Attributes:
        photo: what is done with each photo; None if the kind takes no photos.
        whole: what is done once, after all photos; its plain values are the job's result.
    """

    photo: Callable[[Work, WaitingPhoto], PhotoResult] | None = None
    whole: Callable[[Work], dict[str, Any]] | None = None


def check_model(work: Work) -> None:
    """Checks that the gallery has the model that the job was begun with.

    Raises:
        ModelMismatchError: it was moved to another one: results of two models cannot be compared.
    """
    if work.gallery.contents.info[FINGERPRINT] != work.fingerprint:
        raise ModelMismatchError("the gallery was moved to another model meanwhile: start the job anew")


def _read(engine: Engine, photo: WaitingPhoto) -> ReadPhoto:
    """All faces of a photo.

    Raises:
        ImageError: it cannot be read, or has too many faces.
    """
    verifier = copy.copy(engine.verifier)
    verifier.reader = verifier.reader.taking(_MOST_FACES)
    return replace(engine, verifier=verifier).read(photo.data, photo.name)


def identify(work: Work, photo: WaitingPhoto) -> PhotoResult:
    """Who is on a photo, with ids in place of names."""
    settings = cast(IdentifySettings, work.settings)
    engine = without_names(work.gallery.engine)
    check_model(work)
    try:
        read = _read(engine, photo)
    except ImageError as error:
        return _nothing(error)
    if not read.faces:
        return _nothing(FaceNotFoundError(f"{photo.name}: no face was found"))
    answer = identify_photo(engine, read, settings.count, settings.fpir)
    faces = [face.to_dict() for face in answer.faces]
    return PhotoResult({"faces": faces, "people": answer.people, "fpir": answer.fpir})


def embed(work: Work, photo: WaitingPhoto) -> PhotoResult:
    """The faces of a photo with their embeddings."""
    largest = isinstance(work.settings, EmbedSettings) and work.settings.faces == "largest"
    engine = work.gallery.engine
    check_model(work)
    try:
        faces: tuple[AlignedFace, ...] = _read(engine, photo).faces
    except ImageError as error:
        return _nothing(error)
    if not faces:
        return _nothing(FaceNotFoundError(f"{photo.name}: no face was found"))
    faces = faces[:1] if largest else faces
    shown = [VerdictFace.of(face).to_dict() for face in faces]
    return PhotoResult({"faces": shown}, engine.verifier.embed_faces(*faces))


def cluster(work: Work) -> dict[str, Any]:
    """Groups the faces of all photos: lists of (number of the photo, number of the face), the largest group first."""
    engine = work.gallery.engine
    check_model(work)
    length = engine.verifier.record.embedding_size
    places: list[tuple[int, int]] = []
    vectors: list[Float32Array] = []
    without = []
    for number, values, data in work.found():
        if not values["faces"]:
            without.append(number)
            continue
        places += [(number, face["number"]) for face in values["faces"]]
        vectors.append(np.frombuffer(data or b"", "<f4").reshape(-1, length).astype(np.float32))
    photos = np.array([number for number, _ in places], np.int64)
    faces = np.concatenate(vectors) if vectors else np.zeros((0, length), np.float32)
    labels = group_faces(faces, photos, engine.verifier.record, engine.strangers.of_model)
    groups: list[list[tuple[int, int]]] = [[] for _ in range(int(labels.max(initial=-1)) + 1)]
    for place, label in zip(places, labels.tolist(), strict=True):
        groups[label].append(place)
    return {"groups": groups, "without_face": without}


def reembed(work: Work) -> dict[str, Any]:
    """Moves the gallery to another model."""
    settings = cast(ReembedSettings, work.settings)
    gallery = work.gallery
    done = gallery.reembed(settings.model, leave_out=settings.leave_out, progress=work.progress)
    people = [gallery.contents.find_or_none(name) for name in done.photograph_again]
    # Somebody who was renamed since is found by the next call.
    return done.to_dict() | {"photograph_again": [mark(person.id) for person in people if person]}


def certificate(work: Work) -> dict[str, Any]:
    """Measures the gallery on its own people, with ids in place of names."""
    settings = cast(CertifySettings, work.settings)
    engine = without_names(work.gallery.engine)
    values = certify(engine, settings.fpir, settings.traffic, work.progress).to_dict()
    del values["place"]  # a path of this machine
    return values


def _nothing(error: ImageError) -> PhotoResult:
    return PhotoResult({"faces": [], "problem": str(error)})


KINDS: dict[JobKind, Kind] = {
    "identify": Kind(photo=identify),
    "embed": Kind(photo=embed),
    "cluster": Kind(photo=embed, whole=cluster),
    "reembed": Kind(whole=reembed),
    "certify": Kind(whole=certificate),
}
