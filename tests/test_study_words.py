"""How a study's page names models, compares them, and how wide its bars and axes are."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from twinface.core.types import Interval
from twinface.reports.study_charts import effect_charts
from twinface.studies.results.effects import main_effects
from twinface.studies.results.leaderboard import Place, spread_of_seeds, with_seeds
from twinface.studies.results.records import LeaderboardLine, StudyResults
from twinface.studies.study_file.search import Search


def line(name: str, accuracy: float, apart: frozenset[str] = frozenset(), said: str = "") -> LeaderboardLine:
    interval = Interval(accuracy - 0.01, accuracy + 0.01)
    place = Place(name, (accuracy, accuracy), accuracy, 0.0, interval, accuracy, apart)
    return LeaderboardLine(place, True, said or name, {"x": name} if said else None)


def results(*lines: LeaderboardLine) -> StudyResults:
    return StudyResults("t", "accuracy", (0, 1), lines, (), {}, ())


def test_models_are_compared_with_the_best_trained_one() -> None:
    first = line("baseline pca", 0.9, frozenset({"a/0001"}))
    best, same = (
        line("a/0000", 0.8, said="rate 1"),
        line("a/0001", 0.79, frozenset({"baseline pca"}), said="rate 2"),
    )
    worse = line("a/0002", 0.7, frozenset({"a/0000"}), said="rate 3")
    found = results(first, best, same, worse)
    assert found.best_trained is best
    assert [found.against_best_trained(each) for each in found.leaderboard] == [
        "not told apart (+10.0)",
        "the best trained",
        "not told apart (\N{MINUS SIGN}1.0)",
        "worse (\N{MINUS SIGN}10.0)",
    ]


def test_settings_stand_for_a_model_where_they_tell_it_apart() -> None:
    said = (("a/0000", "rate 1"), ("a/0001", "rate 2"), ("b/0000", "rate 2"))
    found = results(*(line(name, 0.8, said=words) for name, words in said))
    assert [found.label(name) for name in ("a/0000", "a/0001", "b/0000", "baseline")] == [
        "rate 1", "a/0001", "b/0000", "baseline"
    ]  # fmt: skip
    long = results(line("a/0000", 0.8, said="rate " * 20))
    assert long.label("a/0000") == "a/0000"


def test_an_interval_holds_for_people_and_seeds_together() -> None:
    people, values = Interval(0.75, 0.87, method="people"), np.array([0.78, 0.80, 0.82])
    seeds = spread_of_seeds([values, np.array([0.5]), np.array([0.6, 0.64])])
    assert seeds is not None
    assert seeds.freedom == 3
    assert seeds.deviation == pytest.approx(math.sqrt((0.0008 + 0.0008) / 3))
    found = with_seeds(people, values, seeds)
    half = 3.182 * seeds.deviation / math.sqrt(3)  # the quantile is that of printed tables
    assert found.low == pytest.approx(0.8 - math.hypot(0.05, half), abs=1e-5)
    assert found.high == pytest.approx(0.8 + math.hypot(0.07, half), abs=1e-5)
    assert "Student's t over seeds" in found.method
    assert with_seeds(people, values[:1], seeds) is people
    assert with_seeds(people, values, None) is people
    assert spread_of_seeds([values[:1]]) is None


def test_a_lone_factor_explains_nothing_by_itself_and_bars_say_of_whom_they_are() -> None:
    search = Search(name="p", vary={"rate": [1, 2]})
    points, values = search.grid(), [[0.800, 0.801], [0.802, 0.803]]
    (alone,) = main_effects(search, points, values, lambda rows: 0.03)
    plain = main_effects(search, points, values)[0]
    for with_people, without in zip(alone.levels, plain.levels, strict=True):
        assert without.margin is not None
        assert with_people.margin == pytest.approx(math.hypot(without.margin, 0.03))
    drawn = effect_charts([alone], "accuracy")[0]
    assert drawn.caption.startswith(
        "The only factor that varies. Bars: 95 % for other people (resampled) and other"
    )
    assert "%" not in effect_charts([replace(plain, alone=True)], "loss")[0].caption.split("Bars")[0]
