"""The study of why scores move: its arithmetic, its table and its chart."""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "studies"))

import move_tables
from score_chart import Axis, Column, Spread, score_chart
from why_scores_move import people_of_pairs, told_rates

from twinface.evaluation.fit_on_people import AllPairs


def test_people_are_those_that_pairs_join() -> None:
    pairs = np.array([[0, 1], [3, 1], [2, 4], [0, 4]])
    people = people_of_pairs(pairs, np.array([True, True, True, False]), photos=6)
    assert people[0] == people[1] == people[3]
    assert people[2] == people[4]
    assert len(set(people.tolist())) == 3


def test_rates_among_the_told_ones() -> None:
    """Of four genuine pairs one is poor, one in the zone; of ten impostor pairs two are in the zone, one above."""
    every = AllPairs(np.array([0.1, 0.45, 0.8, 0.9]), np.array([0.0] * 7 + [0.42, 0.48, 0.9]), 5, 4)
    clear = AllPairs(every.genuine[:3], every.impostor, 5, 4)
    untold, far, frr = told_rates(every, clear, 0.4, 0.5)
    assert untold == pytest.approx(1 - (2 / 4 + 8 / 10) / 2)
    assert far == pytest.approx(1 / 8)
    assert frr == pytest.approx(1 / 2)


def test_the_chart_is_a_picture_with_each_set_and_model() -> None:
    spread = Spread([0, 2, 1], [3, 1, 0], 0.2, "1 %")
    drawn = score_chart(
        "Scores <of> & sets",
        ["as they are", "dark"],
        [Column("one", 0.5, [spread] * 2), Column("two", 0.4, [spread] * 2)],
        Axis(0.0, 1.0),
    )
    root = ET.fromstring(drawn)
    texts = [each.text for each in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"Scores <of> & sets", "as they are", "dark", "one", "two"} <= set(texts)
    assert texts.count("1 %") == 4
    assert len(list(root.iter("{http://www.w3.org/2000/svg}path"))) == 8


def test_the_kept_figures_are_consistent() -> None:
    """Histograms count every pair, and a wider zone leaves no fewer pairs untold."""
    for model in move_tables.figures()["models"].values():
        for each in model["sets"].values():
            assert [sum(each["genuine"]), sum(each["impostor"])] == each["pairs"]
            untold = [row[0] for row in each["untold"]]
            assert untold == sorted(untold)
