"""Verifies whether two pictures show the same person. Needs no torch."""

from __future__ import annotations

import copy
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from twinface.core.errors import FaceNotFoundError, SeveralFacesError
from twinface.core.types import ByteArray, Float32Array
from twinface.faces.choose import Choice
from twinface.faces.color import convert_color
from twinface.faces.crop import prepare
from twinface.faces.picture import Picture
from twinface.faces.quality import Quality
from twinface.models.card import ModelCard
from twinface.models.catalog import card_of
from twinface.models.embedder import Embedder
from twinface.models.load import load_model
from twinface.models.record import ModelRecord
from twinface.recognition.likeness import likeness_note
from twinface.recognition.photo_faces import AlignedFace, FaceReader
from twinface.recognition.rates import WantedRates, stranger_rates, threshold_for
from twinface.recognition.verdict import Outcome, Verdict, VerdictFace

FaceProblem = FaceNotFoundError | SeveralFacesError
POOR_QUALITY_NOTE = (
    "Faces of poor quality resemble each other, so the error rates do not hold for them; --any-quality "
    "(any_quality=True) judges them all the same."
)
UNCERTAIN_NOTE = "For a score in between, the wanted error rates cannot be kept on photos of every kind."
_FACES = 16  # that the model gets at a time
_UNSURE = 0.1  # a probability that is at most this far from 0.5 gets a note


class Verifier:
    """A loaded model that verifies pairs of pictures.

    It finds the face in each photo and aligns it as the model's training pictures were. A model whose alignment is not
    known (`record.frame` is None) takes pictures as they are.

    Args:
        model: the name of a model ("best" is the best one that is installed), a run folder, an ONNX file or the
            description of a network, see `models.load.load_model`; or a loaded model.
        threads: of ONNX Runtime; None takes all cores that this process may use.
        faces: which face of a photo with several is meant: "largest", "one" (refuse such a photo), or the number of a
            face, from 1, the largest first.
        aligned: take pictures as they are, because they are aligned already: laid out like the model's training data.
            The threshold then needs no margin for other conditions.
        rates: the wanted error rates; None takes the threshold that the model comes with.
        any_quality: judge faces of poor quality too.

    Attributes:
        model: prepared faces in, embeddings out.
        record: how the model prepares pictures, and its threshold and calibration.
        reader: finds faces and aligns them.

    Raises:
        ModelError: the model or its weights are missing or damaged.
        DataError: the wanted rates were not measured for this model.
    """

    def __init__(
        self,
        model: str | Path | Embedder = "best",
        threads: int | None = None,
        *,
        faces: Choice = "largest",
        aligned: bool = False,
        rates: WantedRates | None = None,
        any_quality: bool = False,
    ) -> None:
        self.model: Embedder = load_model(model, threads) if isinstance(model, (str, Path)) else model
        self._place = model if isinstance(model, (str, Path)) else None
        record = self.model.record
        self.reader = FaceReader(None if aligned else record.frame, faces)
        self.record = self._record_for(rates or WantedRates())
        self.any_quality = any_quality

    def _record_for(self, rates: WantedRates) -> ModelRecord:
        record = self.model.record
        threshold = threshold_for(record, rates)
        if self.reader.frame is None:
            threshold = replace(threshold, upper=None)
        return replace(record, threshold=threshold)

    def deciding(
        self, rates: WantedRates | None = None, *, faces: Choice | None = None, any_quality: bool = False
    ) -> Verifier:
        """The same model with other wishes, without loading anything again; see `Verifier` for them.

        Raises:
            DataError: the wanted rates were not measured for this model.
        """
        other = copy.copy(self)
        other.record = self._record_for(rates or WantedRates())
        other.any_quality = any_quality
        other.reader = self.reader if faces is None else self.reader.choosing(faces)
        return other

    @property
    def card(self) -> ModelCard | None:
        """The model's card; None where it was not opened by a name."""
        return None if self._place is None else card_of(self._place)

    def read(self, picture: Picture) -> AlignedFace:
        """The face that is meant in a picture, aligned.

        Args:
            picture: a path, the bytes of a file, an array or a Pillow image; see `faces.picture.load_picture`.

        Raises:
            ImageError: the picture cannot be read, or is an array of another shape or type.
            FaceNotFoundError, SeveralFacesError: there is no face in it, or not the one that is meant.
        """
        return self.reader.read(picture)

    def prepare(self, picture: Picture) -> ByteArray:
        """A picture as the model takes it: `[H, W, C]` uint8.

        Args, Raises: see `read`.
        """
        return self.prepare_face(self.read(picture))

    def prepare_face(self, face: AlignedFace) -> ByteArray:
        """An aligned face as the model takes it: `[H, W, C]` uint8."""
        preparation = self.record.preparation
        return prepare(convert_color(face.pixels, preparation.color), preparation)

    def embed(self, *pictures: Picture) -> Float32Array:
        """N pictures → embeddings `[N, D]` float32.

        Args:
            pictures: at least one, each in a form that `read` takes.

        Raises:
            ImageError, FaceNotFoundError, SeveralFacesError: see `read`.
        """
        return self.model(np.stack([self.prepare(picture) for picture in pictures]))

    def embed_faces(self, *faces: AlignedFace) -> Float32Array:
        """N aligned faces, at least one → embeddings `[N, D]` float32; the model gets some at a time."""
        batches = (faces[start : start + _FACES] for start in range(0, len(faces), _FACES))
        return np.concatenate(
            [self.model(np.stack([self.prepare_face(face) for face in batch])) for batch in batches]
        )

    def verify(self, left: Picture, right: Picture) -> Verdict:
        """Whether two pictures show the same person.

        A photo without a face is no error: the outcome then is "no_face".

        Args:
            left: a picture in a form that `read` takes.
            right: the other picture, in any of these forms.

        Raises:
            ImageError: a picture cannot be read, or is an array of another shape or type.
        """
        began = time.perf_counter()
        faces: list[AlignedFace | FaceProblem] = []
        for picture in (left, right):  # both are read, so that a file that is no picture is always an error
            try:
                faces.append(self.read(picture))
            except (FaceNotFoundError, SeveralFacesError) as error:
                faces.append(error)
        verdict = self.compare(*faces)
        return replace(verdict, seconds=round(time.perf_counter() - began, 4))

    def compare(self, left: AlignedFace | FaceProblem, right: AlignedFace | FaceProblem) -> Verdict:
        """Whether two aligned faces are of the same person; in place of a face, why there is none."""
        if isinstance(left, AlignedFace) and isinstance(right, AlignedFace):
            embeddings = self.embed_faces(left, right)
            verdict = self.judge_faces(float(self.record.score(embeddings[0], embeddings[1])), left, right)
            note = likeness_note(self.record, embeddings, verdict.outcome)
            return replace(verdict, notes=(*verdict.notes, note)) if note else verdict
        return self._untold([left, right])

    def judge_faces(self, score: float, *compared: AlignedFace) -> Verdict:
        """The verdict on aligned faces whose score is known.

        Args:
            score: of `record.score`; higher means the same person.
            compared: both faces, or one that was compared with a stored embedding.

        Raises:
            DataError: the score is not finite.
        """
        verdict, faces = self.judge(score), tuple(map(VerdictFace.of, compared))
        if not self.any_quality and any(is_poor(face.quality) for face in compared):
            verdict = replace(verdict, outcome="poor_quality", notes=(POOR_QUALITY_NOTE,))
        notes = notes_on_faces(faces) if len(faces) == 2 else []
        return replace(verdict, faces=faces, notes=(*notes, *verdict.notes))

    def judge(self, score: float) -> Verdict:
        """The verdict that a score of two embeddings means.

        Args:
            score: of `record.score`; higher means the same person.

        Raises:
            DataError: the score is not finite.
        """
        threshold = self.record.threshold
        same = threshold.decide(score)
        probability = float(self.record.calibration.probability(score))
        return Verdict(
            outcome="uncertain" if same is None else "same" if same else "different",
            score=score,
            threshold=threshold.value,
            probability=probability,
            model=self.record.name,
            threshold_fitted_on=threshold.fitted_on,
            notes=tuple(_notes(same, probability, threshold.far)),
            trained_on=self.record.provenance.trained_on,
            zone=threshold.zone,
            rates=stranger_rates(self.record, score),
        )

    def _untold(self, sides: Sequence[AlignedFace | FaceProblem]) -> Verdict:
        """The verdict on pictures that cannot be compared."""
        faces = [side for side in sides if isinstance(side, AlignedFace)]
        problems = [side for side in sides if not isinstance(side, AlignedFace)]
        outcome: Outcome = "no_face" if isinstance(problems[0], FaceNotFoundError) else "several_faces"
        threshold = self.record.threshold
        return Verdict(
            *(outcome, None, threshold.value, None, self.record.name, threshold.fitted_on),
            faces=tuple(VerdictFace.of(face) for face in faces),
            notes=tuple(f"{problem}." for problem in problems),
            trained_on=self.record.provenance.trained_on,
        )


