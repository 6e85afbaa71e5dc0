"""Several models that decide together: their embeddings side by side, their scores on one scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from twinface.core.types import WHOLE_FRAME, ByteArray, Float32Array
from twinface.faces.color import convert_color
from twinface.faces.crop import prepare
from twinface.faces.frame import STANDARD_FRAME
from twinface.faces.preparation import Preparation
from twinface.models.embedder import LoadedModel, check_faces, fingerprint_of
from twinface.models.record import ModelRecord

# A committee takes pictures in the standard frame, and each member takes its own part of them.
COMMITTEE_PREPARATION = Preparation(WHOLE_FRAME, STANDARD_FRAME.height, STANDARD_FRAME.width, "rgb")


@dataclass(frozen=True, eq=False)
class Committee:
    """Models whose scores are added; an `Embedder`.

    The score of a pair is a weighted mean of the members' cosines. A weight is 1 over the standard deviation of that
    member's impostor scores, so that all have the same say. To be a single cosine, an embedding holds each member's
    embedding, scaled to a length of the square root of its weight. A member with score normalisation adds its own
    correction of a face, with its weight, to the last number (see `distances.local_cosine`).

    Attributes:
        record: of the committee; its preparation is `COMMITTEE_PREPARATION`, its distance is "local-cosine".
        members: each of them takes pictures in the standard frame, and its distance is a cosine.
        weights: one for each member, above 0.
    """

    record: ModelRecord
    members: Sequence[LoadedModel]
    weights: Sequence[float]

    @property
    def fingerprint(self) -> str:
        """See `LoadedModel.fingerprint`."""
        parts = (member.fingerprint for member in self.members)
        return fingerprint_of(self.record, *parts, *map(str, self.weights))

    def __call__(self, faces: ByteArray) -> Float32Array:
        """Embeds pictures in the standard frame: `[B, 250, 250, 3]` uint8 → `[B, D]` float32.

        Raises:
            ModelError: the pictures have another shape or type.
            DivergedError: an embedding is not finite.
        """
        check_faces(faces, self.record, self.record.name)
        embeddings = []
        for member in self.members:
            preparation = member.record.preparation
            seen = np.stack([prepare(convert_color(face, preparation.color), preparation) for face in faces])
            embeddings.append(member(seen))
        return self.join(embeddings)

    def join(self, members: Sequence[Float32Array]) -> Float32Array:
        """The members' embeddings of the same B faces, `[B, D_i]` each → the committee's, `[B, D]`."""
        parts, corrections = [], np.zeros(len(members[0]), np.float32)
        for member, weight, each in zip(self.members, self.weights, members, strict=True):
            embeddings = each
            if member.record.distance == "local-cosine":
                corrections += np.float32(weight / sum(self.weights)) * embeddings[:, -1]
                embeddings = embeddings[:, :-1]
            lengths = np.linalg.norm(embeddings, axis=1, keepdims=True)
            parts.append(np.float32(weight**0.5) * embeddings / np.maximum(lengths, 1e-12))
        return np.concatenate([*parts, corrections[:, np.newaxis]], axis=1).astype(np.float32)
