"""Metrics against plain loops, scikit-learn and properties that any right answer has."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.metrics import roc_curve as sklearn_roc_curve

from twinface.core.errors import DataError
from twinface.evaluation import metrics

# Few distinct scores make ties; wide ones make gaps; both kinds of pair are always there.
TIED = st.integers(-3, 3).map(float)
WIDE = st.floats(-1e6, 1e6, allow_nan=False)
PAIRS = st.one_of(
    *(
        st.tuples(st.lists(score, min_size=2, max_size=40), st.integers(0, 2**40 - 1)).map(
            lambda drawn: (
                np.array(drawn[0]),
                np.array([True, False] + [bool(drawn[1] >> k & 1) for k in range(len(drawn[0]) - 2)]),
            )
        )
        for score in (TIED, WIDE)
    )
)
EXAMPLE = (np.array([4.0, 3.0, 2.0, 1.0]), np.array([True, False, True, False]))


def scored_pairs(seed: int, count: int = 400, decimals: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Overlapping scores, rounded so that some of them tie."""
    rng = np.random.default_rng(seed)
    match = rng.random(count) < 0.4
    return np.round(rng.normal(match * 1.5, 1), decimals), match


def all_thresholds(scores: np.ndarray) -> list[float]:
    """Below all, between each two, above all."""
    distinct = sorted(set(scores.tolist()))
    middles = [(low + high) / 2 for low, high in pairwise(distinct)]
    return [distinct[0] - 1, *middles, distinct[-1] + 1]


def rates(scores: np.ndarray, match: np.ndarray, threshold: float) -> tuple[float, float]:
    """FAR and TAR, pair by pair."""
    accepted: list[list[bool]] = [[], []]
    for score, same in zip(scores, match, strict=True):
        accepted[int(same)].append(score >= threshold)
    return sum(accepted[0]) / len(accepted[0]), sum(accepted[1]) / len(accepted[1])


class TestDecisions:
    @given(PAIRS, st.floats(-5, 5))
    @settings(max_examples=50, deadline=None)
    def test_confusion_counts_each_pair_once(self, pairs: Any, threshold: float) -> None:
        scores, match = pairs
        found = metrics.confusion(scores, match, threshold)
        fates = {(True, True): 0, (True, False): 0, (False, True): 0, (False, False): 0}
        for score, same in zip(scores, match, strict=True):
            fates[bool(score >= threshold), bool(same)] += 1
        assert (found.true_accept, found.false_reject) == (fates[True, True], fates[False, True])
        assert (found.false_accept, found.true_reject) == (fates[True, False], fates[False, False])
        assert found.total == len(scores)
        right = [(score >= threshold) == same for score, same in zip(scores, match, strict=True)]
        assert metrics.accuracy(scores, match, threshold) == pytest.approx(sum(right) / len(right))

    def test_one_kind_of_pair_is_enough_to_count(self) -> None:
        assert metrics.accuracy([1, 2, 3], [True, True, True], 2) == pytest.approx(2 / 3)

    @given(PAIRS)
    @example(EXAMPLE)
    @settings(max_examples=100, deadline=None)
    def test_no_threshold_beats_the_best(self, pairs: Any) -> None:
        scores, match = pairs
        best = metrics.best_threshold(scores, match)
        assert np.isfinite(best)
        figures = [metrics.accuracy(scores, match, threshold) for threshold in all_thresholds(scores)]
        assert metrics.accuracy(scores, match, best) == pytest.approx(max(figures))

    def test_of_equally_good_thresholds_the_middle_one(self) -> None:
        # Each of 5.5, 3.5 and 1.5 is right four times in six.
        scores, match = [6, 5, 4, 3, 2, 1], [True, False, True, False, True, False]
        assert metrics.best_threshold(scores, match) == 3.5

    @pytest.mark.parametrize(
        ("match", "expected"), [([True, False, False, False], 6.0), ([False, True, True, True], -2.0)]
    )
    def test_best_to_accept_none_or_all(self, match: list[bool], expected: float) -> None:
        # The odd pair is at the wrong end; scores 4, 2, 1, 0 have an average gap of 4 / 3.
        scores = [0.0, 1.0, 2.0, 4.0] if match[0] else [4.0, 2.0, 1.0, 0.0]
        best = metrics.best_threshold(scores, match)
        assert best == pytest.approx(4 + 2 / 3 if expected > 0 else -2 / 3)

    def test_a_collapsed_network_gets_a_finite_threshold(self) -> None:
        best = metrics.best_threshold([0.5, 0.5, 0.5], [True, True, False])
        assert np.isfinite(best)
        assert metrics.accuracy([0.5, 0.5, 0.5], [True, True, False], best) == pytest.approx(2 / 3)

    def test_fold_accuracies_fit_on_the_other_folds(self) -> None:
        scores, match = scored_pairs(0)
        fold = np.random.default_rng(1).integers(0, 5, len(scores))
        expected = []
        for name in range(5):
            threshold = metrics.best_threshold(scores[fold != name], match[fold != name])
            expected.append(np.mean((scores[fold == name] >= threshold) == match[fold == name]))
        assert metrics.fold_accuracies(scores, match, fold).tolist() == pytest.approx(expected)

    def test_cross_validation_ignores_how_pairs_of_a_kind_are_interleaved(self) -> None:
        scores, match = scored_pairs(2)
        grouped = np.argsort(match, kind="stable")
        assert metrics.cross_validated_accuracy(scores, match) == pytest.approx(
            metrics.cross_validated_accuracy(scores[grouped], match[grouped])
        )

    def test_cross_validation_survives_sorted_pairs(self) -> None:
        scores, match = scored_pairs(3, decimals=6)
        order = np.argsort(scores)
        best = metrics.accuracy(scores, match, metrics.best_threshold(scores, match))
        found = metrics.cross_validated_accuracy(scores[order], match[order])
        assert best - 0.04 <= found <= best

    def test_cross_validation_needs_pairs_for_its_folds(self) -> None:
        with pytest.raises(DataError, match="found 2 pairs of the rarer kind, need one for each of 10"):
            metrics.cross_validated_accuracy([4, 3, 2, 1, 0], [True, True, False, False, False])
        with pytest.raises(ValueError, match="folds=1"):
            metrics.cross_validated_accuracy([4, 3, 2, 1], [True, True, False, False], folds=1)
        with pytest.raises(DataError, match="at least two"):
            metrics.fold_accuracies([4, 3], [True, False], fold=[0, 0])


