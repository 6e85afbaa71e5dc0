"""Intervals against scipy, plain loops and, above all, against how often they hold the truth."""

import tracemalloc
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest

from toy_pairs import coverage, draw_pairs, holds, true_figures
from twinface.core.errors import DataError
from twinface.core.types import ScoredPairs
from twinface.evaluation import intervals, metrics
from twinface.evaluation.intervals import people_bootstrap, ranking
from twinface.evaluation.intervals.accuracy import weighted_mean


def weighted_accuracy(pairs: ScoredPairs) -> people_bootstrap.Statistic:
    """The accuracy of weighted pairs at a threshold of 1."""
    right = (pairs.scores >= 1.0) == pairs.is_match
    return weighted_mean(right.astype(float), pairs.is_match)


# Each weighted statistic beside the metric that it must equal.
STATISTICS = [
    (weighted_accuracy, partial(metrics.accuracy, threshold=1.0)),
    (ranking.weighted_auc, metrics.area_under_curve),
    (ranking.weighted_eer, metrics.equal_error_rate),
    (partial(ranking.weighted_tar, far=0.1), partial(metrics.tar_at_far, far=0.1)),
]


@pytest.mark.parametrize(("make", "metric"), STATISTICS, ids=["accuracy", "auc", "eer", "tar"])
@pytest.mark.parametrize("decimals", [1, 9], ids=["ties", "no ties"])
class TestWeighted:
    def test_equal_weights_give_the_metric(self, make: Any, metric: Any, decimals: int) -> None:
        pairs = draw_pairs(0, pairs=100)
        pairs = replace(pairs, scores=pairs.scores.round(decimals))
        expected = metric(pairs.scores, pairs.is_match)
        for value in (1.0, 0.3):
            weights = np.full((3, len(pairs)), value)
            assert make(pairs)(weights).tolist() == pytest.approx([expected] * 3)

    def test_whole_weights_are_repeated_pairs(self, make: Any, metric: Any, decimals: int) -> None:
        pairs = draw_pairs(1, pairs=100)
        pairs = replace(pairs, scores=pairs.scores.round(decimals))
        rng = np.random.default_rng(2)
        # As many genuine as impostor pairs in total, because the accuracy keeps the protocol's mix.
        half = rng.integers(0, 4, (20, 100))
        weights = np.concatenate([half, half[:, ::-1]], axis=1)
        found = make(pairs)(weights.astype(float))
        for row, figure in zip(weights, found, strict=True):
            assert figure == pytest.approx(
                metric(np.repeat(pairs.scores, row), np.repeat(pairs.is_match, row))
            )


