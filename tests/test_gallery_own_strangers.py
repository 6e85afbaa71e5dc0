"""A gallery whose people share a light keeps its limit; its rates move upwards alone, and back when people go."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toy_gallery import SIDE, PixelModel, portrait, toy_gallery
from twinface.core.types import ByteArray, Float32Array
from twinface.models.error_table import ErrorTable, OperatingPoint
from twinface.recognition.gallery.gallery import Gallery
from twinface.recognition.gallery.own_strangers import FEWEST, moved
from twinface.recognition.gallery.score_rates import score_rates

DEVIATION = 0.0625  # of the scores of strangers, who are random directions of 256 numbers
LIGHT = 25 * np.sin(np.arange(SIDE))  # that all photos of a foreign collection share


def measured_model() -> PixelModel:
    """A model that knows its error rates: impostor scores are normal around 0, genuine ones around .86."""
    points = []
    for threshold in (0.0, 0.0625, 0.125, 0.1875, 0.25):
        fmr = math.erfc(threshold / DEVIATION / math.sqrt(2)) / 2
        fnmr = math.erfc((0.86 - threshold) / 0.12 / math.sqrt(2)) / 2
        points.append(OperatingPoint(threshold, fmr, 0, 1, fnmr, 0, 1))
    model = PixelModel()
    model.record = replace(model.record, error_table=ErrorTable(tuple(points), 100, "made up"))
    return model


MODEL = measured_model()
RATES = score_rates(MODEL.record)


def foreign(person: int, photo: int = 0) -> ByteArray:
    return np.clip(portrait(person, photo).astype(float) + LIGHT, 0, 255).astype(np.uint8)


def embeddings(people: range) -> Float32Array:
    return MODEL(np.stack([foreign(person) for person in people]))


def strangers_taken(limit: float, people: range, others: range) -> float:
    """The fraction of the pairs of people and others that reach a score."""
    enrolled, probes = embeddings(people), embeddings(others)
    return float(np.mean([MODEL.record.score(enrolled, probe) >= limit for probe in probes]))


def test_moved_rates_hold_for_other_people_under_the_same_light() -> None:
    rates = moved(RATES, MODEL.record, embeddings(range(200)))
    people, others = range(1000, 1300), range(2000, 2300)
    assert strangers_taken(RATES.score_at_fmr(0.01), people, others) > 0.1
    for fmr in (0.1, 0.01, 0.001):
        assert fmr / 5 < strangers_taken(rates.score_at_fmr(fmr), people, others) < fmr * 2


@settings(deadline=None)
@given(st.integers(0, 1000), st.floats(-0.9, 0.9), st.floats(0.1, 3))
def test_rates_never_become_less_strict(seed: int, shared: float, spread: float) -> None:
    random = np.random.default_rng(seed)
    vectors = random.normal(size=(60, 256)) * spread + shared * random.normal(size=256)
    rates = moved(RATES, MODEL.record, vectors.astype(np.float32))
    assert (np.diff(rates.scores) >= 0).all()
    assert (rates.scores >= RATES.scores).all()
    grid = np.linspace(-1, 1, 50)
    assert (rates.fmr_at(grid) >= RATES.fmr_at(grid) - 1e-12).all()


def enrolled(place: Path, people: int) -> Gallery:
    gallery = toy_gallery(place, model=MODEL)
    gallery.import_embeddings([f"person {number}" for number in range(people)], embeddings(range(people)))
    return gallery


def taken(gallery: Gallery) -> int:
    """How many of 100 strangers are taken for somebody; the limit is one."""
    return sum(gallery.identify(foreign(number)).faces[0].name is not None for number in range(5000, 5100))


def test_a_gallery_follows_its_people(tmp_path: Path) -> None:
    gallery = enrolled(tmp_path / "g.db", FEWEST - 1)
    before = gallery.identify(foreign(0, 1))
    assert gallery.engine.rates is gallery.engine.strangers.of_model
    assert before.rates == ""
    assert taken(gallery) > 10
    gallery.import_embeddings(["one more"], embeddings(range(FEWEST, FEWEST + 1)))
    after = gallery.identify(foreign(0, 1))
    assert "look more alike" in after.rates
    assert after.faces[0].name == before.faces[0].name == "person 0"
    assert taken(gallery) <= 3
    for name in ("person 3", "person 4"):
        gallery.forget(name)
    gallery.identify(foreign(0, 1))
    assert gallery.engine.rates is gallery.engine.strangers.of_model


def test_two_processes_with_the_same_gallery_have_the_same_limits(tmp_path: Path) -> None:
    """One has seen it grow, the other one opens it."""
    first = enrolled(tmp_path / "g.db", 60)
    first.identify(foreign(0, 1))
    first.import_embeddings(["60", "61", "62"], embeddings(range(60, 63)))
    one, other = (
        gallery.identify(foreign(7, 1)) for gallery in (first, toy_gallery(tmp_path / "g.db", model=MODEL))
    )
    assert one.to_dict() == other.to_dict()
    first.forget("person 2")
    again = [
        gallery.verify("person 7", foreign(7, 1)).score
        for gallery in (first, toy_gallery(tmp_path / "g.db", model=MODEL))
    ]
    assert again[0] == again[1]


def test_people_that_score_as_where_the_model_was_measured_change_next_to_nothing(tmp_path: Path) -> None:
    gallery = toy_gallery(tmp_path / "g.db", model=MODEL)
    faces = MODEL(np.stack([portrait(person) for person in range(300)]))
    gallery.import_embeddings([f"person {number}" for number in range(300)], faces)
    assert gallery.identify(portrait(4, 1)).rates == ""
    assert gallery.engine.rates.score_at_fmr(1e-4) == pytest.approx(RATES.score_at_fmr(1e-4), abs=0.02)


def test_a_model_without_measured_rates_is_left_as_it_is(tmp_path: Path) -> None:
    gallery = toy_gallery(tmp_path / "g.db")
    gallery.import_embeddings([f"person {number}" for number in range(60)], embeddings(range(60)))
    gallery.identify(foreign(1, 1))
    assert gallery.engine.rates is gallery.engine.strangers.of_model