class TestRoc:
    def test_equals_scikit_learn(self) -> None:
        scores, match = scored_pairs(4)
        far, tar, _ = sklearn_roc_curve(match, scores, drop_intermediate=False)
        curve = metrics.roc_curve(scores, match)
        np.testing.assert_allclose(curve.far, far)
        np.testing.assert_allclose(curve.tar, tar)

    @given(PAIRS)
    @example((np.array([1.0, np.nextafter(1.0, 2)]), np.array([True, False])))
    @example((np.array([1e300, -1e300]), np.array([True, False])))
    @settings(max_examples=100, deadline=None)
    def test_each_threshold_reaches_its_rates(self, pairs: Any) -> None:
        scores, match = pairs
        curve = metrics.roc_curve(scores, match)
        assert np.isfinite(curve.thresholds).all()
        assert (np.diff(curve.thresholds) < 0).all()
        for far, tar, threshold in zip(curve.far, curve.tar, curve.thresholds, strict=True):
            assert (far, tar) == pytest.approx(rates(scores, match, threshold))

    @given(PAIRS)
    @settings(max_examples=50, deadline=None)
    def test_area_is_the_chance_to_rank_two_pairs_rightly(self, pairs: Any) -> None:
        scores, match = pairs
        wins = [
            1.0 if genuine > impostor else 0.5 if genuine == impostor else 0.0
            for genuine in scores[match]
            for impostor in scores[~match]
        ]
        assert metrics.area_under_curve(scores, match) == pytest.approx(np.mean(wins))
        assert metrics.area_under_curve(scores, match) == pytest.approx(roc_auc_score(match, scores))

    @given(PAIRS)
    @example(EXAMPLE)
    @settings(max_examples=50, deadline=None)
    def test_equal_error_rate_lies_where_a_straight_segment_crosses(self, pairs: Any) -> None:
        scores, match = pairs
        points = [rates(scores, match, threshold) for threshold in reversed(all_thresholds(scores))]
        for (far, tar), (next_far, next_tar) in pairwise(points):
            if far <= 1 - tar and next_far >= 1 - next_tar:
                share = (1 - tar - far) / ((next_far - far) + (next_tar - tar))
                expected = far + share * (next_far - far)
        assert metrics.equal_error_rate(scores, match) == pytest.approx(expected)

    @given(PAIRS)
    @settings(max_examples=50, deadline=None)
    def test_swapping_the_kinds_and_the_sign_keeps_area_and_equal_error(self, pairs: Any) -> None:
        scores, match = pairs
        for metric in (metrics.area_under_curve, metrics.equal_error_rate):
            assert metric(-scores, ~match) == pytest.approx(metric(scores, match))

    @given(PAIRS, st.sampled_from([0.0, 0.01, 0.1, 0.29, 0.5, 1.0]))
    @settings(max_examples=100, deadline=None)
    def test_tar_at_far_is_the_best_that_keeps_to_the_far(self, pairs: Any, far: float) -> None:
        scores, match = pairs
        reached = [rates(scores, match, threshold) for threshold in all_thresholds(scores)]
        best = max(tar for measured, tar in reached if measured <= far + 1e-9)
        assert metrics.tar_at_far(scores, match, far) == pytest.approx(best)
        threshold = metrics.threshold_at_far(scores, match, far)
        assert np.isfinite(threshold)
        found = rates(scores, match, threshold)
        assert found[0] <= far + 1e-9
        assert found[1] == pytest.approx(best)

    def test_a_far_is_not_missed_by_rounding(self) -> None:
        # 0.29 * 100 is 28.999999999999996; 29 false accepts of 100 are allowed.
        impostors, match = np.arange(100.0), np.arange(101) == 0
        assert metrics.tar_at_far([70.5, *impostors], match, 0.29) == 1.0
        assert metrics.tar_at_far([69.5, *impostors], match, 0.29) == 0.0

    @pytest.mark.parametrize("far", [-0.1, 1.1, np.nan])
    def test_a_far_is_a_rate(self, far: float) -> None:
        with pytest.raises(ValueError, match=r"need a false accept rate in \[0, 1\]"):
            metrics.tar_at_far([1, 0], [True, False], far)

    @pytest.mark.parametrize(
        ("impostors", "expected"),
        [
            (0, []),
            (29, []),
            (30, [(0.1, True)]),
            (299, [(0.1, True)]),
            (300, [(0.1, False), (0.01, True)]),
            (3_000, [(0.1, False), (0.01, False), (0.001, True)]),
            (30_000, [(0.1, False), (0.01, False), (0.001, False), (0.0001, True)]),
        ],
    )
    def test_supported_fars(self, impostors: int, expected: list[tuple[float, bool]]) -> None:
        assert metrics.supported_fars(impostors) == expected


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


