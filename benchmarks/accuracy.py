"""How accurate are the shipped recipes on LFW's View 1 test, and what does each cost?

    make bench-accuracy LFW=DIR        (or: python benchmarks/accuracy.py --root DIR [RECIPE …])

Trains each recipe in runs/bench/NAME, or finds it trained there, judges it on the 1,000 pairs of View 1 test and prints
a row of the table in README. Nothing is chosen by these figures: each recipe was chosen on people of DevTrain.
"""

from __future__ import annotations

import argparse
import platform
from datetime import UTC, datetime
from pathlib import Path

import torch

from twinface.cli.train import run as train
from twinface.datasets.training_split import DataSource
from twinface.evaluation.evaluate import evaluate
from twinface.evaluation.results import save_result
from twinface.models.load import load_model
from twinface.training.recipe import load_recipe
from twinface.training.run import start_run
from twinface.training.run_folder import RunFolder

RECIPES = ("fast", "residual", "restricted", "default", "fisher", "strong")


def row(recipe: str, root: Path, out: Path, seed: int) -> str:
    """Trains and judges one recipe; a line of a Markdown table."""
    folder = RunFolder(out / f"{recipe}-{seed}")
    source = DataSource("lfw", str(root))
    if not folder.manifest.exists():
        start_run(source, load_recipe(recipe), seed, folder)
    if folder.about()["status"] != "finished":
        train(folder)
    about = folder.about()
    dataset = source.open()
    model = load_model(folder.path)
    result = evaluate(model, dataset.protocol("view1"), "view1", claims=dataset.claims)
    save_result(folder.path, result)
    figures = result.figures
    low, high = figures["accuracy_interval"]
    auc_low, auc_high = figures["auc_interval"]
    seconds = about["seconds"]["training"] + about["seconds"]["writing the model"]
    size = (folder.model / "model.onnx").stat().st_size / 1e6
    return (
        f"| `{recipe}` | {figures['accuracy']:.3f} [{low:.3f}, {high:.3f}] "
        f"| {figures['auc']:.3f} [{auc_low:.3f}, {auc_high:.3f}] | {figures['eer']:.3f} "
        f"| {seconds:.0f} s, {about['machine']['threads']} threads | {size:.1f} MB |"
    )


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
