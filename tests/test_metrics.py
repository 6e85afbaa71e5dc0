"""Metrics against plain loops, scikit-learn and properties that any right answer has."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score
from sklearn.metrics import roc_curve as sklearn_roc_curve

from toy_scores import EXAMPLE, PAIRS, all_thresholds, rates, scored_pairs
from twinface.core.errors import DataError
from twinface.evaluation import metrics


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
