"""Figures that are kept: lists of runs, decisions as bits, gains over common seeds, and verdicts on conclusions."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from twinface.core.errors import SettingsError
from twinface.core.types import Interval
from twinface.training.recipe import load_recipe

sys.path.insert(0, str(Path(__file__).parents[1] / "studies"))
import kept_figures
import run_list
import seed_tables

LIST = """
name = "some"
title = "Some"
seeds = [0, 1]
[[runs]]
name = "first"
what = "the first"
recipe = "koch"
set = ["trainer.epochs=1"]
[[runs]]
name = "second"
label = "2"
what = "the second"
after = "first"
set = ["trainer.averaging=0.5"]
[[runs]]
name = "other"
list = "seeds"
what = "of another list"
recipe = "fast"
seeds = [1]
"""


def test_a_run_after_another_has_its_settings_too(tmp_path: Path) -> None:
    file = tmp_path / "some.toml"
    file.write_text(LIST)
    listed = run_list.read_list(file)
    first, second, other = listed.runs
    assert (listed.name, listed.seeds) == ("some", (0, 1))
    assert (first.seeds, other.seeds) == ((0, 1), (1,))
    assert (second.recipe, second.set) == ("koch", ("trainer.epochs=1", "trainer.averaging=0.5"))
    assert (first.label, second.label) == ("the first", "2")
    assert first.file(1) == run_list.FIGURES / "some" / "first-seed-1.json"
    assert other.file(0) == run_list.FIGURES / "seeds" / "other-seed-0.json"
    for wrong in (
        'name = "first"\nwhat = "again"\nrecipe = "koch"',
        'name = "x"\nwhat = "x"\nafter = "none"',
    ):
        file.write_text(f"{LIST}[[runs]]\n{wrong}\n")
        with pytest.raises(SettingsError, match="the name stands twice, or no run"):
            run_list.read_list(file)


def test_figures_of_a_recipe_that_has_changed_are_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Names, words and threads may change, and so may the default of a setting that there was not at that time."""
    monkeypatch.setattr(run_list, "FIGURES", tmp_path)
    run = run_list.ListedRun("some", "some run", "some", "fast", ("projection.size=500",), "list", {}, (0,))
    assert run.figures(0) is None

    def keep(**changes: Any) -> None:
        settings = load_recipe("fast", ["projection.size=500", "trainer.threads=1"]).to_dict()
        run_list.keep(run.file(0), {"settings": settings | changes, "seed": 0})

    keep(description="other words", recipe="other")
    assert run.figures(0)["seed"] == 0
    keep(trainer={"epochs": 0})
    assert run.figures(0)["seed"] == 0
    keep(trainer={"epochs": 0, "averaging": 0.5})
    assert run.figures(0) is None
    keep(gone={"setting": 1})
    assert run.figures(0) is None


@pytest.mark.parametrize("listed", [kept_figures.SEEDS, kept_figures.LADDER])
def test_every_question_is_about_listed_runs(listed: Any) -> None:
    names = {run.name for run in listed.runs}
    asked = [
        each
        for values in seed_tables.QUESTIONS["conclusions"]
        for each in (values["changed"], values["base"])
    ]
    asked += [f"seeds/{run}" for grid in seed_tables.QUESTIONS["grids"] for run in grid["runs"]]
    own = [each.removeprefix(f"{listed.name}/") for each in asked if each.startswith(f"{listed.name}/")]
    assert own
    assert set(own) <= names


RANDOM = np.random.default_rng(0)


def entry(rates: dict[int, float], way: str = "test") -> Any:
    """An entry with a run for each seed, which decides that share of the test pairs rightly."""
    figures = []
    for seed, rate in rates.items():
        right = np.arange(1000) < 1000 * rate
        found = {"right": np.packbits(RANDOM.permutation(right)).tobytes().hex(), "accuracy": rate}
        figures.append({"seed": seed, way: found})
    return kept_figures.Kept(kept_figures.SEEDS.runs[0], tuple(figures))


def test_decisions_are_kept_as_bits() -> None:
    pairs = kept_figures.test_pairs()
    scores = RANDOM.normal(size=1000)
    found = run_list.judged(replace(pairs, scores=scores), 0.2)
    kept = kept_figures.Kept(kept_figures.SEEDS.runs[0], ({"seed": 0, "test": found},))
    right = (scores >= 0.2) == pairs.is_match
    assert np.array_equal(kept.right("test"), right[None])
    assert found["accuracy"] == right.mean()
    low, high = found["accuracy_interval"]
    assert low < right.mean() < high


