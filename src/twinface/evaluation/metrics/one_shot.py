"""N-way one-shot recognition: which of N pictures shows the same person as the probe?

The task of Lake et al. (2011) and of Koch, Zemel & Salakhutdinov (2015), on faces instead of characters.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from twinface.core.errors import DataError
from twinface.core.types import IntArray


def one_shot_accuracy(similarities: ArrayLike, answer: ArrayLike) -> float:
    """Return the share of trials in which the right candidate alone is the most similar.

    A tie is an error. Otherwise a collapsed network, for which all pairs are equally similar, would be correct whenever
    the first candidate happens to be the answer, or always.

    Args:
        similarities: [T, N], of the probe with each candidate, N >= 2; higher means the same person.
        answer: [T] int, the index of the right candidate, in [0, N).

    Returns:
        In [0, 1]; guessing gives 1 / N.

    Raises:
        ValueError: the shapes do not fit, or an answer is outside [0, N).
        DataError: there is no trial, or a similarity is not finite.

    Example:
        The first trial is correct, the second is wrong, the third is a tie:

        >>> one_shot_accuracy([[3, 1], [3, 1], [2, 2]], [0, 1, 0])
        0.3333333333333333
    """
    table = np.asarray(similarities, dtype=np.float64)
    right = np.asarray(answer)
    if table.ndim != 2 or right.shape != table.shape[:1] or table.shape[1] < 2:
        raise ValueError(
            f"found similarities {table.shape} and answer {right.shape}, need [T, N >= 2] and [T]"
        )
    if len(table) == 0:
        raise DataError("found no one-shot trials, need at least one")
    if not np.isfinite(table).all():
        raise DataError(f"{np.sum(~np.isfinite(table))} of {table.size} similarities are not finite")
    if not np.issubdtype(right.dtype, np.integer) or right.min() < 0 or right.max() >= table.shape[1]:
        raise ValueError(f"answers must be whole numbers in [0, {table.shape[1]})")
    trials = np.arange(len(table))
    of_answer = table[trials, right]
    others = table.copy()
    others[trials, right] = -np.inf
    return float(np.mean(of_answer > others.max(axis=1)))


def draw_one_shot_trials(
    people: ArrayLike, ways: int, trials: int, seed: int
) -> tuple[IntArray, IntArray, IntArray]:
    """Draw N-way trials from pictures whose people are known.

    The probe and the right candidate are two different pictures of one person, drawn uniformly from the people who have
    two or more. Each other candidate is a picture of another person, drawn uniformly from all others. The trials are a
    function of the arguments alone: the first trials are the same whatever `trials` is.

    Args:
        people: [F] int, the person on each picture.
        ways: N, the number of candidates in a trial, at least 2.
        trials: T, at least 1.
        seed: at least 0.

    Returns:
        probe: [T] int64, indices of pictures.
        candidates: [T, N] int64, indices of pictures.
        answer: [T] int64, the index of the right candidate among the N.

    Raises:
        ValueError: `people` is not [F], or `ways` or `trials` is too small.
        DataError: there are fewer than `ways` people, or none has two pictures.

    Example:
        >>> probe, candidates, answer = draw_one_shot_trials([7, 7, 8], ways=2, trials=1, seed=0)
        >>> sorted([int(probe[0]), int(candidates[0, answer[0]])]), int(candidates[0, 1 - answer[0]])
        ([0, 1], 2)
    """
    labels = np.asarray(people)
    if labels.ndim != 1 or ways < 2 or trials < 1:
        raise ValueError(
            f"found people {labels.shape}, ways={ways}, trials={trials}; need [F], >= 2 and >= 1"
        )
    _, counts = np.unique(labels, return_counts=True)
    repeated = np.flatnonzero(counts >= 2)
    if len(counts) < ways or len(repeated) == 0:
        raise DataError(
            f"found {len(counts)} people, {len(repeated)} of them with two pictures or more; "
            f"{ways}-way trials need {ways} people, at least one with two pictures: "
            "use fewer ways or more people"
        )
    pictures = np.split(np.argsort(labels, kind="stable"), np.cumsum(counts)[:-1])
    rng = np.random.default_rng(seed)
    probe = np.empty(trials, dtype=np.int64)
    candidates = np.empty((trials, ways), dtype=np.int64)
    answer = np.empty(trials, dtype=np.int64)
    for trial in range(trials):
        person = repeated[rng.integers(len(repeated))]
        others = rng.choice(len(counts) - 1, size=ways - 1, replace=False)
        others += others >= person  # skip the person of the probe
        probe[trial], right = rng.choice(pictures[person], size=2, replace=False)
        answer[trial] = rng.integers(ways)
        wrong = [pictures[other][rng.integers(len(pictures[other]))] for other in others]
        candidates[trial] = np.insert(wrong, answer[trial], right)
    return probe, candidates, answer
