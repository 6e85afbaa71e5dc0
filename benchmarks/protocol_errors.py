"""How much do the seeds' ways of judging add to a figure?

    python benchmarks/protocol_errors.py --root DIR --out FOLDER [--study STUDY_FOLDER]

Trains a recipe as the seeds did, on a random four fifths of the pairs of View 1's training list, so that people of the
other fifth are in training as well; then scores the same model, at one threshold, on the pairs that it learnt from, on
the fifth that was held out, and on View 1's test pairs. What the first two show above the third is not accuracy.
Runs continue where they were stopped.

Their learning curves, on the pairs held out, say what more epochs bring and what early stopping by accuracy, as the
second report has it, would have done.

With a study that was scored on test pairs it also says what choosing the best of its runs by test accuracy adds: the
best of five on half of the test pairs, less the same run on the other half, over many fives and halves.
"""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from twinface.core.errors import DataError
from twinface.core.interruption import StopRequest
from twinface.core.settings import Settings
from twinface.core.types import FloatArray, TrainingSource
from twinface.datasets import Dataset, open_dataset
from twinface.datasets.splits import pair_subset
from twinface.datasets.training_split import DataSource, PeopleSplit
from twinface.evaluation.evaluate import evaluate
from twinface.evaluation.intervals import fold_interval
from twinface.evaluation.results import load_results
from twinface.models.load import load_model
from twinface.studies.trial import curve
from twinface.training import run as training_run
from twinface.training.loop import Callbacks
from twinface.training.recipe import load_recipe
from twinface.training.run_folder import RunFolder

HELD = 0.2  # of the pairs
HALVES = 2000
FIVE = 5  # models, of which the second report shows the best by test accuracy
MARKS = (5, 10, 15, 20, 25)  # epochs
PATIENCE = (3, 5, 10)  # epochs


def split_over_pairs(dataset: Dataset, settings: Settings) -> PeopleSplit:
    """The seeds' split: a random share of the pairs is held out, whoever is on them."""
    given = dataset.training_pairs()
    if given is None:
        raise DataError(f"{dataset.title} has no list of training pairs")
    order = np.random.default_rng(settings.data.split_seed).permutation(len(given))
    held, rest = np.split(order, [round(HELD * len(given))])
    learnt = pair_subset(given, np.sort(rest))
    return PeopleSplit(
        TrainingSource(learnt.faces, learnt),
        pair_subset(given, np.sort(held)),
        f"{len(rest)} pairs of {given.name}",
        f"{len(held)} other pairs of {given.name}, with people of the same",
    )


def train(recipe: str, epochs: int, seed: int, root: str, place: Path, threads: int | None) -> RunFolder:
    """A run with that split, from where it stands to its end."""
    folder = RunFolder(place)
    if not folder.path.exists():
        overrides = [f"trainer.epochs={epochs}", *([f"trainer.threads={threads}"] if threads else [])]
        training_run.start_run(DataSource("lfw", root), load_recipe(recipe, overrides), seed, folder)
    if not (folder.path / "model" / "model.onnx").exists():
        training_run.continue_run(folder, StopRequest(), Callbacks())
    return folder


def best_of(study: Path, count: int) -> tuple[float, float]:
    """What choosing the best of some runs by test accuracy adds: mean and standard deviation over runs and halves."""
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


def stopped(accuracies: FloatArray, patience: int) -> tuple[int, float]:
    """After how many epochs early stopping ends, and the best accuracy until then."""
    best = 0
    for epoch, accuracy in enumerate(accuracies):
        if accuracy > accuracies[best]:
            best = epoch
        if epoch - best >= patience:
            break
    return epoch + 1, float(accuracies[best])


def epochs_table(curves: list[FloatArray]) -> list[str]:
    """What more epochs do, and what stopping early does, as lines of Markdown."""
    lines = ["| after epochs | accuracy on pairs held out |", "|---|---|"]
    table = np.array(curves)
    for mark in MARKS:
        if mark <= table.shape[1]:
            at = table[:, mark - 1]
            spread = f" ± {at.std(ddof=1):.3f}" if len(at) > 1 else ""
            lines.append(f"| {mark} | {at.mean():.3f}{spread} |")
    if table.shape[1] >= MARKS[-1]:
        gains = table[:, MARKS[-1] - 1] - table[:, MARKS[2] - 1]
        lines.append(f"| {MARKS[-1]} less {MARKS[2]} | {of_seeds(gains)} |")
    lines += ["", "| patience | ends after epochs | best accuracy until then |", "|---|---|---|"]
    for patience in PATIENCE:
        ends, kept = zip(*(stopped(each, patience) for each in curves), strict=True)
        lines.append(f"| {patience} | {', '.join(map(str, ends))} | {np.mean(kept):.3f} |")
    lines.append(f"| none | {table.shape[1]} | {table.max(1).mean():.3f} |")
    return lines


def of_seeds(values: FloatArray) -> str:
    """Mean and 95 % interval over seeds."""
    mean = values.mean()
    if len(values) < 2:
        return f"{mean:+.3f}"
    found = fold_interval(values)
    return f"{mean:+.3f} [{found.low:+.3f}, {found.high:+.3f}]"


def main() -> None:
    """Prints a row for each seed, and what each way of judging adds."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--root", required=True, help="folder of LFW")
    parser.add_argument("--out", type=Path, required=True, help="where the runs go")
    parser.add_argument("--recipe", default="seed-b-2")
    parser.add_argument("--epochs", type=int, default=25)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--threads", type=int)
    parser.add_argument("--study", type=Path, help="a study whose runs were scored on test pairs")
    given = parser.parse_args()
    training_run.split_dataset = split_over_pairs  # on purpose: the library itself has no such split
    dataset = open_dataset("lfw", given.root)
    print(
        f"{given.recipe}, {given.epochs} epochs, a random fifth of the pairs held out, {datetime.now(UTC):%Y-%m-%d}\n"
    )
    print("| seed | pairs learnt from | pairs held out at random | View 1 test |\n|---|---|---|---|")
    rows, curves = [], []
    for seed in given.seeds:
        folder = train(
            given.recipe, given.epochs, seed, given.root, given.out / f"seed-{seed}", given.threads
        )
        curves.append(np.array([value for _, value in curve(folder, "accuracy")]))
        model = load_model(folder.path)
        split = split_over_pairs(dataset, folder.settings())
        learnt = split.source.pairs
        assert learnt is not None
        found = [
            evaluate(model, pairs, "pairs", allow_seen=True).figures
            for pairs in (learnt, split.validation, dataset.protocol("view1"))
        ]
        rows.append([figures["accuracy"] for figures in found])
        cells = [
            "{:.3f} [{:.3f}, {:.3f}]".format(figures["accuracy"], *figures["accuracy_interval"])
            for figures in found
        ]
        print(f"| {seed} | {' | '.join(cells)} |", flush=True)
    table = np.array(rows)
    print(f"\nScoring on training pairs adds {of_seeds(table[:, 0] - table[:, 2])},")
    print(f"validation over shared people adds {of_seeds(table[:, 1] - table[:, 2])} (95 % over seeds).\n")
    print("\n".join(epochs_table(curves)))
    if given.study:
        mean, spread = best_of(given.study, FIVE)
        print(
            f"\nChoosing the best of {FIVE} runs by test accuracy adds {mean:+.3f} (deviation {spread:.3f})."
        )


if __name__ == "__main__":
    main()
