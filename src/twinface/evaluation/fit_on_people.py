"""Threshold and calibration from all pairs of pictures of some people: as many impostor pairs as a low FAR needs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from twinface.core.errors import DataError
from twinface.core.types import BoolArray, Float32Array, FloatArray, IntArray
from twinface.evaluation.calibration import fit_calibration, fit_threshold
from twinface.models.decision import Calibration, Threshold
from twinface.models.scoring import Score

_MOST_IMPOSTORS = 1_000_000  # that the calibration is fitted on; the threshold is fitted on all


@dataclass(frozen=True, eq=False)
class AllPairs:
    """The scores of all pairs of some pictures.

    Attributes:
        genuine: scores of the pairs that show one person.
        impostor: scores of the pairs that show two.
        people: how many people there are.
    """

    genuine: FloatArray
    impostor: FloatArray
    people: int


def score_all_pairs(embeddings: Float32Array, people: IntArray, score: Score) -> AllPairs:
    """Scores every pair of pictures.

    Args:
        embeddings: [N, D].
        people: [N], the number of the person on each picture.
        score: [B, D] and [B, D] → [B].

    Raises:
        DataError: there is no genuine pair, or no impostor pair.
    """
    genuine: list[Float32Array] = []
    impostor: list[Float32Array] = []
    for row, scores in score_rows(embeddings, score):
        same = people[row + 1 :] == people[row]
        genuine.append(scores[same])
        impostor.append(scores[~same])
    pairs = AllPairs(_joined(genuine), _joined(impostor), len(np.unique(people)))
    if not len(pairs.genuine) or not len(pairs.impostor):
        raise DataError(
            f"{len(people)} pictures of {pairs.people} people: found {len(pairs.genuine)} genuine and "
            f"{len(pairs.impostor)} impostor pairs, need both: two people, and one with two pictures"
        )
    return pairs


def score_rows(embeddings: Float32Array, score: Score) -> Iterator[tuple[int, Float32Array]]:
    """Scores each picture with all later ones, so that each pair comes once.

    Args:
        embeddings: [N, D].
        score: [B, D] and [B, D] → [B].

    Yields:
        The picture's row, and [N - 1 - row] scores.
    """
    for row in range(len(embeddings) - 1):
        yield row, np.asarray(score(embeddings[row : row + 1], embeddings[row + 1 :]), np.float32)


def fit_on_pairs(pairs: AllPairs, fitted_on: str, far: float | None) -> tuple[Threshold, Calibration]:
    """The threshold for a false accept rate, and the calibration.

    Args:
        pairs: of people that the model was not trained on.
        fitted_on: these people in words.
        far: the wanted false accept rate in (0, 1], or None for the best accuracy.

    Raises:
        DataError: there are too few impostor pairs for this rate.
    """
    drawn = pairs.impostor
    if len(drawn) > _MOST_IMPOSTORS:
        drawn = drawn[np.random.default_rng(0).choice(len(drawn), _MOST_IMPOSTORS, replace=False)]
    some, some_match = _labelled(pairs.genuine, drawn)
    if far is None:
        threshold = fit_threshold(some, some_match, fitted_on)
    else:
        threshold = fit_threshold(*_labelled(pairs.genuine, pairs.impostor), fitted_on, far)
    return threshold, fit_calibration(some, some_match, fitted_on, threshold)


def first_pictures(people: IntArray, most: int) -> BoolArray:
    """[N] whether a picture is among the first `most` of its person.

    Used so that a few people with hundreds of pictures do not decide alone.

    >>> first_pictures(np.array([1, 0, 1, 1]), 2).tolist()
    [True, True, True, False]
    """
    order = np.argsort(people, kind="stable")
    rank = np.arange(len(people)) - np.searchsorted(people[order], people[order])
    kept = np.empty(len(people), np.bool_)
    kept[order] = rank < most
    return kept


def _labelled(genuine: FloatArray, impostor: FloatArray) -> tuple[FloatArray, BoolArray]:
    return np.concatenate([genuine, impostor]), np.arange(len(genuine) + len(impostor)) < len(genuine)


def _joined(parts: list[Float32Array]) -> FloatArray:
    return np.concatenate(parts).astype(np.float64) if parts else np.empty(0)