class TestPeopleBootstrap:
    def test_is_a_function_of_its_arguments(self, monkeypatch: pytest.MonkeyPatch) -> None:
        pairs = draw_pairs(0)
        first = intervals.auc_interval(pairs, 100, seed=1)
        assert intervals.auc_interval(pairs, 100, seed=1) == first
        assert intervals.auc_interval(pairs, 100, seed=2) != first
        monkeypatch.setattr(people_bootstrap, "_BLOCK", 7 * len(pairs))
        chunked = intervals.auc_interval(pairs, 100, seed=1)
        assert (chunked.low, chunked.high) == pytest.approx((first.low, first.high), rel=1e-12)

    def test_names_and_order_of_people_do_not_matter(self) -> None:
        pairs = draw_pairs(0)
        names = np.sort(np.random.default_rng(1).choice(10**6, 150, replace=False))
        renamed = replace(pairs, people=names[pairs.people])
        assert intervals.eer_interval(renamed, 50) == intervals.eer_interval(pairs, 50)
        sides = replace(pairs, people=pairs.people[:, ::-1])
        assert intervals.eer_interval(sides, 50) == pytest.approx(intervals.eer_interval(pairs, 50))

    @pytest.mark.parametrize("seed", range(3))
    def test_holds_the_figure_and_grows_with_the_level(self, seed: int) -> None:
        pairs = draw_pairs(seed, pairs=60)
        estimate = metrics.equal_error_rate(pairs.scores, pairs.is_match)
        narrow = intervals.eer_interval(pairs, 200, level=0.5)
        wide = intervals.eer_interval(pairs, 200, level=0.99)
        assert 0 <= wide.low < narrow.low <= estimate <= narrow.high < wide.high <= 1
        assert (wide.level, wide.method) == (0.99, "people bootstrap, 200 replicates, at least Wilson")

    def test_width_is_that_of_the_dyadic_cluster_robust_variance(self) -> None:
        # The sum over all pairs of pairs that share a person, by a double loop.
        pairs = draw_pairs(3, people=300, pairs=200)
        match = pairs.is_match
        right = ((pairs.scores >= 1.0) == match).astype(float)
        influence = np.where(match, right - right[match].mean(), right - right[~match].mean()) / len(pairs)
        variance = 0.0
        for one, other in zip(influence, pairs.people, strict=True):
            shared = np.isin(pairs.people, other).any(axis=1)
            variance += one * influence[shared].sum()
        variance = max(variance, np.sum(influence**2))
        found = people_bootstrap.people_bootstrap(weighted_accuracy(pairs), pairs, 4000)
        assert found.high - found.low == pytest.approx(2 * 1.96 * np.sqrt(variance), rel=0.08)

    def test_all_right_is_not_certain(self) -> None:
        pairs = draw_pairs(0, mean=100.0)
        wilson = intervals.wilson(1000, 1000)
        assert intervals.accuracy_interval(pairs, 50.0, 20).low == wilson.low
        assert intervals.auc_interval(pairs, 20).low == wilson.low
        assert intervals.eer_interval(pairs, 20).high == pytest.approx(1 - wilson.low)
        assert intervals.tar_interval(pairs, 0.1, 20).low == intervals.wilson(500, 500).low

    @pytest.mark.parametrize("seed", range(5))
    def test_accuracy_is_never_narrower_than_wilson(self, seed: int) -> None:
        pairs = draw_pairs(seed, pairs=80, effect=0.0)
        right = int(np.sum((pairs.scores >= 1.0) == pairs.is_match))
        found, floor = intervals.accuracy_interval(pairs, 1.0, 100), intervals.wilson(right, 160)
        assert found.low <= floor.low < floor.high <= found.high

    def test_few_people_widen_it(self) -> None:
        assert people_bootstrap._few_people_factor(600, 0.95) == pytest.approx(1.01, abs=0.005)
        assert people_bootstrap._few_people_factor(140, 0.95) == pytest.approx(1.04, abs=0.005)
        assert people_bootstrap._few_people_factor(12, 0.95) == pytest.approx(1.6, abs=0.05)
        assert np.isfinite(people_bootstrap._few_people_factor(1.5, 0.95))

    def test_contradictions_are_refused(self) -> None:
        pairs = draw_pairs(0, pairs=20)
        with pytest.raises(DataError, match="contradict each other in 1 of 40 pairs, the first at index 3"):
            intervals.auc_interval(replace(pairs, is_match=pairs.is_match ^ (np.arange(40) == 3)))
        with pytest.raises(ValueError, match=r"found people \(39, 2\), need \[40, 2\]"):
            intervals.auc_interval(replace(pairs, people=pairs.people[1:]))
        two = ScoredPairs(np.array([1.0, 0.0]), np.array([True, False]), np.array([[0, 0], [0, 1]]))
        with pytest.raises(DataError, match="found 2 people, need at least 3"):
            intervals.auc_interval(two)
        with pytest.raises(DataError, match="not finite"):
            intervals.auc_interval(replace(pairs, scores=pairs.scores * np.nan))
        with pytest.raises(ValueError, match="replicates=1"):
            intervals.auc_interval(pairs, 1)
        with pytest.raises(ValueError, match="level=95"):
            intervals.auc_interval(pairs, 10, level=95)

    def test_a_far_that_the_pairs_cannot_measure_is_refused(self) -> None:
        with pytest.raises(
            DataError, match=r"found 20 impostor pairs, .* need at least 30: ask for a larger"
        ):
            intervals.tar_interval(draw_pairs(0, pairs=20), 0.1)

    def test_memory_stays_small(self) -> None:
        pairs = draw_pairs(0, people=1000, pairs=3000)
        tracemalloc.start()
        intervals.eer_interval(pairs, 700)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 50e6

    def test_it_holds_the_truth_where_wilson_does_not(self) -> None:
        hits = {"bootstrap": 0, "wilson": 0}
        truth = true_figures()[0]
        for seed in range(60):
            pairs = draw_pairs(seed)
            right = int(np.sum((pairs.scores >= 1.0) == pairs.is_match))
            hits["bootstrap"] += holds(intervals.accuracy_interval(pairs, 1.0, 200), truth)
            hits["wilson"] += holds(intervals.wilson(right, 1000), truth)
        assert hits["bootstrap"] >= 0.9 * 60
        assert hits["wilson"] <= hits["bootstrap"] - 4

    @pytest.mark.slow
    @pytest.mark.parametrize("people", [150, 900])
    @pytest.mark.parametrize("effect", [0.0, 0.75])
    def test_coverage(self, people: int, effect: float) -> None:
        found = coverage(200, 300, people=people, effect=effect)
        for name in ("accuracy", "auc", "eer", "tar"):
            assert 0.9 <= found[name] <= 0.995, found
        if people == 150 and effect:
            assert found["wilson"] < 0.9, found

    @pytest.mark.slow
    @pytest.mark.parametrize(("people", "uneven", "pairs"), [(12, False, 500), (40, True, 300)])
    def test_coverage_with_few_people(self, people: int, uneven: bool, pairs: int) -> None:
        found = coverage(200, 300, people=people, uneven=uneven, pairs=pairs, effect=0.7)
        assert found["accuracy"] >= 0.88, found
        assert found["wilson"] < 0.7, found
