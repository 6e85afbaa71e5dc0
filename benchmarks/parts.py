"""What do verifiers on LFW go by: how well do they do on whole pictures, on the face alone, on the background alone?

    make bench-parts LFW=DIR        (or: python benchmarks/parts.py --root DIR [MODEL …])

Prints a row of View 1 test figures for each free baseline of a recipe and for each model that is named (run folders,
ONNX files or shipped models; nothing is saved in them). Nothing is chosen by these figures.
"""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path

from twinface.core.types import PairSet
from twinface.datasets.load import load_dataset
from twinface.datasets.training_split import validation_of
from twinface.evaluation.evaluate import Evaluation, evaluate
from twinface.evaluation.fitted_model import show_only
from twinface.faces.mask import mask_for
from twinface.models.embedder import Embedder
from twinface.models.load import load_model
from twinface.studies.baselines import free_baselines
from twinface.training.recipe import load_recipe

NOTHING = "–"


def cells(result: Evaluation) -> str:
    """Accuracy and AUC with their intervals."""
    figures = result.figures
    texts = []
    for name in ("accuracy", "auc"):
        low, high = figures[f"{name}_interval"]
        texts.append(f"{figures[name]:.3f} [{low:.3f}, {high:.3f}]")
    return " | ".join(texts)


def row(name: str, whole: Embedder | None, parts: list[Embedder | None], pairs: PairSet) -> str:
    """A line of a Markdown table: whole picture, face, background."""
    return f"| {name} | " + " | ".join(
        cells(evaluate(model, pairs, "view1")) if model else f"{NOTHING} | {NOTHING}"
        for model in (whole, *parts)
    ) + " |"  # fmt: skip


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("models", nargs="*", default=["default"])
    parser.add_argument("--root", type=Path, required=True, help="folder of LFW")
    parser.add_argument(
        "--recipe", default="default", help="whose crop, people and network the baselines have"
    )
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    dataset = load_dataset("lfw", given.root)
    pairs = dataset.protocol("view1")
    print(
        f"{pairs.name}, {datetime.now(UTC):%Y-%m-%d}; baselines: recipe {given.recipe}, seed {given.seed}\n"
    )
    print("| model | accuracy | AUC | face: accuracy | AUC | background: accuracy | AUC |")
    print("|---|---|---|---|---|---|---|")
    for baseline in free_baselines(dataset, load_recipe(given.recipe), given.seed):
        if baseline.record.preparation.mask:
            line = row(baseline.record.name, None, [None, baseline], pairs)
        else:
            line = row(baseline.record.name, baseline, [None, None], pairs)
        print(line, flush=True)
    for place in given.models:
        model = load_model(place)
        validation = validation_of(model.record, dataset)
        masks = (mask_for(part, pairs.faces.region, pairs.name) for part in ("face", "background"))
        parts: list[Embedder | None] = [show_only(mask, model, validation) for mask in masks]
        print(row(model.record.name, model, parts, pairs), flush=True)


if __name__ == "__main__":
    main()
