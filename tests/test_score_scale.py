"""The scale that a score is drawn on: densities from quantiles, and the right places."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import twinface
from twinface.models.card import ModelCard
from twinface.recognition.canvas import (
    DIFFERENT,
    INK,
    PAPER,
    SAME,
)
from twinface.recognition.show.scale_drawing import draw_scale
from twinface.recognition.show.scale_svg import scale_svg
from twinface.recognition.show.score_scale import density, score_scale
from twinface.recognition.verifier import Verifier

SHIPPED = Path(twinface.__file__).parent / "models" / "shipped" / "default.onnx"
GENUINE = tuple(np.linspace(0.1, 0.9, 101).tolist())
IMPOSTOR = tuple(np.linspace(-0.3, 0.2, 101).tolist())
CARD = ModelCard("toy", "", "", False, "", (), None, (), GENUINE, IMPOSTOR)


@pytest.fixture(scope="module")
def verifier() -> Verifier:
    return Verifier(SHIPPED)


def test_a_density_equals_a_sum_of_kernels_and_has_the_area_1() -> None:
    quantiles = tuple(np.quantile(np.random.default_rng(0).normal(0.2, 0.1, 5000), np.linspace(0, 1, 101)))
    places = np.linspace(-1, 1.4, 2401)
    found = density(quantiles, places)
    assert found.sum() * 0.001 == pytest.approx(1, abs=1e-3)
    inner = quantiles[1:-1]
    low, high = np.quantile(inner, [0.25, 0.75])
    width = 0.9 * min(float(np.std(inner)), (high - low) / 1.34) * len(inner) ** -0.2
    for row in (1100, 1200, 1333):
        kernels = [math.exp(-0.5 * ((places[row] - middle) / width) ** 2) for middle in inner]
        assert found[row] == pytest.approx(sum(kernels) / len(kernels) / width / math.sqrt(2 * math.pi))
    # The truth is known here: the normal density has 3.99 at its middle.
    assert found[1200] == pytest.approx(3.99, rel=0.1)


def test_scores_that_are_all_equal_have_a_density_nevertheless() -> None:
    assert np.isfinite(density((0.5,) * 101, np.linspace(0, 1, 11))).all()


@pytest.mark.parametrize("score", [-0.9, 0.15, 3.0])
@pytest.mark.parametrize("card", [CARD, None])
def test_score_and_threshold_are_on_the_scale(
    verifier: Verifier, score: float, card: ModelCard | None
) -> None:
    scale = score_scale(score, verifier.record, card)
    assert 0 < scale.place(scale.threshold) < 1
    assert 0 < scale.place(score) < 1
    ticks = scale.ticks()
    assert 3 <= len(ticks) <= 10
    assert all(scale.low <= tick <= scale.high for tick in ticks)
    assert scale.has_densities == (card is not None)
    assert "same person" in scale.legend()
    assert scale.same == (score > 1)
    low, high = verifier.record.threshold.zone or (0, 0)
    assert f"{score:.3f}; different below {low:.3f}, same from {high:.3f}" in scale.describe()
    if card:
        assert scale.genuine.max() <= 1
        assert max(scale.genuine.max(), scale.impostor.max()) == pytest.approx(1)
        assert verifier.record.threshold.fitted_on in scale.legend()
    else:
        assert (np.diff(scale.probability) >= 0).all()


def test_a_model_without_calibration_has_a_scale(verifier: Verifier) -> None:
    calibration = replace(verifier.record.calibration, slope=0.0, offset=0.0)
    scale = score_scale(0.5, replace(verifier.record, calibration=calibration), None)
    assert scale.low < -0.8
    assert scale.high > 1.1
    assert "<svg" in scale_svg(scale)


def test_the_drawn_scale_has_the_score_at_its_place(verifier: Verifier) -> None:
    for score, color in ((0.5, SAME), (-0.1, DIFFERENT), (0.35, PAPER)):
        scale = score_scale(score, verifier.record, CARD)
        drawn = draw_scale(scale, 800)
        assert drawn.shape[1] == 800
        x = round(scale.place(score) * 799)
        column = [tuple(pixel) for pixel in drawn[:, x]]
        assert column.count(INK) > 100
        assert color in column
        assert f"{100 * scale.place(score):.2f}%" in scale_svg(scale)
        assert f"this pair {score:.3f}" in scale_svg(scale)


def test_the_zone_that_cannot_be_told_has_two_marks_and_a_threshold_alone_one(verifier: Verifier) -> None:
    low, high = verifier.record.threshold.zone or (0, 0)
    scale = score_scale(0.35, verifier.record, CARD)
    assert scale.same is None
    assert [place for place, _ in scale.marks()] == [low, high]
    svg = scale_svg(scale)
    assert svg.count("stroke-dasharray") == 2
    assert f"same from {high:.3f}" in svg
    plain = replace(verifier.record, threshold=replace(verifier.record.threshold, upper=None))
    scale = score_scale(0.35, plain, CARD)
    assert scale.same is True
    assert [said for _, said in scale.marks()] == [f"threshold {low:.3f}"]
    assert scale_svg(scale).count("stroke-dasharray") == 1
