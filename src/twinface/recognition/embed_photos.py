"""Embeds the face of each photo of a folder, in memory, and says which photos had none that can be used."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from twinface.core.errors import DataError, FaceNotFoundError, ImageError
from twinface.core.types import Float32Array, ProgressCallback
from twinface.recognition.photo_faces import AlignedFace
from twinface.recognition.picture_list import list_pictures
from twinface.recognition.verifier import Verifier, is_poor

_FACES = 16  # that the model gets at a time


@dataclass(frozen=True, eq=False)
class EmbeddedPhotos:
    """The faces of a folder.

    Attributes:
        embeddings: [N, D].
        skipped: photo → why it was left out.
    """

    embeddings: Float32Array
    skipped: dict[str, str] = field(default_factory=dict)


def embed_photos(
    verifier: Verifier, photos: Path, progress: ProgressCallback | None = None
) -> EmbeddedPhotos:
    """Embeds the face that is meant in each photo.

    Args:
        verifier: finds and embeds; faces of poor quality are left out.
        photos: a folder, or a text file with a path on each line.
        progress: called with (photos done, photos in total).

    Raises:
        DataError: no photo has a face that can be used.
    """
    root = photos if photos.is_dir() else photos.parent
    names = list(list_pictures(photos))
    skipped: dict[str, str] = {}
    waiting: list[AlignedFace] = []
    parts: list[Float32Array] = []
    for done, name in enumerate(names, start=1):
        try:
            face = verifier.read(root / name)
        except (ImageError, FaceNotFoundError) as error:
            skipped[name] = str(error)
        else:
            if is_poor(face.quality):
                skipped[name] = "; ".join(face.quality.reasons) if face.quality else ""
            else:
                waiting.append(face)
        if waiting and (len(waiting) == _FACES or done == len(names)):
            parts.append(verifier.embed_faces(*waiting))
            waiting = []
        if progress:
            progress(done, len(names))
    if not parts:
        raise DataError(f"{photos}: found no face that can be used in {len(names)} photos")
    return EmbeddedPhotos(np.concatenate(parts), skipped)
