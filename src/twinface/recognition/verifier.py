"""Says of two pictures whether they show the same person; needs no torch."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from twinface.core.types import ByteArray, Float32Array
from twinface.faces.crop import prepare_picture
from twinface.faces.picture import Picture
from twinface.models.load import load_model
from twinface.recognition.verdict import Verdict


class Verifier:
    """A loaded model that verifies pairs of pictures.

    Args:
        model: a run folder, an ONNX file, or the name of a model that comes with Twinface.
        threads: of ONNX Runtime; None takes all cores that this process may use.

    Raises:
        ModelError: the model is missing or damaged.
    """

    def __init__(self, model: str | Path = "default", threads: int | None = None) -> None:
        self.model = load_model(model, threads)
        self.record = self.model.record

    def embed(self, *pictures: Picture) -> Float32Array:
        """Pictures → embeddings `[N, D]` float32.

        Args:
            pictures: each a path, the bytes of a file, an array or a Pillow image; see `faces.picture.load_picture`.

        Raises:
            ImageError: a picture cannot be read, or is an array of another shape or type.
        """
        return self.model(np.stack([self.prepare(picture) for picture in pictures]))

    def verify(self, left: Picture, right: Picture) -> Verdict:
        """Whether two pictures show the same person.

        Args:
            left, right: each a path, the bytes of a file, an array or a Pillow image; see `embed`.

        Raises:
            ImageError: a picture cannot be read, or is an array of another shape or type.
        """
        began = time.perf_counter()
        embeddings = self.embed(left, right)
        return self.judge(float(self.record.score(embeddings[0], embeddings[1])), began)

    def judge(self, score: float, began: float) -> Verdict:
        """The verdict that a score means.

        Args:
            score: of two embeddings.
            began: when the work on them began, by `time.perf_counter`.
        """
        threshold = self.record.threshold
        return Verdict(
            same=score >= threshold.value,
            score=score,
            threshold=threshold.value,
            probability=float(self.record.calibration.probability(score)),
            notes=(
                f"No face is looked for: both pictures must be laid out like the training data ({self.record.layout}).",
            ),
            details={
                "model": self.record.name,
                "threshold_fitted_on": threshold.fitted_on,
                "seconds": round(time.perf_counter() - began, 4),
            },
        )

    def prepare(self, picture: Picture) -> ByteArray:
        """A picture as the model takes it: `[H, W, C]` uint8.

        Raises:
            ImageError: it cannot be read, or is an array of another shape or type.
        """
        return prepare_picture(picture, self.record.preparation)


def verify(left: Picture, right: Picture, model: str | Path = "default") -> Verdict:
    """Whether two pictures show the same person, by a model that is loaded for this one answer.

    Args:
        left, right: each a path, the bytes of a file, an array or a Pillow image; see `Verifier.embed`.
        model: a run folder, a model file, or the name of a model that comes with Twinface.

    Returns:
        A `Verdict`, true for "same".

    Raises:
        ImageError: a picture cannot be read.
        ModelError: the model is missing or damaged.
    """
    return Verifier(model).verify(left, right)
