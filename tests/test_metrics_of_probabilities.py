"""One-shot accuracy and reliability, each against a plain loop."""

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.metrics import log_loss

from twinface.core.errors import DataError
from twinface.evaluation import metrics


class TestOneShot:
    def test_equals_a_loop(self) -> None:
        rng = np.random.default_rng(5)
        table = rng.integers(0, 6, (200, 5)).astype(float)
        answer = rng.integers(0, 5, 200)
        right = [
            all(row[place] > row[other] for other in range(5) if other != place)
            for row, place in zip(table, answer, strict=True)
        ]
        assert metrics.one_shot_accuracy(table, answer) == pytest.approx(np.mean(right))

    def test_a_collapsed_network_scores_nothing(self) -> None:
        assert metrics.one_shot_accuracy(np.ones((10, 20)), np.zeros(10, dtype=int)) == 0.0

    @pytest.mark.parametrize(
        ("table", "answer", "error"),
        [
            ([[1.0, 2.0]], [2], ValueError),
            ([[1.0, 2.0]], [-1], ValueError),
            ([[1.0, 2.0]], [0.5], ValueError),
            ([[1.0, 2.0]], [0, 1], ValueError),
            ([[1.0]], [0], ValueError),
            ([[1.0, np.nan]], [0], DataError),
            (np.zeros((0, 2)), np.zeros(0, dtype=int), DataError),
        ],
    )
    def test_impossible_trials(self, table: Any, answer: Any, error: type[Exception]) -> None:
        with pytest.raises(error):
            metrics.one_shot_accuracy(table, answer)

    @given(
        st.lists(st.integers(1, 5), min_size=2, max_size=12), st.integers(2, 12), st.integers(0, 2**31 - 1)
    )
    @settings(max_examples=50, deadline=None)
    def test_drawn_trials_keep_their_promise(self, pictures: list[int], ways: int, seed: int) -> None:
        assume(ways <= len(pictures) and max(pictures) >= 2)
        people = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(pictures)) * 7, pictures))
        probe, candidates, answer = metrics.draw_one_shot_trials(people, ways, 10, seed)
        assert (probe.shape, candidates.shape, answer.shape) == ((10,), (10, ways), (10,))
        for trial in range(10):
            shown = people[candidates[trial]]
            assert len(set(shown.tolist())) == ways
            assert shown[answer[trial]] == people[probe[trial]]
            assert candidates[trial, answer[trial]] != probe[trial]

    def test_more_trials_only_add(self) -> None:
        people = np.repeat(np.arange(30), 3)
        few = metrics.draw_one_shot_trials(people, 20, 5, seed=3)
        many = metrics.draw_one_shot_trials(people, 20, 50, seed=3)
        for short, long in zip(few, many, strict=True):
            np.testing.assert_array_equal(short, long[:5])
        assert not np.array_equal(many[0], metrics.draw_one_shot_trials(people, 20, 50, seed=4)[0])

    def test_people_and_places_are_drawn_evenly(self) -> None:
        people = np.repeat(np.arange(10), [2] * 9 + [200])
        probe, candidates, answer = metrics.draw_one_shot_trials(people, 5, 5000, seed=0)
        # Expected 500 a person and 1000 a place; five standard deviations are 106 and 142.
        assert np.abs(np.bincount(people[probe]) - 500).max() < 106
        assert np.abs(np.bincount(answer, minlength=5) - 1000).max() < 142
        assert np.abs(np.bincount(people[candidates].ravel()) - 2500).max() < 250

    def test_too_few_people(self) -> None:
        with pytest.raises(DataError, match=r"found 3 people, 1 of them .* 20-way trials need 20 people"):
            metrics.draw_one_shot_trials([0, 0, 1, 2], 20, 10, seed=0)
        with pytest.raises(DataError, match="found 3 people, 0 of them"):
            metrics.draw_one_shot_trials([0, 1, 2], 2, 10, seed=0)
        with pytest.raises(ValueError, match="ways=1"):
            metrics.draw_one_shot_trials([0, 0, 1], 1, 10, seed=0)


class TestReliability:
    def test_cross_entropy_equals_scikit_learn(self) -> None:
        rng = np.random.default_rng(6)
        probabilities = rng.random(300)
        match = rng.random(300) < probabilities
        found = metrics.binary_cross_entropy(probabilities, match)
        assert found == pytest.approx(log_loss(match, probabilities))

    def test_certainty_is_dear_but_not_infinite(self) -> None:
        assert metrics.binary_cross_entropy([0.0, 1.0], [True, False]) == pytest.approx(36.04, abs=0.01)
        assert metrics.binary_cross_entropy([0.0, 1.0], [False, True]) == pytest.approx(0, abs=1e-12)

    @pytest.mark.parametrize("bins", [1, 3, 15, 1000])
    def test_calibration_error_equals_a_loop_over_equal_counts(self, bins: int) -> None:
        rng = np.random.default_rng(7)
        probabilities = rng.beta(0.5, 0.5, 300)
        match = rng.random(300) < probabilities**2
        order = np.argsort(probabilities)
        expected = sum(
            abs(probabilities[part].mean() - match[part].mean()) * len(part) / 300
            for part in np.array_split(order, bins)
            if len(part)
        )
        found = metrics.expected_calibration_error(probabilities, match, bins)
        # Where 300 pairs do not split evenly, the two differ by which of two bins gets the odd pair.
        assert found == pytest.approx(expected, abs=1e-12 if 300 % bins == 0 or bins > 300 else 0.01)

    def test_perfect_calibration_scores_about_what_the_docstring_says(self) -> None:
        rng = np.random.default_rng(8)
        probabilities = rng.uniform(0.4, 0.6, 3000)
        found = [
            metrics.expected_calibration_error(probabilities, rng.random(3000) < probabilities)
            for _ in range(50)
        ]
        assert np.mean(found) == pytest.approx(0.8 * np.sqrt(0.25 * 15 / 3000), rel=0.1)

    @given(st.lists(st.sampled_from([0.0, 0.2, 0.5, 0.9, 1.0]), min_size=1, max_size=50), st.integers(1, 20))
    @settings(max_examples=50, deadline=None)
    def test_bins_hold_all_pairs_and_do_not_split_ties(self, drawn: list[float], bins: int) -> None:
        probabilities = np.array(drawn)
        match = np.arange(len(drawn)) % 3 == 0
        curve = metrics.reliability_curve(probabilities, match, bins)
        assert len(curve.count) <= bins
        assert curve.count.min() > 0
        assert curve.count.sum() == len(drawn)
        assert (np.diff(curve.predicted) > 0).all()
        assert curve.observed @ curve.count == pytest.approx(match.sum())
        assert curve.predicted @ curve.count == pytest.approx(probabilities.sum())
        order = np.random.default_rng(len(drawn)).permutation(len(drawn))
        shuffled = metrics.reliability_curve(probabilities[order], match[order], bins)
        np.testing.assert_allclose(shuffled.observed, curve.observed)

    def test_a_score_is_no_probability(self) -> None:
        with pytest.raises(DataError, match="1 of 2 probabilities lie outside"):
            metrics.expected_calibration_error([0.5, 1.5], [True, False])
        with pytest.raises(ValueError, match="bins=0"):
            metrics.reliability_curve([0.5, 0.5], [True, False], bins=0)
