"""What do verifiers use on LFW: the face or the background? Accuracy on whole pictures and on each of the two alone.

    make bench-parts LFW=DIR        (or: python studies/parts.py --root DIR [MODEL …])

Prints a row of View 1 test figures for each reference verifier of a recipe and for each model that is named (run
folders, ONNX files or shipped models; nothing is saved in them). Nothing is chosen by these figures.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from twinface.core.types import PairSet
from twinface.datasets.load import load_dataset
from twinface.datasets.training_split import validation_of
from twinface.evaluation.evaluate import evaluate
from twinface.evaluation.fitted_model import show_only
from twinface.faces.mask import mask_for
from twinface.models.embedder import Embedder
from twinface.models.load import load_model
from twinface.studies.baselines import fit_baselines
from twinface.training.recipe import load_recipe

NOTHING = "–"


def cells(model: Embedder | None, pairs: PairSet) -> str:
    """Accuracy and AUC with their intervals; dashes for no model."""
    if model is None:
        return f"{NOTHING} | {NOTHING}"
    summary = evaluate(model, pairs, "view1").summary
    texts = [
        f"{each.value:.3f} {each.interval or ''}".strip() if each else NOTHING
        for each in (summary.accuracy, summary.auc)
    ]
    return " | ".join(texts)


def row(name: str, models: Sequence[Embedder | None], pairs: PairSet) -> str:
    """A line of a Markdown table; the models see the whole picture, the face, the background."""
    return f"| {name} | {' | '.join(cells(model, pairs) for model in models)} |"


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("models", nargs="*", default=["default"])
    parser.add_argument("--root", type=Path, required=True, help="folder of LFW")
    parser.add_argument(
        "--recipe", default="default", help="gives the baselines their crop, people and untrained network"
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
    for baseline in fit_baselines(dataset, load_recipe(given.recipe), given.seed):
        record = baseline.record
        seen = (None, None, baseline) if record.preparation.mask else (baseline, None, None)
        print(row(record.name, seen, pairs), flush=True)
    for place in given.models:
        model = load_model(place)
        validation = validation_of(model.record, dataset)
        masks = [mask_for(part, pairs.faces.region, pairs.name) for part in ("face", "background")]
        masked = [show_only(mask, model, validation) for mask in masks]
        print(row(model.record.name, [model, *masked], pairs), flush=True)


if __name__ == "__main__":
    main()
