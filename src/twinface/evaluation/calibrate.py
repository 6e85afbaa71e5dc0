"""Fits a model's threshold and calibration to people whose pictures are labelled."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from twinface.core.errors import DataError
from twinface.core.types import BoolArray, FaceSet, Float32Array, IntArray, ProgressCallback
from twinface.datasets.splits import deal_people
from twinface.datasets.subsets import take_pictures
from twinface.evaluation.error_rates import ErrorRates, pooled_error_rates
from twinface.evaluation.fit_on_people import AllPairs, first_pictures, fit_on_pairs, score_all_pairs
from twinface.evaluation.leaks import untrained_people
from twinface.evaluation.operating_points import COUPLES, measure_error_table
from twinface.faces.cache import prepare_faces
from twinface.models.derived_model import check_base
from twinface.models.embedder import Embedder
from twinface.models.embedding_lengths import length_quantiles
from twinface.models.provenance import hash_people
from twinface.models.record import ModelRecord
from twinface.models.scoring import Score, embed_faces

MOST_PICTURES = 10  # of one person, so that a few people with hundreds of pictures do not decide alone
_FOLDS = 5


@dataclass(frozen=True, eq=False)
class CalibrationResult:
    """A fitted record, and how well it holds on people that the threshold has not seen.

    Attributes:
        record: the model's, with the new threshold and calibration.
        rates: error rates, each person judged by a threshold fitted to the other people (cross-fitting).
        pictures: how many were used.
        scores: of the pairs that threshold and calibration were fitted to.
        notes: what limits these figures, in sentences.
    """

    record: ModelRecord
    rates: ErrorRates
    pictures: int
    scores: AllPairs
    notes: tuple[str, ...] = ()


def calibrate(
    model: Embedder,
    faces: FaceSet,
    far: float | None = 1e-3,
    progress: ProgressCallback | None = None,
) -> CalibrationResult:
    """Fits threshold and calibration to all pairs of these pictures.

    Args:
        model: embeds and scores.
        faces: labelled pictures; people that the model was trained on are left out, and ten pictures at most of each
            person are used.
        far: the wanted false accept rate, or None for the best accuracy.
        progress: called with (pictures done, pictures in total).

    Raises:
        ModelError: the model was calibrated or adapted itself.
        DataError: there are too few people for this rate, or with two pictures; the message says how many are needed.
        ImageError: a picture cannot be read.
    """
    check_base(model)
    given = len(faces.names)
    faces = untrained_people(model.record, faces)
    trained = given - len(faces.names)
    faces = take_pictures(faces, first_pictures(faces.people, MOST_PICTURES))
    _check_number(faces, far)
    prepared = prepare_faces(faces, model.record.preparation)
    embeddings = embed_faces(model, prepared.images, progress=progress)
    fitted_on = f"all pairs of {len(faces.names):,} people of {faces.name}"
    pairs = score_all_pairs(embeddings, faces.people, model.record.score)
    threshold, calibration = fit_on_pairs(pairs, fitted_on, far)
    record = replace(
        tuned_record(model.record, faces.names, fitted_on, embeddings),
        threshold=threshold,
        calibration=calibration,
        error_table=measure_error_table(embeddings, faces.people, model.record.score, fitted_on, pairs),
    )
    rates = cross_fitted_rates(embeddings, faces.people, model.record.score, far)
    left_out = f"{trained:,} people were left out, because the model was trained on them."
    return CalibrationResult(record, rates, len(faces), pairs, (left_out,) if trained else ())


def tuned_record(
    record: ModelRecord, names: Iterable[str], fitted_on: str, embeddings: Float32Array
) -> ModelRecord:
    """The record with these people among those that the model was tuned on; those of before stay among them.

    Args:
        record: of a model whose threshold is fitted anew.
        names: of the people that it is fitted to.
        fitted_on: these people in words.
        embeddings: [N, D] of their faces.
    """
    before = record.provenance
    tuned = before.tuned | hash_people(names, before.salt)
    lengths = None if record.lengths is None else length_quantiles(embeddings)
    return replace(record, provenance=replace(before, tuned=tuned, tuned_on=fitted_on), lengths=lengths)


def people_needed(far: float) -> int:
    """How many people a false accept rate needs: as many couples as expect three false accepts.

    Couples of people count and not pairs of pictures, because all pairs of one couple succeed or fail together.

    >>> people_needed(1e-3)
    78
    """
    couples = COUPLES / far
    return math.ceil((1 + math.sqrt(1 + 8 * couples)) / 2)


def _check_number(faces: FaceSet, far: float | None) -> None:
    if far is not None and not 0 < far <= 1:
        raise DataError(f"a false accept rate of {far:g}, need one above 0 and at most 1, such as 0.01")
    # The threshold of a fold is fitted to four fifths of the people.
    needed = 10 if far is None else max(10, math.ceil(people_needed(far) * _FOLDS / (_FOLDS - 1)))
    if len(faces.names) < needed:
        rate = "the best accuracy" if far is None else f"a false accept rate of {far:g}"
        raise DataError(
            f"{faces.name}: {len(faces.names)} people, need at least {needed} for {rate}: add people, or ask for a "
            "higher rate"
        )
    repeated = int(np.sum(np.bincount(faces.people) > 1))
    if repeated < 2:  # a threshold is judged on other people than those that it is fitted to
        raise DataError(
            f"{faces.name}: {repeated} of {len(faces.names)} people with two pictures or more, need at least 2: add "
            "pictures of the others"
        )


def cross_fitted_rates(
    embeddings: Float32Array, people: IntArray, score: Score, far: float | None, seed: int = 0
) -> ErrorRates:
    """Error rates where no person is judged by a threshold that has seen them.

    The people are dealt into five folds. The threshold of a fold is fitted to the people of the four others, and the
    pairs within the fold are judged by it.

    Args:
        embeddings: [N, D].
        people: [N], the number of the person on each picture.
        score: [B, D] and [B, D] → [B].
        far: the wanted false accept rate, or None for the best accuracy.
        seed: of the folds and of the resampling.

    Returns:
        Over all folds together; its threshold is their mean.
    """
    parts = []
    for held in _folds(people, seed):
        pairs = score_all_pairs(embeddings[~held], people[~held], score)
        threshold, _ = fit_on_pairs(pairs, "", far)
        parts.append((embeddings[held], people[held], threshold.value))
    return pooled_error_rates(parts, score, seed)


def _folds(people: IntArray, seed: int) -> Iterator[BoolArray]:
    """[N] whether a picture's person is in the fold, for each fold.

    People with several pictures are dealt first, so that each fold has genuine pairs.
    """
    fold = deal_people(np.bincount(people) > 1, _FOLDS, seed)
    for number in range(_FOLDS):
        yield fold[people] == number
