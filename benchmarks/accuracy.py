"""How accurate are the shipped recipes on LFW's View 1 test, and what does each cost?

    make bench-accuracy LFW=DIR        (or: python benchmarks/accuracy.py --root DIR [RECIPE …])

Trains each recipe in runs/bench/NAME, or finds it trained there, scores the 1,000 pairs of View 1 test, and prints a
row of the table in README. Nothing is chosen by these figures: each recipe was chosen on people of DevTrain.
"""

from __future__ import annotations

import argparse
import platform
from datetime import UTC, datetime
from pathlib import Path

import torch

from twinface.datasets.data_source import DataSource
from twinface.datasets.load import load_source
from twinface.evaluation.evaluate import evaluate
from twinface.evaluation.results import save_result
from twinface.models.load import load_model
from twinface.training.run_folder import RunFolder
from twinface.training.train import train

RECIPES = ("fast", "residual", "restricted", "default", "fisher", "strong")


def row(recipe: str, root: Path, out: Path, seed: int) -> str:
    """Trains and scores one recipe; returns a line of a Markdown table."""
    source = DataSource("lfw", str(root))
    folder = train(source, recipe, seed=seed, out=out / f"{recipe}-{seed}")
    dataset = load_source(source)
    result = evaluate(load_model(folder.path), dataset.protocol("view1"), "view1", claims=dataset.claims)
    save_result(folder.path, result)
    summary = result.summary
    assert summary.auc is not None
    assert summary.eer is not None
    size = (folder.model / "model.onnx").stat().st_size / 1e6
    return (
        f"| `{recipe}` | {summary.accuracy.value:.3f} {summary.accuracy.interval} "
        f"| {summary.auc.value:.3f} {summary.auc.interval} | {summary.eer.value:.3f} "
        f"| {costs(folder)} | {size:.1f} MB |"
    )


def costs(folder: RunFolder) -> str:
    """Seconds and threads of a finished run."""
    info = folder.info()
    assert info.costs is not None
    assert info.machine is not None
    return f"{info.costs.training + info.costs.writing:.0f} s, {info.machine.threads} threads"


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("recipes", nargs="*", default=RECIPES)
    parser.add_argument("--root", type=Path, required=True, help="folder of LFW")
    parser.add_argument("--out", type=Path, default=Path("runs/bench"))
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    print(
        f"{platform.machine()}, torch {torch.__version__}, {datetime.now(UTC):%Y-%m-%d}, seed {given.seed}\n"
    )
    print("| recipe | View 1 test accuracy | AUC | EER | training | model |")
    print("|---|---|---|---|---|---|")
    for recipe in given.recipes:
        print(row(recipe, given.root, given.out, given.seed), flush=True)


if __name__ == "__main__":
    main()
