"""Do the conclusions of the two student reports hold?

    python studies/seed_conclusions.py STUDY_FOLDER      (after `twinface sweep studies/seeds-short.toml`)

Prints a row for each point of the study: accuracy on validation people and on View 1's test pairs, with the deviation
over seeds and the interval over people. Then it prints what each change of one factor adds to test accuracy; runs of
the same seed are compared. Nothing was chosen by test accuracy: the points were named before any was trained. The
effect of more epochs is measured by `studies/protocol_errors.py`.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from twinface.core.types import BoolArray, FloatArray, ScoredPairs
from twinface.evaluation.intervals import fold_interval, gain_interval, mean_accuracy_interval
from twinface.evaluation.metrics import cross_validated_accuracy
from twinface.evaluation.results import load_results, load_validation
from twinface.studies.study_file.point import describe
from twinface.studies.study_folder import StudyFolder
from twinface.studies.trials.trial import Trial
from twinface.training.run_folder import RunFolder

CHANGES = (
    ("L2 5e-4 instead of 0", "models/0001", "models/0000"),
    ("batch 16 instead of 32", "batch/0000", "models/0000"),
    ("dropout .2 instead of 0, batch 16", "models/0002", "batch/0000"),
    ("initial weights as intended instead of as drawn", "meant/0000", "models/0000"),
    ("seed A's chosen network instead of seed B's", "models/0003", "models/0000"),
)


@dataclass(frozen=True, eq=False)
class TestedTrial:
    """A trial on validation people and on test pairs.

    Attributes:
        what: the settings of its point in words.
        validation: `[S]` accuracy of each run on validation people.
        right: `[S, M]` whether each run decides each test pair rightly.
        pairs: the test pairs; the scores are those of the first run, and are not used.
    """

    what: str
    validation: FloatArray
    right: BoolArray
    pairs: ScoredPairs


def read_trial(study: StudyFolder, trial: Trial) -> TestedTrial:
    """The figures of all runs of a trial.

    Raises:
        ModelError: a run's files are missing or damaged.
    """
    runs = study.runs(trial)
    results = [load_results(run.path)[0] for run in runs]
    first = results[0]
    return TestedTrial(
        describe(trial.point),
        np.array([kept_accuracy(run) for run in runs]),
        np.array([result.correct for result in results]),
        ScoredPairs(first.margins, first.is_match, first.people),
    )


def kept_accuracy(run: RunFolder) -> float:
    """Accuracy on validation people with the kept weights, each tenth of the pairs at the threshold of the others."""
    _, scored = load_validation(run.path)
    return float(cross_validated_accuracy(scored.scores, scored.is_match))


def spread(values: FloatArray) -> str:
    """Mean and standard deviation over seeds."""
    return f"{values.mean():.3f} ± {values.std(ddof=1):.3f}"


def print_trials(trials: Mapping[str, TestedTrial]) -> None:
    """A row for each trial."""
    print(
        "| point | what | validation people | View 1 test, ± over seeds [95 %, people] |\n|---|---|---|---|"
    )
    for name, trial in trials.items():
        found = mean_accuracy_interval(trial.right.mean(0), trial.pairs)
        print(
            f"| {name} | {trial.what} | {spread(trial.validation)} | {spread(trial.right.mean(1))} "
            f"[{found.low:.3f}, {found.high:.3f}] |"
        )


def print_changes(trials: Mapping[str, TestedTrial]) -> None:
    """A row for each change of one factor."""
    print("\n| change | adds to test accuracy | 95 %, people resampled | 95 %, seeds |\n|---|---|---|---|")
    for what, changed, base in CHANGES:
        gains = trials[changed].right.mean(1) - trials[base].right.mean(1)
        found = gain_interval(trials[changed].right.mean(0) - trials[base].right.mean(0), trials[base].pairs)
        seeds = fold_interval(gains)
        print(
            f"| {what} | {gains.mean():+.3f} | [{found.low:+.3f}, {found.high:+.3f}] "
            f"| [{seeds.low:+.3f}, {seeds.high:+.3f}] |"
        )


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("study", type=Path, help="folder of the finished study")
    study = StudyFolder.open(parser.parse_args().study)
    trials = {trial.name: read_trial(study, trial) for trial in study.finished()}
    print_trials(trials)
    print_changes(trials)


if __name__ == "__main__":
    main()
