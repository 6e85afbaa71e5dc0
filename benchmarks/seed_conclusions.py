"""Do the conclusions of the two student reports hold?

    python benchmarks/seed_conclusions.py STUDY_FOLDER      (after `twinface sweep studies/seeds-short.toml`)

Prints a row for each point of the study: accuracy on validation people and on View 1's test pairs, with the deviation
over seeds and the interval over people; then what each change of one factor adds to test accuracy, seed by seed against
the same seed. Nothing was chosen by test accuracy: the points were named before any was trained. What more epochs do is
in `benchmarks/protocol_errors.py`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from twinface.core.types import FloatArray, ScoredPairs
from twinface.evaluation.intervals import fold_interval, gain_interval, mean_accuracy_interval
from twinface.evaluation.metrics import cross_validated_accuracy
from twinface.evaluation.results import Result, load_results, load_validation
from twinface.studies.study import Study, describe, read_study, trial_points

CHANGES = (
    ("L2 5e-4 instead of 0", "models/0001", "models/0000"),
    ("batch 16 instead of 32", "batch/0000", "models/0000"),
    ("dropout .2 instead of 0, batch 16", "models/0002", "batch/0000"),
    ("initial weights as meant instead of as drawn", "meant/0000", "models/0000"),
    ("seed A's chosen network instead of seed B's", "models/0003", "models/0000"),
)


class Point:
    """The runs of one point of a study."""

    def __init__(self, study: Study, place: Path, name: str) -> None:
        part, _, number = name.partition("/")
        folders = [place / "trials" / f"{part}-{number}" / f"seed-{seed}" for seed in study.seeds]
        self.validation = np.array([kept_accuracy(folder) for folder in folders])
        self.results: list[Result] = [load_results(folder)[0] for folder in folders]
        self.right = np.array([result.correct for result in self.results])

    def pairs(self) -> ScoredPairs:
        """The test pairs; whose scores does not matter."""
        first = self.results[0]
        return ScoredPairs(first.decided, first.is_match, first.people)


def kept_accuracy(run: Path) -> float:
    """On validation people, of the weights that were kept, each tenth of the pairs at the threshold of the others."""
    _, scored = load_validation(run)
    return float(cross_validated_accuracy(scored.scores, scored.is_match))


def spread(values: FloatArray) -> str:
    """Mean and standard deviation over seeds."""
    return f"{values.mean():.3f} ± {values.std(ddof=1):.3f}"


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("study", type=Path, help="folder of the finished study")
    place = parser.parse_args().study
    study = read_study(place / "study.toml")
    told = {
        f"{part.name}/{number:04}": describe(point)
        for part in study.parts
        for number, point in enumerate(trial_points(part))
    }
    points = {name: Point(study, place, name) for name in told}

    print(
        "| point | what | validation people | View 1 test, ± over seeds [95 %, people] |\n|---|---|---|---|"
    )
    for name, point in points.items():
        found = mean_accuracy_interval(point.right.mean(0), point.pairs())
        print(
            f"| {name} | {told[name]} | {spread(point.validation)} | {spread(point.right.mean(1))} "
            f"[{found.low:.3f}, {found.high:.3f}] |"
        )

    print("\n| change | adds to test accuracy | 95 %, people resampled | 95 %, seeds |\n|---|---|---|---|")
    for what, changed, base in CHANGES:
        gains = points[changed].right.mean(1) - points[base].right.mean(1)
        found = gain_interval(
            points[changed].right.mean(0) - points[base].right.mean(0), points[base].pairs()
        )
        seeds = fold_interval(gains)
        print(
            f"| {what} | {gains.mean():+.3f} | [{found.low:+.3f}, {found.high:+.3f}] "
            f"| [{seeds.low:+.3f}, {seeds.high:+.3f}] |"
        )


if __name__ == "__main__":
    main()