NEED_BOTH_KINDS = [
    metrics.roc_curve,
    metrics.area_under_curve,
    metrics.equal_error_rate,
    metrics.best_threshold,
    lambda scores, match: metrics.tar_at_far(scores, match, 0.1),
    lambda scores, match: metrics.threshold_at_far(scores, match, 0.1),
    lambda scores, match: metrics.cross_validated_accuracy(scores, match, 2),
]
NEED_ONE_KIND = [
    lambda scores, match: metrics.confusion(scores, match, 0.0),
    lambda scores, match: metrics.accuracy(scores, match, 0.0),
    metrics.binary_cross_entropy,
    metrics.reliability_curve,
    metrics.expected_calibration_error,
]


@pytest.mark.parametrize("metric", NEED_BOTH_KINDS + NEED_ONE_KIND)
class TestInputs:
    def test_not_finite(self, metric: Any) -> None:
        for bad in (np.nan, np.inf, -np.inf):
            with pytest.raises(DataError, match="1 of 3 scores are not finite, the first at index 1"):
                metric([0.5, bad, 0.1], [True, False, True])

    def test_lengths_differ(self, metric: Any) -> None:
        with pytest.raises(ValueError, match=r"scores \(3,\) and is_match \(2,\)"):
            metric([0.5, 0.2, 0.1], [True, False])

    def test_empty(self, metric: Any) -> None:
        with pytest.raises(DataError, match="no scored pairs"):
            metric([], [])

    def test_labels_are_yes_or_no(self, metric: Any) -> None:
        with pytest.raises(ValueError, match="true or false"):
            metric([0.5, 0.2], [1, 2])

    def test_one_kind_only(self, metric: Any) -> None:
        if metric in NEED_BOTH_KINDS:
            with pytest.raises(DataError, match="found 2 genuine and 0 impostor pairs"):
                metric([0.5, 0.2], [True, True])
        else:
            metric([0.5, 0.2], [True, True])
