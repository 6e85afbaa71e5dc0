"""Threshold and calibration from all pairs of pictures of some people: as many impostor pairs as a low FAR needs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from twinface.core.errors import DataError
from twinface.core.types import BoolArray, Float32Array, FloatArray, IntArray
from twinface.evaluation.calibration import fit_calibration, fit_threshold
from twinface.models.decision import Calibration, Threshold
from twinface.models.scoring import Score

# Impostor pairs that the calibration and the threshold for the best accuracy are fitted on. The threshold for a false
# accept rate is fitted on all.
_MOST_IMPOSTORS = 1_000_000


@dataclass(frozen=True, eq=False)
class AllPairs:
    """The scores of all pairs of some pictures, or of those that a list names.

    Attributes:
        genuine: scores of the pairs that show one person.
        impostor: scores of the pairs that show two.
        people: how many people there are.
        repeated: how many of them have a pair of their own pictures.
        listed_couples: how many couples of people were compared; None for all.
    """

    genuine: FloatArray
    impostor: FloatArray
    people: int
    repeated: int
    listed_couples: int | None = None

    @property
    def couples(self) -> int:
        """How many couples of people were compared."""
        return self.people * (self.people - 1) // 2 if self.listed_couples is None else self.listed_couples


def score_all_pairs(
    embeddings: Float32Array, people: IntArray, score: Score, need_both: bool = True
) -> AllPairs:
    """Scores every pair of pictures.

    Args:
        embeddings: [N, D].
        people: [N], the number of the person on each picture.
        score: [B, D] and [B, D] → [B].
        need_both: whether there must be a pair of each kind.

    Raises:
        DataError: there is no genuine pair, or no impostor pair.
    """
    genuine: list[Float32Array] = []
    impostor: list[Float32Array] = []
    for row, scores in score_rows(embeddings, score):
        same = people[row + 1 :] == people[row]
        genuine.append(scores[same])
        impostor.append(scores[~same])
    pictures = np.unique(people, return_counts=True)[1]
    pairs = AllPairs(_joined(genuine), _joined(impostor), len(pictures), int(np.sum(pictures > 1)))
    if need_both and (not len(pairs.genuine) or not len(pairs.impostor)):
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


def fit_on_pairs(
    pairs: AllPairs,
    fitted_on: str,
    far: float | None,
    other: tuple[FloatArray, FloatArray] | None = None,
) -> tuple[Threshold, Calibration]:
    """The threshold for a false accept rate, and the calibration.

    Args:
        pairs: of people that the model was not trained on.
        fitted_on: these people in words.
        far: the wanted false accept rate in (0, 1], or None for the best accuracy.
        other: genuine and impostor scores under other conditions. The calibration then holds for a mixture of as many
            pairs of each sort.

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
    if other is None:
        calibration = fit_calibration(some, some_match, fitted_on, threshold)
    else:
        mixed = (np.concatenate(_alike(*sorts)) for sorts in zip((pairs.genuine, drawn), other, strict=True))
        calibration = fit_calibration(*_labelled(*mixed), fitted_on, threshold)
    lowest, highest = probability_limits(pairs)
    return threshold, replace(calibration, lowest=lowest, highest=highest)


def _alike(one: FloatArray, other: FloatArray) -> tuple[FloatArray, FloatArray]:
    """As many of each: the longer of the two is thinned out evenly."""
    count = min(len(one), len(other))
    first, second = (each[np.linspace(0, len(each) - 1, count).astype(int)] for each in (one, other))
    return first, second


def probability_limits(pairs: AllPairs) -> tuple[float, float]:
    """The lowest and the highest probability that these people support.

    They follow from the rule of succession: among n independent trials without an exception, the next one is an
    exception with probability 1 / (n + 2). All pairs of one person, or of one couple of people, count as one trial,
    because they succeed or fail together.
    """
    return 1 / (pairs.repeated + 2), 1 - 1 / (pairs.couples + 2)


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
