"""How much do the evaluation errors of the two student reports add to an accuracy?

    python studies/protocol_errors.py --root DIR --out FOLDER [--study STUDY_FOLDER]

It trains a recipe as the seeds did, on a random four fifths of the pairs of View 1's training list, so that people of
the other fifth are in training too. Then it scores the same model, at one threshold, on three sets of pairs: those that
it was trained on, the fifth that was held out, and View 1's test pairs. If the first two figures are above the third,
the difference is not accuracy. Runs continue where they were stopped.

The learning curves on the held-out pairs show what more epochs bring, and what early stopping by accuracy, as in the
second report, would have done.

With a study that was scored on test pairs, it also measures what choosing the best of its runs by test accuracy adds:
the accuracy of the best of five on one half of the test pairs, minus that of the same run on the other half, averaged
over many choices of five and many halves.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from twinface.core.errors import DataError
from twinface.core.settings import Settings
from twinface.core.types import FloatArray, TrainingSource
from twinface.datasets.data_source import DataSource
from twinface.datasets.dataset import Dataset
from twinface.datasets.load import load_dataset
from twinface.datasets.subsets import pair_subset
from twinface.datasets.training_split import PeopleSplit
from twinface.evaluation.evaluate import evaluate
from twinface.evaluation.intervals import fold_interval
from twinface.evaluation.results import load_results
from twinface.evaluation.summary import Estimate
from twinface.models.load import load_model
from twinface.studies.trials.objective import curve
from twinface.training.open_run import open_run, start_run
from twinface.training.recipe import load_recipe
from twinface.training.run import continue_run
from twinface.training.run_folder import RunFolder

HELD_OUT = 0.2  # of the pairs
HALVES = 2000
FIVE = 5  # models; the second report shows the best of them by test accuracy
MARKS = (5, 10, 15, 20, 25)  # epochs
PATIENCE = (3, 5, 10)  # epochs


@dataclass(frozen=True)
class Training:
    """How each run is trained.

    Attributes:
        recipe: its name.
        root: folder of LFW.
        epochs: of each run.
        threads: of each run, or None.
    """

    recipe: str
    root: str
    epochs: int
    threads: int | None

    def settings(self) -> Settings:
        """The recipe with this number of epochs."""
        threads = [f"trainer.threads={self.threads}"] if self.threads else []
        return load_recipe(self.recipe, [f"trainer.epochs={self.epochs}", *threads])


def split_over_pairs(dataset: Dataset, settings: Settings) -> PeopleSplit:
    """The seeds' split: a random share of the pairs is held out, whatever people are on them.

    Raises:
        DataError: the data set has no list of training pairs.
    """
    given = dataset.training_pairs()
    if given is None:
        raise DataError(f"{dataset.title} has no list of training pairs")
    order = np.random.default_rng(settings.data.split_seed).permutation(len(given))
    held, rest = np.split(order, [round(HELD_OUT * len(given))])
    training = pair_subset(given, np.sort(rest))
    return PeopleSplit(
        TrainingSource(training.faces, training),
        pair_subset(given, np.sort(held)),
        f"{len(rest)} pairs of {given.name}",
        f"{len(held)} other pairs of {given.name}, with people of the same",
    )


def train(training: Training, seed: int, place: Path) -> RunFolder:
    """A run with that split, trained to its end from wherever it stands."""
    folder = RunFolder(place)
    if folder.is_finished:
        return folder
    if folder.manifest.exists():
        run = open_run(folder)
    else:
        run = start_run(DataSource("lfw", training.root), training.settings(), seed, folder)
    continue_run(replace(run, split=split_over_pairs(run.dataset, run.settings)))
    return folder


def accuracies(folder: RunFolder, dataset: Dataset) -> list[Estimate]:
    """Of a run's model: on the pairs trained on, on the held-out pairs, on View 1's test pairs."""
    model, split = load_model(folder.path), split_over_pairs(dataset, folder.settings())
    training = split.source.pairs
    assert training is not None
    return [
        evaluate(model, pairs, "pairs", allow_seen=True).summary.accuracy
        for pairs in (training, split.validation, dataset.protocol("view1"))
    ]


def gain_of_choosing(study: Path, count: int) -> tuple[float, float]:
    """What choosing the best of `count` runs by test accuracy adds: mean and deviation over runs and halves."""
    right = []
    for results in sorted(study.glob("trials/*/seed-*/results")):
        [result] = load_results(results.parent)
        right.append(result.correct)
    table = np.array(right)
    random = np.random.default_rng(0)
    gains = []
    for _ in range(HALVES):
        some = table[random.permutation(len(table))[:count]]
        half = random.permutation(table.shape[1]) < table.shape[1] // 2
        best = some[:, half].mean(1).argmax()
        gains.append(some[best, half].mean() - some[best, ~half].mean())
    return float(np.mean(gains)), float(np.std(gains))


def stop_early(accuracies: FloatArray, patience: int) -> tuple[int, float]:
    """The number of epochs until early stopping, and the best accuracy until then."""
    best = 0
    for epoch, accuracy in enumerate(accuracies):
        if accuracy > accuracies[best]:
            best = epoch
        if epoch - best >= patience:
            break
    return epoch + 1, float(accuracies[best])


def epochs_table(curves: Sequence[FloatArray]) -> list[str]:
    """The effect of more epochs and of early stopping, as lines of Markdown."""
    lines = ["| after epochs | accuracy on held-out pairs |", "|---|---|"]
    table = np.array(curves)
    for mark in MARKS:
        if mark <= table.shape[1]:
            at = table[:, mark - 1]
            spread = f" ± {at.std(ddof=1):.3f}" if len(at) > 1 else ""
            lines.append(f"| {mark} | {at.mean():.3f}{spread} |")
    if table.shape[1] >= MARKS[-1]:
        gains = table[:, MARKS[-1] - 1] - table[:, MARKS[2] - 1]
        lines.append(f"| {MARKS[-1]} minus {MARKS[2]} | {over_seeds(gains)} |")
    lines += ["", "| patience | ends after epochs | best accuracy until then |", "|---|---|---|"]
    for patience in PATIENCE:
        ends, kept = zip(*(stop_early(each, patience) for each in curves), strict=True)
        lines.append(f"| {patience} | {', '.join(map(str, ends))} | {np.mean(kept):.3f} |")
    lines.append(f"| none | {table.shape[1]} | {table.max(1).mean():.3f} |")
    return lines


def over_seeds(values: FloatArray) -> str:
    """Mean and 95 % interval over seeds."""
    mean = values.mean()
    if len(values) < 2:
        return f"{mean:+.3f}"
    found = fold_interval(values)
    return f"{mean:+.3f} [{found.low:+.3f}, {found.high:+.3f}]"


def main() -> None:
    """Prints a row for each seed, and what each error adds."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--root", required=True, help="folder of LFW")
    parser.add_argument("--out", type=Path, required=True, help="folder of the runs")
    parser.add_argument("--recipe", default="seed-b-2")
    parser.add_argument("--epochs", type=int, default=25)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--threads", type=int)
    parser.add_argument("--study", type=Path, help="a study whose runs were scored on test pairs")
    given = parser.parse_args()
    training = Training(given.recipe, given.root, given.epochs, given.threads)
    dataset = load_dataset("lfw", given.root)
    print(
        f"{given.recipe}, {given.epochs} epochs, a random fifth of the pairs held out, {datetime.now(UTC):%Y-%m-%d}\n"
    )
    print("| seed | pairs trained on | pairs held out at random | View 1 test |\n|---|---|---|---|")
    rows, curves = [], []
    for seed in given.seeds:
        folder = train(training, seed, given.out / f"seed-{seed}")
        curves.append(np.array([value for _, value in curve(folder, "accuracy")]))
        found = accuracies(folder, dataset)
        rows.append([each.value for each in found])
        cells = [f"{each.value:.3f} {each.interval}" for each in found]
        print(f"| {seed} | {' | '.join(cells)} |", flush=True)
    table = np.array(rows)
    print(f"\nScoring on training pairs adds {over_seeds(table[:, 0] - table[:, 2])},")
    print(
        f"validation on pairs with shared people adds {over_seeds(table[:, 1] - table[:, 2])} (95 % over seeds).\n"
    )
    print("\n".join(epochs_table(curves)))
    if given.study:
        mean, spread = gain_of_choosing(given.study, FIVE)
        print(
            f"\nChoosing the best of {FIVE} runs by test accuracy adds {mean:+.3f} (deviation {spread:.3f})."
        )


if __name__ == "__main__":
    main()
