"""Says of two pictures whether they show the same person; needs no torch."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from twinface.core.types import ByteArray, Float32Array
from twinface.faces.decode import decode
from twinface.faces.prepare import prepare, prepare_file
from twinface.models.load import load_model
from twinface.recognition.verdict import Verdict

Picture = str | Path | bytes


class Verifier:
    """A loaded model that verifies pairs of pictures.

    Args:
        model: a run folder, a model file (.onnx, or .xml of OpenVINO), or the name of a model that comes with Twinface.
        threads: for the runtime; None takes all cores.

    Raises:
        ModelError: the model is missing or damaged.
        ModuleNotFoundError: the runtime that the file needs is not installed.
    """

    def __init__(self, model: str | Path = "default", threads: int | None = None) -> None:
        self.model = load_model(model, threads)
        self.record = self.model.record

    def embed(self, *pictures: Picture) -> Float32Array:
        """Pictures, as paths or as the bytes of a file → embeddings `[N, D]` float32.

        Raises:
            ImageError: a picture cannot be read.
        """
        return self.model(np.stack([self.prepare(picture) for picture in pictures]))

    def verify(self, left: Picture, right: Picture) -> Verdict:
        """Whether two pictures show the same person.

        Raises:
            ImageError: a picture cannot be read.
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
            ImageError: it cannot be read.
        """
        preparation = self.record.preparation
        if isinstance(picture, bytes):
            return prepare(decode(picture, preparation.color, "a picture given as bytes"), preparation)
        return prepare_file(picture, preparation)


def verify(left: Picture, right: Picture, model: str | Path = "default") -> Verdict:
    """Whether two pictures show the same person, by a model that is loaded for this one answer.

    Args:
        left, right: paths, or the bytes of picture files.
        model: a run folder, a model file, or the name of a model that comes with Twinface.

    Returns:
        A `Verdict`, true for "same".

    Raises:
        ImageError: a picture cannot be read.
        ModelError: the model is missing or damaged.
    """
    return Verifier(model).verify(left, right)
