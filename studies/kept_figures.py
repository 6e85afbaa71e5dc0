"""Reads the figures that `run_list.py` keeps, and compares runs by people and by seeds."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from run_list import PEOPLE, ListedRun, read_list

from twinface.core.types import BoolArray, FloatArray, Interval, ScoredPairs
from twinface.evaluation.intervals import fold_interval, gain_interval, mean_accuracy_interval

HERE = Path(__file__).parent
SEEDS, LADDER = read_list(HERE / "seeds.toml"), read_list(HERE / "ladder.toml")
NOT_YET = "not run yet"
ENOUGH = 3  # seeds; fewer show nothing about the next seed


@dataclass(frozen=True, eq=False)
class Kept:
    """The runs of one entry of a list that have been made so far, in the order of their seeds.

    Attributes:
        run: the entry.
        each: the figures of each run, as in its file; empty if none has been made.
    """

    run: ListedRun
    each: tuple[dict[str, Any], ...]

    def values(self, *path: str) -> FloatArray:
        """A figure of each run, such as `values("test", "accuracy")`."""
        found = []
        for figures in self.each:
            value: Any = figures
            for name in path:
                value = value[name]
            found.append(float(value))
        return np.array(found)

    def right(self, way: str) -> BoolArray:
        """[S, M] whether each run decides each test pair rightly, for "test" or "test_of_people"."""
        pairs = test_pairs()
        rows = [np.frombuffer(bytes.fromhex(figures[way]["right"]), np.uint8) for figures in self.each]
        return np.array([np.unpackbits(row)[: len(pairs)] for row in rows], np.bool_)

    @property
    def way_of_people(self) -> str:
        """Where the decisions at a threshold of other people are: for some runs that is their own threshold."""
        return "test_of_people" if self.each and "test_of_people" in self.each[0] else "test"


@dataclass(frozen=True)
class Gain:
    """How much more accurate one entry is than another on View 1's test pairs, over the seeds that both have.

    Attributes:
        seeds: how many.
        mean: of the differences.
        people: interval that resamples people.
        over_seeds: Student's interval over seeds; None below `ENOUGH` seeds.
    """

    seeds: int
    mean: float
    people: Interval
    over_seeds: Interval | None

    def lies_above(self, least: float) -> bool:
        """Whether both intervals lie above a difference."""
        return self.over_seeds is not None and min(self.people.low, self.over_seeds.low) > least

    def lies_below(self, most: float) -> bool:
        """Whether both intervals lie below a difference."""
        return self.over_seeds is not None and max(self.people.high, self.over_seeds.high) < most


@cache
def test_pairs() -> ScoredPairs:
    """The labels and the people of View 1's test pairs; the scores are zeros, and are not used."""
    values = json.loads(PEOPLE.read_text(encoding="utf-8"))
    is_match = np.array(values["is_match"], np.bool_)
    return ScoredPairs(np.zeros(len(is_match)), is_match, np.array(values["people"], np.int64))


@cache
def kept(list_name: str, name: str) -> Kept:
    """The runs of an entry of the list "seeds" or "ladder"."""
    (listed,) = (each for each in (SEEDS, LADDER) if each.name == list_name)
    run = next(each for each in listed.runs if each.name == name)
    return Kept(run, tuple(figures for seed in run.seeds if (figures := run.figures(seed))))


@cache
def accuracy_of(list_name: str, name: str, way: str) -> Interval:
    """The interval of the mean accuracy over seeds; people are resampled."""
    return mean_accuracy_interval(kept(list_name, name).right(way).mean(0), test_pairs())


def gain(changed: Kept, base: Kept, way: str | None = None) -> Gain | None:
    """What a change adds; None if the two have no seed in common.

    Args:
        changed, base: two runs.
        way: how both are judged, such as "test"; None is at thresholds of other people.
    """
    both = sorted({figures["seed"] for figures in changed.each} & {figures["seed"] for figures in base.each})
    if not both:
        return None
    sides = []
    for side in (changed, base):
        rows = side.right(way or side.way_of_people).astype(np.float64)
        sides.append(rows[[number for number, figures in enumerate(side.each) if figures["seed"] in both]])
    difference: FloatArray = sides[0] - sides[1]
    found = gain_interval(difference.mean(0), test_pairs())
    seeds = fold_interval(difference.mean(1)) if len(both) >= ENOUGH else None
    return Gain(len(both), float(difference.mean()), found, seeds)


def share(value: float, signed: bool = False) -> str:
    """A figure between -1 and 1 with three digits: ".749", "+.012"."""
    text = f"{value:+.3f}" if signed else f"{value:.3f}"
    return text.replace("0.", ".", 1) if abs(value) < 1 else text


def mean_and_spread(values: FloatArray) -> str:
    """The mean, and the standard deviation over seeds where there are several."""
    if not len(values):
        return "not run yet"
    return share(values.mean()) + (f" ± {share(values.std(ddof=1))}" if len(values) > 1 else "")


def between(interval: Interval | None, signed: bool = False) -> str:
    """[low, high], or a dash."""
    return f"[{share(interval.low, signed)}, {share(interval.high, signed)}]" if interval else "–"


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of Markdown."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
