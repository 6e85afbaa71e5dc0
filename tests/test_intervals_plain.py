"""The people bootstrap step by step, in plain loops over the same draws, and every default of the intervals."""

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

from toy_pairs import draw_pairs
from twinface.core.errors import DataError
from twinface.core.types import Interval, ScoredPairs
from twinface.evaluation import intervals, metrics
from twinface.evaluation.intervals import people_bootstrap as bootstrap
from twinface.evaluation.intervals.accuracy import at_least_wilson, weighted_mean
from twinface.evaluation.intervals.quantiles import normal_quantile, t_quantile
from twinface.evaluation.intervals.ranking import weighted_auc, weighted_eer, weighted_tar

# Nine people under odd numbers; couples that meet twice, from both sides; two genuine pairs of one person.
PEOPLE = np.array(
    [
        *([7, 7], [7, 7], [3, 3], [50, 50], [8, 8], [9, 9], [20, 20]),
        *([7, 3], [3, 7], [50, 8], [9, 20], [20, 30], [30, 31], [31, 7], [8, 3], [9, 9 + 50]),
    ]
)
MATCH = PEOPLE[:, 0] == PEOPLE[:, 1]
SCORES = np.array([2.1, 0.3, 1.7, 0.9, 1.2, 0.1, 2.5, 0.2, -0.4, 1.3, -1.0, 0.8, -0.2, 0.5, 1.05, -2.0])
PAIRS = ScoredPairs(SCORES, MATCH, PEOPLE)


def weighted_accuracy(weights: np.ndarray) -> float:
    """The accuracy at a threshold of 1 of weighted pairs, with the mix of kinds of the list itself."""
    found = 0.0
    for kind in (True, False):
        right = sum(w for w, s, m in zip(weights, SCORES, MATCH, strict=True) if m == kind and (s >= 1) == m)
        found += (
            right
            / sum(w for w, m in zip(weights, MATCH, strict=True) if m == kind)
            * np.mean(np.equal(MATCH, kind))
        )
    return float(found)


def by_hand(replicates: int, seed: int, level: float) -> tuple[float, float]:
    """The documented steps: weights of people, of couples, of single pairs; variances; the factor; the quantiles."""
    names = sorted(set(PEOPLE.ravel().tolist()))
    couples = sorted({(names.index(min(p)), names.index(max(p))) for p in PEOPLE.tolist()})
    draws = [np.random.default_rng([seed, stream]) for stream in range(3)]
    people = draws[0].standard_exponential((replicates, len(names)))
    couple = draws[1].standard_exponential((replicates, len(couples)))
    single = draws[2].standard_exponential((replicates, len(SCORES)))
    figures: list[list[float]] = [[], [], []]
    for row in range(replicates):
        product, shared = [], []
        for (left, right), match in zip(PEOPLE.tolist(), MATCH, strict=True):
            one, other = names.index(left), names.index(right)
            product.append(people[row, one] if match else people[row, one] * people[row, other])
            shared.append(1.0 if match else couple[row, couples.index((min(one, other), max(one, other)))])
        for found, weights in zip(figures, (product, shared, single[row]), strict=True):
            found.append(weighted_accuracy(np.array(weights)))
    spread = np.var(figures[0], ddof=1)
    variance = max(spread - 2 * np.var(figures[1], ddof=1), np.var(figures[2], ddof=1))
    share = dict.fromkeys(names, 0.0)
    for (left, right), match in zip(PEOPLE.tolist(), MATCH, strict=True):
        for person in {left, right}:
            share[person] += 1 / np.sum(np.equal(MATCH, match))
    n = sum(share.values()) ** 2 / sum(value**2 for value in share.values())
    widen = math.sqrt((n + 6) * (n - 1) / (n - 2) ** 2)
    widen *= stats.t.ppf((1 + level) / 2, n - 2) / stats.norm.ppf((1 + level) / 2)
    estimate, scale = weighted_accuracy(np.ones(len(SCORES))), math.sqrt(variance / spread) * widen
    low, high = np.quantile(figures[0], [(1 - level) / 2, (1 + level) / 2])
    return min(estimate, estimate + scale * (low - estimate)), max(
        estimate, estimate + scale * (high - estimate)
    )


def statistic() -> bootstrap.Statistic:
    return weighted_mean(((SCORES >= 1) == MATCH).astype(float), MATCH)


