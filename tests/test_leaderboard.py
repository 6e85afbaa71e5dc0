"""The leaderboard, and which models can be told apart, against plain loops."""

import itertools

import numpy as np
import pytest

from twinface.core.errors import DataError
from twinface.core.types import ScoredPairs
from twinface.evaluation.intervals import mcnemar
from twinface.evaluation.metrics import cross_validated_accuracy
from twinface.studies.results.leaderboard import ScoredModel, corrected_p_values, leaderboard


def some_pairs(seed: int, strength: float, count: int = 400) -> ScoredPairs:
    drawn = np.random.default_rng(0)
    match = drawn.random(count) < 0.5
    left = drawn.integers(0, 60, count)
    right = np.where(match, left, (left + drawn.integers(1, 60, count)) % 60)
    noise = np.random.default_rng(seed).normal(size=count)
    return ScoredPairs(strength * match + noise, match, np.stack([left, right], axis=1))


def test_the_leaderboard_tells_apart_what_differs_and_nothing_else() -> None:
    good = ScoredModel("good", [some_pairs(seed, 4.0) for seed in (1, 2, 3)])
    same = ScoredModel("same", good.runs)
    bad = ScoredModel("bad", [some_pairs(seed, 0.5) for seed in (4, 5, 6)])
    places = leaderboard([bad, good, same])
    assert [place.name for place in places] == ["good", "same", "bad"]
    assert places[0].apart == {"bad"}
    assert places[2].apart == {"good", "same"}
    accuracies = [cross_validated_accuracy(run.scores, run.is_match) for run in good.runs]
    assert places[0].accuracy == pytest.approx(np.mean(accuracies), abs=2e-3)
    assert places[0].spread == pytest.approx(np.std(accuracies, ddof=1), abs=2e-3)


def test_corrected_p_values_against_a_plain_loop() -> None:
    drawn = np.random.default_rng(1)
    right = {name: drawn.random((3, 200)) < share for name, share in (("a", 0.9), ("b", 0.8), ("c", 0.6))}
    raw = {
        (one, other): min(
            1, 2 * sorted(mcnemar(x, y) for x, y in zip(right[one], right[other], strict=True))[1]
        )
        for one, other in itertools.combinations(right, 2)
    }
    found = corrected_p_values(right)
    rising, largest = 3, 0.0
    for pair in sorted(raw, key=raw.__getitem__):
        largest = max(largest, min(1.0, rising * raw[pair]))
        rising -= 1
        assert found[pair] == pytest.approx(largest)
    assert corrected_p_values({"a": right["a"]}) == {}


def test_a_difference_that_rests_on_one_person_tells_nobody_apart() -> None:
    """The better model is right on 40 more pairs, all of them of one of 60 people: McNemar's test is deceived."""
    drawn = np.random.default_rng(0)
    match = np.arange(400) % 2 == 0
    left = np.where(np.arange(400) < 40, 0, drawn.integers(1, 60, 400))
    right = np.where(match, left, (left + drawn.integers(1, 59, 400)) % 60)
    people = np.stack([left, right], axis=1)
    scores = np.where(match, 1.0, -1.0)
    worse = np.where(np.arange(400) < 40, -scores, scores)
    wrong = drawn.random(400) < 0.1  # both are, here
    runs = [ScoredPairs(np.where(wrong, -each, each), match, people) for each in (scores, worse)]
    models = [ScoredModel(name, [run]) for name, run in zip(("better", "worse"), runs, strict=True)]
    assert corrected_p_values({each.name: each.right() for each in models})["better", "worse"] < 1e-4
    assert [place.apart for place in leaderboard(models)] == [frozenset(), frozenset()]


def test_other_pairs_cannot_be_compared() -> None:
    with pytest.raises(DataError, match="a and b were not scored on the same pairs"):
        leaderboard([ScoredModel("a", [some_pairs(1, 1.0)]), ScoredModel("b", [some_pairs(1, 1.0, 300)])])
    with pytest.raises(DataError, match="a and a were not scored on the same pairs"):
        leaderboard([ScoredModel("a", [some_pairs(1, 1.0), some_pairs(1, 1.0, 300)])])