def verify(
    left: Picture,
    right: Picture,
    model: str | Path = "best",
    *,
    faces: Choice = "largest",
    aligned: bool = False,
    rates: WantedRates | None = None,
    any_quality: bool = False,
) -> Verdict:
    """Whether two pictures show the same person. The model is loaded for this one answer.

    Args:
        left: a path, the bytes of a file, an array or a Pillow image; see `faces.picture.load_picture`.
        right: the other picture, in any of these forms.
        model, faces, aligned, rates, any_quality: see `Verifier`.

    Returns:
        A `Verdict`, true for "same".

    Raises:
        ImageError: a picture cannot be read, or is an array of another shape or type.
        ModelError: the model or its weights are missing or damaged.
        DataError: the wanted rates were not measured for this model.
    """
    verifier = Verifier(model, faces=faces, aligned=aligned, rates=rates, any_quality=any_quality)
    return verifier.verify(left, right)


def notes_on_faces(faces: tuple[VerdictFace, ...]) -> list[str]:
    """How many faces there were, where that is not one."""
    return [
        f"The {place} photo has {face.found} faces; number {face.number} was compared, the largest being number 1."
        for place, face in zip(("first", "second"), faces, strict=True)
        if face.found > 1
    ]


def is_poor(quality: Quality | None) -> bool:
    """Whether a face is too poor to be told."""
    return quality is not None and quality.word == "poor"


def _notes(same: bool | None, probability: float, far: float | None) -> list[str]:
    """What is special about a verdict.

    Args:
        same: the verdict; None if it cannot be told.
        probability: of "same".
        far: the false accept rate that the threshold was chosen for, or None if it was chosen for accuracy.
    """
    if same is None:
        return [UNCERTAIN_NOTE]
    notes = []
    if abs(probability - 0.5) <= _UNSURE:
        notes.append("The model is not sure about this pair: the probability is close to one half.")
    if far is not None and same != (probability >= 0.5):
        notes.append(
            "Verdict and probability disagree, because the threshold was chosen for a false accept rate of "
            f"{far:g}, not for accuracy."
        )
    return notes