@pytest.mark.parametrize(
    ("replicates", "seed", "level"), [(60, 0, 0.95), (60, 3, 0.8), (7, 1, 0.5), (2, 0, 0.95)]
)
def test_people_are_resampled_step_by_step(replicates: int, seed: int, level: float) -> None:
    found = bootstrap.people_bootstrap(statistic(), PAIRS, replicates, seed, level)
    assert (found.low, found.high) == pytest.approx(by_hand(replicates, seed, level), rel=1e-6)
    assert (found.level, found.method) == (level, f"people bootstrap, {replicates} replicates")


@pytest.mark.parametrize("block", [1, 16, 40, 16 * 60, 10**6])
def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    monkeypatch.setattr(bootstrap, "_BLOCK", block)
    found = bootstrap.people_bootstrap(statistic(), PAIRS, 60, 0, 0.95)
    assert (found.low, found.high) == pytest.approx(by_hand(60, 0, 0.95), rel=1e-6)


def test_a_figure_without_spread_is_its_own_interval() -> None:
    found = bootstrap.people_bootstrap(lambda weights: np.full(len(weights), 0.25), PAIRS, 20, 0, 0.9)
    assert found == Interval(0.25, 0.25, 0.9, "people bootstrap, 20 replicates")


def test_how_many_people_count() -> None:
    """Equally frequent people count fully; who is in all pairs of a kind counts for few."""
    even = np.array([[p, p] for p in range(12)] + [[p, (p + 1) % 12] for p in range(12)])
    pairs = ScoredPairs(np.arange(24.0), even[:, 0] == even[:, 1], even)
    design = bootstrap._read_design(pairs)
    assert design.effective == pytest.approx(12)
    assert (design.people, design.couples) == (12, 24)
    star = np.array([[0, 0]] + [[0, p] for p in range(1, 12)])
    design = bootstrap._read_design(ScoredPairs(np.arange(12.0), star[:, 0] == star[:, 1], star))
    assert design.effective == pytest.approx((2 + 1) ** 2 / (2**2 + 11 * (1 / 11) ** 2))


@pytest.mark.parametrize("n", [3.0, 3.5, 12.0, 200.0])
@pytest.mark.parametrize("level", [0.8, 0.95])
def test_the_factor_for_few_people(n: float, level: float) -> None:
    expected = math.sqrt((n + 6) * (n - 1)) / (n - 2)
    expected *= stats.t.ppf((1 + level) / 2, n - 2) / stats.norm.ppf((1 + level) / 2)
    assert bootstrap._few_people_factor(n, level) == pytest.approx(expected, rel=1e-6)


def test_three_people_are_the_least() -> None:
    assert bootstrap._few_people_factor(1.0, 0.95) == bootstrap._few_people_factor(3.0, 0.95)
    three = ScoredPairs(
        np.array([1.0, 0.0, 0.5]), np.array([True, False, False]), np.array([[0, 0], [0, 1], [1, 2]])
    )
    assert intervals.auc_interval(three, 20).high == 1
    two = ScoredPairs(three.scores[:2], three.is_match[:2], three.people[:2])
    with pytest.raises(DataError, match="found 2 people, need at least 3"):
        intervals.auc_interval(two, 20)


def smallest_that_holds(one: Interval, other: Interval) -> tuple[float, float]:
    return max(0.0, min(one.low, other.low)), min(1.0, max(one.high, other.high))


@pytest.mark.parametrize("name", ["accuracy", "auc", "eer", "tar"])
def test_no_interval_is_narrower_than_wilsons(name: str) -> None:
    """Its trials: all pairs for an accuracy; genuine pairs for a TAR; the harmonic mean of both kinds otherwise."""
    pairs = draw_pairs(2, people=60, pairs=90)
    keep = np.ones(180, np.bool_)
    keep[:30] = False  # 60 genuine and 90 impostor pairs
    pairs = ScoredPairs(pairs.scores[keep], pairs.is_match[keep], pairs.people[keep])
    right = ((pairs.scores >= 1) == pairs.is_match).astype(float)
    make, trials, found = {
        "accuracy": (
            weighted_mean(right, pairs.is_match),
            150,
            intervals.accuracy_interval(pairs, 1.0, 50, 4, 0.9),
        ),
        "auc": (weighted_auc(pairs), 4 / (1 / 60 + 1 / 90), intervals.auc_interval(pairs, 50, 4, 0.9)),
        "eer": (weighted_eer(pairs), 4 / (1 / 60 + 1 / 90), intervals.eer_interval(pairs, 50, 4, 0.9)),
        "tar": (weighted_tar(pairs, 0.1), 60, intervals.tar_interval(pairs, 0.1, 50, 4, 0.9)),
    }[name]
    drawn = bootstrap.people_bootstrap(make, pairs, 50, 4, 0.9)
    rate = float(make(np.ones((1, 150)))[0])
    wilson = intervals.wilson(rate * trials, trials, 0.9)
    assert (found.low, found.high) == pytest.approx(smallest_that_holds(drawn, wilson), rel=1e-9)
    assert (found.level, found.method) == (0.9, "people bootstrap, 50 replicates, at least Wilson")


