"""An embedding function with a threshold fitted to how it is used here; needs no torch.

A baseline has no threshold of its own, and a model that is shown a part of each picture scores otherwise than on whole
ones: both get theirs from validation people, prepared as the pictures that they are judged on.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from twinface.core.types import ByteArray, Float32Array, PairSet, ProgressCallback
from twinface.evaluation.calibration import fit_calibration, fit_threshold
from twinface.faces.cache import prepare_faces
from twinface.faces.mask import Mask
from twinface.models.embedder import Embedder, EmbedFunction
from twinface.models.record import ModelRecord
from twinface.models.scoring import embed_faces, score_pairs


@dataclass(frozen=True, eq=False)
class FittedModel:
    """A `Embedder` as evaluation asks for it: `embed` with the record that goes with it."""

    embed: EmbedFunction
    record: ModelRecord

    def __call__(self, faces: ByteArray) -> Float32Array:
        """`[B, H, W, C]` uint8 → `[B, D]` float32."""
        return self.embed(faces)


def fit_model(
    embed: EmbedFunction,
    record: ModelRecord,
    validation: PairSet,
    fitted_on: str,
    progress: ProgressCallback | None = None,
) -> FittedModel:
    """Fits threshold and calibration on validation pairs.

    Args:
        embed: `[B, H, W, C]` uint8 → `[B, D]` float32.
        record: its threshold and calibration are replaced.
        validation: pairs of people that nothing was learnt from.
        fitted_on: the same in words.
        progress: told (faces done, faces in all).

    Raises:
        DataError, ImageError: the pictures are missing or damaged.
    """
    faces = prepare_faces(validation.faces, record.preparation).images
    scores = score_pairs(embed_faces(embed, faces, progress=progress), validation, record.score).scores
    threshold = fit_threshold(scores, validation.is_match, fitted_on)
    calibration = fit_calibration(scores, validation.is_match, fitted_on, threshold)
    return FittedModel(embed, replace(record, threshold=threshold, calibration=calibration))


def show_only(
    mask: Mask, model: Embedder, validation: PairSet | None, progress: ProgressCallback | None = None
) -> FittedModel:
    """A trained model that sees a part of each picture only.

    Its own threshold was fitted on whole pictures, and scores move as soon as something is painted over: faces that
    are half grey all look alike. So the threshold is fitted anew on the same validation people, masked as well.

    Args:
        mask: what is left to see.
        model: as it was trained.
        validation: the pairs that its threshold was fitted on; None keeps the model's own threshold and says so.
        progress: told (faces done, faces in all).

    Raises:
        DataError, ImageError: the pictures are missing or damaged.
    """
    record = replace(model.record, preparation=replace(model.record.preparation, mask=mask))
    if validation is None:
        kept = (
            f"{record.threshold.fitted_on}, whole pictures: the accuracy suffers from that, the AUC does not"
        )
        return FittedModel(model, replace(record, threshold=replace(record.threshold, fitted_on=kept)))
    return fit_model(model, record, validation, f"{record.threshold.fitted_on}, {mask.shows} alone", progress)
