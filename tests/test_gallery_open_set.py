"""Probabilities and limits of an open set: against plain Bayes, against counting, and in the right direction."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toy_gallery import PixelModel
from twinface.models.card import read_card
from twinface.models.decision import Calibration
from twinface.models.error_table import ErrorTable, OperatingPoint
from twinface.recognition.gallery.identification import assign
from twinface.recognition.gallery.look_alikes import confusion_rate
from twinface.recognition.gallery.open_set import false_positive_rate, probabilities
from twinface.recognition.gallery.records import Candidate
from twinface.recognition.gallery.score_rates import ScoreRates, score_rates

CARD = read_card("sface")
assert CARD.record is not None
SFACE = score_rates(CARD.record, CARD)
scores_of = st.lists(st.floats(-1, 1), min_size=1, max_size=6)


@settings(deadline=None)
@given(scores_of, st.integers(0, 10**7))
def test_probabilities_add_up_to_at_most_one_and_follow_the_scores(found: list[float], more: int) -> None:
    scores = np.array(found)
    chances, nobody = probabilities(SFACE, scores, len(scores) + more)
    assert chances.min() >= 0
    assert 0 <= nobody <= 1
    assert chances.sum() + nobody <= 1 + 1e-9
    order = np.argsort(scores)
    assert (np.diff(chances[order]) >= -1e-12).all()


@settings(deadline=None)
@given(st.lists(st.floats(-6, 6), min_size=1, max_size=5))
def test_probabilities_are_those_of_bayes_rule_if_all_people_are_listed(logits: list[float]) -> None:
    rates = score_rates(PixelModel().record)
    scores = (np.array(logits) + 20) / 40  # the scores with these log likelihood ratios
    chances, nobody = probabilities(rates, scores, len(scores))
    weights = [math.exp(logit) / len(logits) for logit in logits]
    assert nobody == pytest.approx(1 / (1 + sum(weights)), rel=1e-3)
    assert chances == pytest.approx([weight / (1 + sum(weights)) for weight in weights], rel=1e-3)


def test_the_more_people_the_higher_the_score_must_be() -> None:
    for score in (0.4, 0.5, 0.6):
        before = (1.0, 0.0)
        for people in (1, 10, 1000, 10**6):
            chances, _ = probabilities(SFACE, np.array([score]), people)
            fpir = float(false_positive_rate(SFACE, np.array(score), people))
            assert chances[0] < before[0]
            assert fpir > before[1]
            before = (chances[0], fpir)


def test_fpir_is_the_chance_that_the_best_of_many_impostors_reaches_a_score() -> None:
    random = np.random.default_rng(0)
    people, threshold = 200, 3.5
    best = random.normal(size=(20_000, people)).max(axis=1)
    grid = np.linspace(-5, 8, 2001)
    tail = np.array([math.erfc(value / math.sqrt(2)) / 2 for value in grid])
    rates = ScoreRates(grid, np.log(tail), np.zeros(2001))
    expected = float(false_positive_rate(rates, np.array(threshold), people))
    assert float((best >= threshold).mean()) == pytest.approx(expected, abs=0.003)
    assert float(false_positive_rate(rates, np.array(threshold), 0)) == 0


def test_rates_of_a_card_go_through_its_quantiles_and_its_threshold() -> None:
    assert CARD.record is not None
    assert float(SFACE.fmr_at(CARD.impostor[95])) == pytest.approx(0.05, rel=0.05)
    assert float(SFACE.fmr_at(CARD.record.threshold.value)) == pytest.approx(0.001, rel=0.1)
    assert SFACE.score_at_fmr(1e-3) == pytest.approx(CARD.record.threshold.value, abs=0.002)
    assert (np.diff(SFACE.log_ratio) >= 0).all()
    assert (np.diff(SFACE.log_fmr) <= 1e-12).all()
    # On 6.8 million impostor pairs of other people (LFW-a DevTest) .470 was reached by 1e-5.
    assert 5e-6 < float(SFACE.fmr_at(0.470)) < 2e-5


def test_rates_of_normal_scores_are_those_of_the_normal_distribution() -> None:
    random = np.random.default_rng(1)
    impostor, genuine = random.normal(0, 0.1, 1_000_000), random.normal(0.7, 0.12, 1_000_000)
    quantiles = [
        tuple(np.quantile(scores, np.linspace(0, 1, 101)).tolist()) for scores in (impostor, genuine)
    ]
    record = PixelModel().record
    rates = score_rates(record, replace(CARD, impostor=quantiles[0], genuine=quantiles[1], record=record))
    for score in (0.1, 0.3, 0.4, 0.5):
        exact = math.erfc(score / 0.1 / math.sqrt(2)) / 2
        assert math.log(float(rates.fmr_at(score))) == pytest.approx(math.log(exact), rel=0.06)
        ratio = (score / 0.1) ** 2 / 2 - ((score - 0.7) / 0.12) ** 2 / 2 + math.log(0.1 / 0.12)
        assert float(rates.log_ratio_at(score)) == pytest.approx(ratio, abs=0.6)


def test_rates_of_a_model_without_a_card_come_from_its_error_table() -> None:
    """Normal impostors (0, .1) and genuine pairs (.7, .12), as a table of operating points."""
    points = []
    for threshold in (0.0, 0.1, 0.2, 0.3, 0.4):
        fmr = math.erfc(threshold / 0.1 / math.sqrt(2)) / 2
        fnmr = math.erfc((0.7 - threshold) / 0.12 / math.sqrt(2)) / 2
        points.append(OperatingPoint(threshold, fmr, 0, 1, fnmr, 0, 1))
    rates = score_rates(replace(PixelModel().record, error_table=ErrorTable(tuple(points), 100, "made up")))
    for score in (0.05, 0.3, 0.6):
        exact = math.log(math.erfc(score / 0.1 / math.sqrt(2)) / 2)
        assert math.log(float(rates.fmr_at(score))) == pytest.approx(exact, rel=0.02)
    ratio = (0.5 / 0.1) ** 2 / 2 - ((0.5 - 0.7) / 0.12) ** 2 / 2 + math.log(0.1 / 0.12)
    assert float(rates.log_ratio_at(0.5)) == pytest.approx(ratio, abs=0.3)
    assert confusion_rate(rates, 0.5, 1.0, 0.45) is None


def test_without_a_card_the_calibration_bounds_the_rate() -> None:
    rates = score_rates(PixelModel().record)
    assert float(rates.fmr_at(0.6)) == pytest.approx(math.exp(-4), rel=0.01)
    assert float(rates.fmr_at(0.2)) == 1
    useless = replace(PixelModel().record, calibration=Calibration(0.0, 0.0, ""))
    assert float(score_rates(useless).fmr_at(0.99)) == 1
    assert score_rates(useless).score_at_fmr(0.5) == math.inf


def candidate(name: str, score: float, fpir: float = 0.0, rejected: bool = False) -> Candidate:
    return Candidate(name, 1, score, 0.5, fpir, rejected)


def test_nobody_is_on_a_photo_twice() -> None:
    ann, bob = candidate("Ann", 0.8), candidate("Bob", 0.6)
    assert assign([[ann, bob], [candidate("Ann", 0.9)]], 0.01) == ["Bob", "Ann"]
    assert assign([[ann], [candidate("Ann", 0.9)]], 0.01) == [None, "Ann"]
    assert assign([[candidate("Ann", 0.9, fpir=0.02), bob]], 0.01) == ["Bob"]
    assert assign([[candidate("Ann", 0.9, rejected=True)], []], 0.01) == [None, None]


def test_the_confusion_rate_is_that_of_simulated_people() -> None:
    """Two templates at an angle, and photos of the first one: how many score above the threshold for the second?"""
    random, size, count = np.random.default_rng(2), 64, 20_000
    deviation = 1 / math.sqrt(size)
    for likeness in (0.2, 0.5, 0.8):
        axis, other = np.eye(size)[0], np.zeros(size)
        other[:2] = likeness, math.sqrt(1 - likeness**2)
        genuine = np.clip(random.normal(0.7, 0.1, count), 0, 0.99)
        noise = random.normal(size=(count, size))
        noise[:, 0] = 0
        noise /= np.linalg.norm(noise, axis=1, keepdims=True)
        photos = genuine[:, None] * axis + np.sqrt(1 - genuine**2)[:, None] * noise
        counted = float((photos @ other >= 0.45).mean())
        rates = replace(
            SFACE,
            genuine=tuple(np.quantile(genuine, np.linspace(0, 1, 101)).tolist()),
            impostor_mean=0.0,
            impostor_deviation=deviation,
        )
        assert confusion_rate(rates, likeness, 1.0, 0.45) == pytest.approx(counted, abs=0.01)
    assert confusion_rate(score_rates(PixelModel().record), 0.5, 1.0, 0.45) is None
