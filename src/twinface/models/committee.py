"""Several models that decide together: their embeddings side by side, their scores on one scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
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


@dataclass(frozen=True)
class Variant:
    """How a picture is changed before a member sees it (test-time augmentation).

    Attributes:
        zoom: about the middle of the frame; below 1 the face is smaller.
        mirrored: left is right.
    """

    zoom: float = 1.0
    mirrored: bool = False

    def of(self, face: ByteArray) -> ByteArray:
        """[H, W, C] → [H, W, C]."""
        if self.zoom != 1:
            height, width = face.shape[:2]
            matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), 0, self.zoom)
            # Sharp: with linear interpolation next to nothing is gained.
            face = np.asarray(
                cv2.warpAffine(
                    face, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
                ),
                np.uint8,
            )
        return np.ascontiguousarray(face[:, ::-1]) if self.mirrored else face


PLAIN = (Variant(),)
# What both together are worth: docs/pretrained.md.
PLAIN_AND_MIRRORED = (Variant(), Variant(zoom=0.94, mirrored=True))


@dataclass(frozen=True, eq=False)
class Member:
    """A model of a committee.

    Attributes:
        model: takes pictures in the standard frame, and its distance is a cosine.
        weight: above 0.
        variants: of each picture; their embeddings are averaged.
    """

    model: LoadedModel
    weight: float = 1.0
    variants: tuple[Variant, ...] = PLAIN

    def embed(self, faces: ByteArray) -> tuple[Float32Array, Float32Array]:
        """Embeds pictures in the standard frame: `[B, 250, 250, 3]` uint8 → `[B, D]` of length 1, and `[B]`, the
        correction of score normalisation (0 if the model has none).
        """
        preparation = self.model.record.preparation
        directions, corrections = [], np.zeros(len(faces), np.float32)
        for variant in self.variants:
            seen = [
                prepare(convert_color(variant.of(face), preparation.color), preparation) for face in faces
            ]
            embeddings = self.model(np.stack(seen))
            if self.model.record.distance == "local-cosine":
                corrections += embeddings[:, -1] / np.float32(len(self.variants))
                embeddings = embeddings[:, :-1]
            directions.append(_of_length_one(embeddings))
        return _of_length_one(np.sum(directions, axis=0)), corrections


@dataclass(frozen=True, eq=False)
class Committee:
    """Models whose scores are added; an `Embedder`.

    The score of a pair is a weighted mean of the members' cosines. A weight is 1 over the standard deviation of that
    member's impostor scores, so that all have the same say. To be a single cosine, an embedding holds each member's
    embedding, scaled to a length of the square root of its weight. A member with score normalisation adds its own
    correction of a face, with its weight, to the last number (see `distances.local_cosine`).

    Attributes:
        record: of the committee; its preparation is `COMMITTEE_PREPARATION`, its distance is "local-cosine".
        members: one or more.
    """

    record: ModelRecord
    members: Sequence[Member]

    @property
    def fingerprint(self) -> str:
        """See `LoadedModel.fingerprint`."""
        parts = (f"{each.model.fingerprint} {each.weight} {each.variants}" for each in self.members)
        return fingerprint_of(self.record, *parts)

    def __call__(self, faces: ByteArray) -> Float32Array:
        """Embeds pictures in the standard frame: `[B, 250, 250, 3]` uint8 → `[B, D]` float32.

        Raises:
            ModelError: the pictures have another shape or type.
            DivergedError: an embedding is not finite.
        """
        check_faces(faces, self.record, self.record.name)
        whole = sum(member.weight for member in self.members)
        parts, correction = [], np.zeros(len(faces), np.float32)
        for member in self.members:
            directions, corrections = member.embed(faces)
            parts.append(np.float32(member.weight**0.5) * directions)
            correction += np.float32(member.weight / whole) * corrections
        return np.concatenate([*parts, correction[:, np.newaxis]], axis=1).astype(np.float32)


def _of_length_one(rows: Float32Array) -> Float32Array:
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12), np.float32)