def test_a_gain_is_over_the_seeds_that_both_have() -> None:
    changed, base = entry({0: 0.8, 1: 0.82, 2: 0.84, 5: 0.5}), entry({2: 0.7, 0: 0.7, 1: 0.7, 7: 0.9})
    found = kept_figures.gain(changed, base)
    assert (found.seeds, found.mean) == (3, pytest.approx(0.12))
    assert found.people.low < 0.12 < found.people.high
    assert found.over_seeds.low == pytest.approx(0.12 - 4.3027 * 0.02 / 3**0.5, abs=1e-4)
    assert found.lies_above(0)
    assert not found.lies_above(0.08)
    assert kept_figures.gain(entry({0: 0.8}), entry({1: 0.8})) is None
    assert kept_figures.gain(entry({}), entry({1: 0.8})) is None
    two = kept_figures.gain(entry({0: 0.9, 1: 0.9}), entry({0: 0.6, 1: 0.6}))
    assert two.over_seeds is None
    assert not two.lies_above(0)


def test_thresholds_of_other_people_count_where_there_are_some() -> None:
    both = entry({0: 0.6})
    both.each[0]["test_of_people"] = entry({0: 0.9}).each[0]["test"]
    assert kept_figures.gain(both, entry({0: 0.5})).mean == pytest.approx(0.4)
    assert kept_figures.gain(both, entry({0: 0.5}), "test").mean == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("people", "seeds", "claim", "verdict"),
    [
        ((0.01, 0.05), (0.02, 0.04), "more", "**confirmed**"),
        ((0.01, 0.05), (0.02, 0.04), "less", "**refuted**"),
        ((-0.05, -0.01), (-0.04, -0.02), "less", "**confirmed**"),
        ((-0.05, -0.01), (-0.04, -0.02), "more", "**refuted**"),
        ((-0.01, 0.05), (0.02, 0.04), "more", "cannot be told"),
        ((0.01, 0.05), (-0.02, 0.06), "more", "cannot be told"),
        ((0.01, 0.05), None, "more", "cannot be told: 2 of 3 seeds"),
        ((-0.01, 0.015), (-0.01, 0.019), "little", "**confirmed**"),
        ((0.03, 0.09), (0.05, 0.06), "little", "**refuted**"),
        ((-0.01, 0.03), (0.0, 0.01), "little", "cannot be told"),
    ],
)
def test_a_verdict_needs_both_intervals(people: Any, seeds: Any, claim: str, verdict: str) -> None:
    over_seeds = Interval(*seeds) if seeds else None
    found = kept_figures.Gain(3 if seeds else 2, float(np.mean(people)), Interval(*people), over_seeds)
    conclusion = seed_tables.Conclusion("text", "what", "a/b", "c/d", claim)
    assert conclusion.verdict(found) == verdict
    assert conclusion.verdict(None) == "not run yet"


@pytest.mark.parametrize(
    ("accuracies", "patience", "epochs"),
    [
        ([0.5, 0.6, 0.6, 0.55, 0.7], 2, 4),
        ([0.5, 0.6, 0.6, 0.55, 0.7], 3, 5),
        ([0.5, 0.4], 1, 2),
        ([0.5], 3, 1),
    ],
)
def test_where_early_stopping_ends(accuracies: list[float], patience: int, epochs: int) -> None:
    assert seed_tables.stop_early(np.array(accuracies), patience) == epochs


def test_figures_as_they_are_written() -> None:
    assert [kept_figures.share(value) for value in (0.7494, 1.0, 0.0)] == [".749", "1.000", ".000"]
    assert [kept_figures.share(value, signed=True) for value in (0.0123, -0.05)] == ["+.012", "-.050"]
    assert kept_figures.mean_and_spread(np.array([0.7, 0.72, 0.74])) == ".720 ± .020"
    assert kept_figures.mean_and_spread(np.array([0.7])) == ".700"
    assert kept_figures.between(Interval(0.1, 0.25), signed=True) == "[+.100, +.250]"
