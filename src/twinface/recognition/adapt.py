"""Adapts a model to one's own photos, without labels.

All photos of a collection share a camera, a light, a size. So their embeddings share a direction, and the scores of all
pairs are higher (or lower) than on the photos that the threshold was chosen on. Two things are taken from unlabelled
faces of the collection: the direction, and where the scores of its pairs lie. Nearly all pairs of a collection of many
people are of strangers, so no label is needed.

1. The mean embedding, shrunk towards zero by the number of faces, is subtracted (centring; it is to a cosine what
   zero-normalisation is to a score, Auckenthaler et al. 2000).
2. Scores are stretched and moved so that the lower half of the pairs' scores lies where it lies for the people that the
   error rates were measured on. The upper half is left out, because pairs of one person are in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from twinface.core.errors import DataError
from twinface.core.types import Float32Array, FloatArray
from twinface.models.derived_model import DerivedModel, check_base, shifted
from twinface.models.embedder import LoadedModel
from twinface.models.error_table import ErrorTable, OperatingPoint
from twinface.models.record import ModelRecord

FEWEST = 20  # faces
_FACES = 2000  # that pairs are scored of, at most
_CERTAINTY = 10  # faces that count as much as the assumption that the mean is zero
# Cosine from which on a face counts as a copy of another; two photos of one session are below it.
_COPY = 0.99
# Of photos of ten people, each as often as the others, a tenth of the pairs is of one person. What photos share adds to
# them: with sunglasses a third of the pairs reaches this rate's threshold. Of one person's photos more do; see
# docs/verdicts.md.
_MOST_ALIKE, _ALIKE_FAR = 0.45, 1e-3
_LOWER = (0.1, 0.5)  # quantiles of the pairs' scores that are brought to those of strangers
_NORMAL = 1.2815515655446004  # standard deviations between these two quantiles of a normal distribution


@dataclass(frozen=True, eq=False)
class Adaptation:
    """An adapted model, and what changed.

    Attributes:
        model: to use in place of the base.
        faces: how many it was adapted to.
        shared: length of the faces' mean embedding, in [0, 1]; near 0 where they share no direction.
        before, after: the share of the collection's pairs that score at least as high as the threshold for a false
            accept rate of `far`, with the base and with the adapted model. Pairs of one person are among them.
        far: the rate of that threshold.
    """

    model: DerivedModel
    faces: int
    shared: float
    before: float
    after: float
    far: float


def adapt(model: LoadedModel, embeddings: Float32Array, name: str) -> Adaptation:
    """Adapts a model to the embeddings of a collection.

    Args:
        model: with error rates and a cosine as distance.
        embeddings: [N, D] of faces of the collection, at least 20 that differ, of many people.
        name: of the collection, for the record.

    Raises:
        ModelError: the model was calibrated or adapted itself.
        DataError: there are too few faces that differ, most pairs of them score as one person, the model has no error
            rates, or its distance is no cosine.
    """
    check_base(model)
    record = model.record
    table = record.error_table
    if len(embeddings) < FEWEST:
        raise DataError(
            f"{name}: {len(embeddings)} faces, need at least {FEWEST} to adapt a model, better 50"
        )
    if table is None or "cosine" not in record.distance:
        raise DataError(
            f"{record.name}: cannot be adapted: need a model with measured error rates whose distance is a cosine, "
            f"found {record.distance}{'' if table else ' and no error rates'}"
        )
    size = record.embedding_size - (record.distance == "local-cosine")
    unit = embeddings[:, :size] / np.linalg.norm(embeddings[:, :size], axis=1, keepdims=True).clip(1e-12)
    _check_many_people(record, table, embeddings, unit, name)
    mean = unit.mean(axis=0)
    shift = (mean * (len(unit) / (len(unit) + _CERTAINTY))).astype(np.float32)
    adapted = _rescaled(record, table, shifted(embeddings, shift), name)
    far = table.points[-1].fmr if record.threshold.far is None else record.threshold.far
    bar = _nearest_point(table, far)
    shares = [
        float(np.mean(_pair_scores(each, vectors) >= bar.threshold))
        for each, vectors in ((record, embeddings), (adapted, shifted(embeddings, shift)))
    ]
    return Adaptation(
        DerivedModel(model, adapted, shift),
        *(len(embeddings), float(np.linalg.norm(mean)), shares[0], shares[1], bar.fmr),
    )


def _check_many_people(
    record: ModelRecord, table: ErrorTable, embeddings: Float32Array, unit: Float32Array, name: str
) -> None:
    """Refuses photos that are copies of few ones, or nearly all of one person: what they share is that person's face.

    Args:
        record, table: of the model, and its error rates.
        embeddings: [N, D] of the faces.
        unit: [N, D'] the same with length 1, without the correction of score normalisation.
        name: of the collection.
    """
    some = _sample(unit)
    differ = len(some) - int(np.sum(np.tril(some @ some.T >= _COPY, -1).any(axis=1)))
    if differ < FEWEST:
        raise DataError(
            f"{name}: {len(unit)} faces, but only {differ} that differ, need at least {FEWEST} to adapt a model: the "
            "others are copies of them"
        )
    point = _nearest_point(table, _ALIKE_FAR)
    alike = float(np.mean(_pair_scores(record, embeddings) >= point.threshold))
    if alike > _MOST_ALIKE:
        raise DataError(
            f"{name}: {alike:.0%} of the pairs of these photos score as one person, need at most {_MOST_ALIKE:.0%}: "
            "give photos of many people, because what all photos share is taken off, and here that is a face; with "
            "--aligned the pictures have to be framed as the model needs"
        )


def _nearest_point(table: ErrorTable, far: float) -> OperatingPoint:
    """The point of the table for a false accept rate, or its first or last one."""
    return table.point_at(min(max(far, table.points[-1].fmr), table.points[0].fmr))


def _rescaled(record: ModelRecord, table: ErrorTable, embeddings: Float32Array, name: str) -> ModelRecord:
    """The record with scale and bias that bring the lower half of the scores to that of strangers."""
    low, middle = np.quantile(_pair_scores(record, embeddings), _LOWER)
    wanted_middle = table.point_at(0.5).threshold if table.points[0].fmr >= 0.5 else table.points[0].threshold
    # The upper half of the strangers that the table was measured on is known; it is taken to be as wide as the lower.
    wanted_spread = (table.point_at(0.1).threshold - wanted_middle) / _NORMAL
    factor = wanted_spread / max((middle - low) / _NORMAL, 1e-6)
    parameters = dict(record.distance_parameters)
    scale, bias = (float(parameters[part]) for part in ("scale", "bias"))
    parameters["scale"] = np.asarray(factor * scale, np.float32)
    parameters["bias"] = np.asarray(wanted_middle + factor * (bias - middle), np.float32)
    threshold = replace(
        record.threshold,
        upper=None,
        fitted_on=f"{record.threshold.fitted_on}; adapted to {name}, without labels",
    )
    points = tuple(replace(point, upper=None) for point in table.points)
    return replace(
        record,
        distance_parameters=parameters,
        threshold=threshold,
        error_table=replace(table, points=points, measured_on=f"{table.measured_on}; adapted to {name}"),
        lengths=None,  # adapted embeddings have length 1
    )


def _pair_scores(record: ModelRecord, embeddings: Float32Array) -> FloatArray:
    """The scores of all pairs of up to 2,000 faces."""
    embeddings = _sample(embeddings)
    rows: Sequence[Float32Array] = [
        record.score(embeddings[row : row + 1], embeddings[row + 1 :]) for row in range(len(embeddings) - 1)
    ]
    return np.concatenate(rows).astype(np.float64)


def _sample(embeddings: Float32Array) -> Float32Array:
    """Up to 2,000 rows."""
    if len(embeddings) <= _FACES:
        return embeddings
    return embeddings[np.random.default_rng(0).choice(len(embeddings), _FACES, replace=False)]