def test_ends_stay_within_0_and_1() -> None:
    pairs = draw_pairs(1, people=5, pairs=30)
    for rate in (0.0, 1.0):
        found = at_least_wilson(
            lambda w, r=rate: np.full(len(w), r), pairs, 60.0, replicates=5, seed=0, level=0.95
        )
        wilson = intervals.wilson(60 * rate, 60)
        assert (found.low, found.high) == (wilson.low, wilson.high)

    def wild(weights: np.ndarray) -> np.ndarray:
        return np.linspace(-1.0, 2.0, len(weights)) if len(weights) > 1 else np.array([0.5])

    found = at_least_wilson(wild, pairs, 60.0, replicates=50, seed=0, level=0.95)
    assert (found.low, found.high) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("make", "given"),
    [
        (intervals.accuracy_interval, (1.0,)),
        (intervals.auc_interval, ()),
        (intervals.eer_interval, ()),
        (intervals.tar_interval, (0.1,)),
    ],
)
def test_a_thousand_replicates_of_seed_0_at_95_percent(make: Any, given: tuple[float, ...]) -> None:
    pairs = draw_pairs(0, people=40, pairs=60)
    plain = make(pairs, *given)
    assert plain == make(pairs, *given, replicates=1000, seed=0, level=0.95)
    assert plain.method.startswith("people bootstrap, 1000 replicates")
    assert plain.low != make(pairs, *given, seed=1).low or plain.high != make(pairs, *given, seed=1).high
    right = ((pairs.scores >= 1) == pairs.is_match).astype(float)
    mean = intervals.mean_accuracy_interval(right, pairs)
    assert mean == intervals.accuracy_interval(pairs, 1.0)
    people = bootstrap.people_bootstrap(weighted_mean(right, pairs.is_match), pairs)
    assert people == bootstrap.people_bootstrap(weighted_mean(right, pairs.is_match), pairs, 1000, 0, 0.95)


def test_a_gain_by_its_formula() -> None:
    pairs = draw_pairs(0, people=40, pairs=60)
    gain = np.random.default_rng(5).choice([-1.0, 0.0, 0.0, 1.0, 0.5], len(pairs))
    found = intervals.gain_interval(gain, pairs)
    assert found == intervals.gain_interval(gain, pairs, replicates=1000, seed=0, level=0.95)
    drawn = bootstrap.people_bootstrap(weighted_mean(gain, pairs.is_match), pairs, 1000, 0, 0.95)
    total = len(gain) + 2
    centre = gain.sum() / total
    half = 1.959963984540054 * math.sqrt((np.sum(gain**2) + 1) / total - centre**2) / math.sqrt(total)
    assert found.low == pytest.approx(min(drawn.low, centre - half), rel=1e-12)
    assert found.high == pytest.approx(max(drawn.high, centre + half), rel=1e-12)
    assert (found.level, found.method) == (0.95, "people bootstrap, 1000 replicates, at least Agresti-Min")
    for value in (1.0, -1.0):
        ends = intervals.gain_interval(np.full(len(pairs), value), pairs, replicates=5, level=0.999)
        assert value in (ends.low, ends.high)
        assert -1 <= ends.low < ends.high <= 1
    few = intervals.gain_interval(np.array([1.0, -1.0, 0.0]), three_pairs(), replicates=5, level=0.9999)
    assert (few.low, few.high) == (-1.0, 1.0)


def three_pairs() -> ScoredPairs:
    return ScoredPairs(np.zeros(3), np.array([True, False, False]), np.array([[0, 0], [0, 1], [1, 2]]))


