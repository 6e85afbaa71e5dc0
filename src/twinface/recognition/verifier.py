"""Verifies whether two pictures show the same person. Needs no torch."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from twinface.core.types import ByteArray, Float32Array
from twinface.faces.crop import prepare_picture
from twinface.faces.picture import Picture
from twinface.models.load import load_model
from twinface.recognition.verdict import Verdict

_UNSURE = 0.1  # a probability that is at most this far from 0.5 gets a note


class Verifier:
    """A loaded model that verifies pairs of pictures.

    It does not look for faces: pictures must be laid out like the model's training data. `record.layout` says how, for
    example "LFW-a: aligned faces, 250x250".

    Args:
        model: a run folder, an ONNX file, or the name of a model that comes with Twinface.
        threads: of ONNX Runtime; None takes all cores that this process may use.

    Attributes:
        model: prepared faces in, embeddings out.
        record: how the model prepares pictures, and its threshold and calibration.

    Raises:
        ModelError: the model is missing or damaged.
    """

    def __init__(self, model: str | Path = "default", threads: int | None = None) -> None:
        self.model = load_model(model, threads)
        self.record = self.model.record

    def prepare(self, picture: Picture) -> ByteArray:
        """A picture as the model takes it: `[H, W, C]` uint8.

        Args:
            picture: a path, the bytes of a file, an array or a Pillow image; see `faces.picture.load_picture`.

        Raises:
            ImageError: the picture cannot be read, or is an array of another shape or type.
        """
        return prepare_picture(picture, self.record.preparation)

    def embed(self, *pictures: Picture) -> Float32Array:
        """N pictures → embeddings `[N, D]` float32.

        Args:
            pictures: at least one, each in a form that `prepare` takes.

        Raises:
            ImageError: a picture cannot be read, or is an array of another shape or type.
        """
        return self.model(np.stack([self.prepare(picture) for picture in pictures]))

    def verify(self, left: Picture, right: Picture) -> Verdict:
        """Whether two pictures show the same person.

        Args:
            left: a picture in a form that `prepare` takes.
            right: the other picture, in any of these forms.

        Raises:
            ImageError: a picture cannot be read, or is an array of another shape or type.
        """
        began = time.perf_counter()
        embeddings = self.embed(left, right)
        verdict = self.judge(float(self.record.score(embeddings[0], embeddings[1])))
        return replace(verdict, seconds=round(time.perf_counter() - began, 4))

    def judge(self, score: float) -> Verdict:
        """The verdict that a score of two embeddings means.

        Args:
            score: of `record.score`; higher means the same person.

        Raises:
            DataError: the score is not finite.
        """
        threshold = self.record.threshold
        same = score >= threshold.value
        probability = float(self.record.calibration.probability(score))
        return Verdict(
            same=same,
            score=score,
            threshold=threshold.value,
            probability=probability,
            model=self.record.name,
            threshold_fitted_on=threshold.fitted_on,
            notes=tuple(_notes(same, probability, threshold.far)),
        )


def verify(left: Picture, right: Picture, model: str | Path = "default") -> Verdict:
    """Whether two pictures show the same person. The model is loaded for this one answer.

    Twinface does not look for faces: pictures must be laid out like the model's training data, see `Verifier`.

    Args:
        left: a path, the bytes of a file, an array or a Pillow image; see `faces.picture.load_picture`.
        right: the other picture, in any of these forms.
        model: a run folder, an ONNX file, or the name of a model that comes with Twinface.

    Returns:
        A `Verdict`, true for "same".

    Raises:
        ImageError: a picture cannot be read, or is an array of another shape or type.
        ModelError: the model is missing or damaged.
    """
    return Verifier(model).verify(left, right)


def _notes(same: bool, probability: float, far: float | None) -> list[str]:
    """What is special about a verdict.

    Args:
        same: the verdict.
        probability: of "same".
        far: the false accept rate that the threshold was chosen for, or None if it was chosen for accuracy.
    """
    notes = []
    if abs(probability - 0.5) <= _UNSURE:
        notes.append("The model is not sure about this pair: the probability is close to one half.")
    if far is not None and same != (probability >= 0.5):
        notes.append(
            "Verdict and probability disagree, because the threshold was chosen for a false accept rate of "
            f"{far:g}, not for accuracy."
        )
    return notes
