"""Verifiers that learn little or nothing, to hold a network's figures against.

A baseline is a `Model` like any other: its threshold is fitted on the same validation people, and it is
evaluated by the same code on the same pairs. A new one is one function here and one line in `BASELINES`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from twinface import __version__
from twinface.cache import prepare_faces
from twinface.calibration import fit_calibration, fit_threshold
from twinface.config import Settings
from twinface.imaging import Preparation
from twinface.model_record import ModelRecord
from twinface.provenance import Provenance, hash_people, new_salt
from twinface.scoring import Embed, embed_faces, score_pairs
from twinface.training_data import PeopleSplit
from twinface.types import ByteArray, Calibration, Float32Array, Threshold

COMPONENTS = 100


def pixels(training: ByteArray) -> Embed:
    """The pixels themselves, each picture brought to mean 0; nothing is learnt."""
    return _standardised


def pca(training: ByteArray) -> Embed:
    """Whitened principal components of the pixels (Turk and Pentland 1991), fitted on the training pictures."""
    from sklearn.decomposition import PCA

    count = min(COMPONENTS, len(training) - 1)
    fitted: Any = PCA(count, whiten=True, random_state=0).fit(_standardised(training))
    return lambda faces: np.asarray(fitted.transform(_standardised(faces)), np.float32)


BASELINES: dict[str, Callable[[ByteArray], Embed]] = {"pixels": pixels, "pca": pca}


class Baseline:
    """A baseline with the record that an evaluation asks for."""

    def __init__(self, embed: Embed, record: ModelRecord) -> None:
        self._embed, self.record = embed, record

    def __call__(self, faces: ByteArray) -> Float32Array:
        """`[B, H, W, C]` uint8 → `[B, D]` float32."""
        return self._embed(faces)


def fit_baseline(name: str, split: PeopleSplit, preparation: Preparation, settings: Settings) -> Baseline:
    """Fits a baseline on the people that a network would be trained on, and its threshold on validation people.

    Args:
        name: a key of `BASELINES`.
        split: who is who.
        preparation: how the pictures are cropped and sized.
        settings: of the run that it is held against, for the record.
    """
    embed = BASELINES[name](prepare_faces(split.source.faces, preparation).images)
    validation = embed_faces(embed, prepare_faces(split.validation.faces, preparation).images)
    salt = new_salt()

    def record(threshold: Threshold, calibration: Calibration) -> ModelRecord:
        return ModelRecord(
            name=name,
            preparation=preparation,
            layout=split.source.faces.name,
            embedding_size=validation.shape[1],
            distance="cosine",
            distance_parameters={"scale": np.ones((), np.float32), "bias": np.zeros((), np.float32)},
            threshold=threshold,
            calibration=calibration,
            provenance=Provenance(
                salt,
                hash_people(split.source.faces.names, salt),
                hash_people(split.validation.faces.names, salt),
                split.trained_on,
                split.tuned_on,
            ),
            settings=settings.as_dict(),
            seed=0,
            made_by={"twinface": __version__},
        )

    unfitted = record(Threshold(0.0, "nothing"), Calibration(1.0, 0.0, "nothing"))
    scores = score_pairs(validation, split.validation, unfitted.score).scores
    threshold = fit_threshold(scores, split.validation.is_match, split.tuned_on)
    calibration = fit_calibration(scores, split.validation.is_match, split.tuned_on, threshold)
    return Baseline(embed, record(threshold, calibration))


def _standardised(faces: ByteArray) -> Float32Array:
    flat = faces.reshape(len(faces), -1).astype(np.float32)
    flat -= flat.mean(axis=1, keepdims=True)
    # As in the twin: a picture of one colour has no spread, and one grey level keeps the division finite.
    return np.asarray(flat / np.maximum(flat.std(axis=1, keepdims=True), 1), np.float32)