def test_wilson_by_its_formula() -> None:
    z = 1.2815515655446004
    found = intervals.wilson(3.5, 12.5, 0.8)
    centre, half = (0.28 + z * z / 25) / (1 + z * z / 12.5), z * math.sqrt(0.28 * 0.72 / 12.5 + z * z / 625)
    assert found.low == pytest.approx(centre - half / (1 + z * z / 12.5), rel=1e-12)
    assert found.high == pytest.approx(centre + half / (1 + z * z / 12.5), rel=1e-12)
    assert (found.level, found.method) == (0.8, "Wilson")
    assert intervals.wilson(3, 12) == intervals.wilson(3, 12, 0.95)
    assert intervals.wilson(0, 12).low == 0
    assert intervals.wilson(12, 12).high == 1
    assert intervals.wilson(0.5, 0.5, 0.9).high == 1  # less than one trial


def test_corrected_p_values() -> None:
    assert intervals.holm([1.0, 0.0]).tolist() == [1.0, 0.0]
    assert intervals.holm([0, 1]).dtype == np.float64
    assert intervals.holm([0.3, 0.01, 0.3, 0.02]).tolist() == pytest.approx([0.6, 0.04, 0.6, 0.06])


def test_means_are_of_double_precision() -> None:
    values = np.array([0.1, 0.2, 0.4], np.float32)
    mean, error = intervals.mean_and_standard_error(values)
    assert mean == pytest.approx(sum(map(float, values)) / 3, rel=1e-15)
    assert error == pytest.approx(np.std(values.astype(float), ddof=1) / math.sqrt(3), rel=1e-12)


def test_folds_are_at_95_percent() -> None:
    found = intervals.fold_interval([1.0, 2.0, 3.0, 6.0])
    assert found == intervals.fold_interval([1.0, 2.0, 3.0, 6.0], 0.95)
    assert (found.level, found.method) == (0.95, "Student's t over folds")
    assert intervals.fold_interval([1.0, 2.0]).high == pytest.approx(1.5 + 12.706204736 * 0.5)


@pytest.mark.parametrize("level", [0.0, 1.0, -0.5, 2.0, math.nan])
def test_levels_lie_between_0_and_1(level: float) -> None:
    with pytest.raises(ValueError, match="need a confidence level"):
        normal_quantile(level)
    with pytest.raises(ValueError, match="need a confidence level"):
        t_quantile(3, level)


def test_quantiles() -> None:
    assert normal_quantile(0.95) == pytest.approx(1.959963984540054, rel=1e-12)
    assert normal_quantile(1e-9) > 0
    with pytest.raises(ValueError, match=r"found 0\.9 degrees of freedom, need at least 1"):
        t_quantile(0.9, 0.95)
    for degrees in (1, 2, 5.5):
        assert t_quantile(degrees, 0.999) == pytest.approx(stats.t.ppf(0.9995, degrees), rel=1e-7)


def test_ranks_with_ties_by_loops() -> None:
    """Weighted AUC, EER and TAR of scores with ties, against pairs repeated as often as they weigh."""
    scores = np.array([2.0, 1.0, 1.0, 1.0, 0.0, 0.0, 3.0, 1.0])
    match = np.array([True, True, False, False, True, False, False, True])
    people = np.array([[n, n if same else n + 10] for n, same in enumerate(match)])
    pairs = ScoredPairs(scores, match, people)
    weights = np.array([[3, 1, 2, 1, 1, 4, 0, 2], [1, 1, 1, 1, 1, 1, 1, 1], [0, 2, 1, 5, 1, 0, 1, 0]])
    for row in weights:
        repeated, kinds = np.repeat(scores, row), np.repeat(match, row)
        for make, metric in (
            (weighted_auc(pairs), metrics.area_under_curve),
            (weighted_eer(pairs), metrics.equal_error_rate),
            (weighted_tar(pairs, 0.2), lambda s, m: metrics.tar_at_far(s, m, 0.2)),
            (weighted_tar(pairs, 1.0), lambda s, m: metrics.tar_at_far(s, m, 1.0)),
        ):
            assert float(make(row[None].astype(float))[0]) == pytest.approx(metric(repeated, kinds))
    with pytest.raises(ValueError, match="need a false accept rate"):
        weighted_tar(pairs, 1.5)


def test_a_mean_keeps_the_mix_of_the_list() -> None:
    values, match = np.array([1.0, 0.5, 0.0]), np.array([True, False, False])
    found = weighted_mean(values, match)(np.array([[5.0, 1.0, 3.0], [1.0, 1.0, 1.0]]))
    assert found.tolist() == pytest.approx([(1 + 2 * 0.5 / 4) / 3, 0.5])
