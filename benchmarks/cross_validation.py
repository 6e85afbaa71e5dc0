"""How accurate is a recipe that takes no training step, over all people of LFW's DevTrain list?

    python benchmarks/cross_validation.py --root DIR RECIPE [RECIPE …] [--set projection.size=400 …]

A run's own 404 validation people place an accuracy to .015, which is more than most changes are worth. Here each tenth
of the 4,038 people is scored once by projection and shift of the others, so that some ten thousand pairs count. The
network learns its mixture from all pictures, without labels. Changes of what is fitted in closed form are chosen by
these figures; no test pair is looked at. Networks with layers to learn would take ten trainings and are refused.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch

from twinface.core.errors import SettingsError
from twinface.core.settings import Settings
from twinface.core.types import FaceSet, Float32Array, FloatArray, PairSet
from twinface.datasets.data_source import DataSource
from twinface.datasets.draw_pairs import draw_pairs
from twinface.datasets.load import load_source
from twinface.datasets.splits import split_people
from twinface.evaluation.intervals import mean_and_standard_error
from twinface.evaluation.metrics import area_under_curve, fold_accuracies
from twinface.faces.cache import prepare_faces
from twinface.faces.preparation import build_preparation
from twinface.networks.build import build_network, fit_backbone
from twinface.networks.siamese import SiameseNetwork
from twinface.training.finalize import embed_with, fit_to_people
from twinface.training.recipe import load_recipe

TENTHS = 10
SPLIT_SEED = 1  # the first tenth is, but for one person, the shipped recipes' validation people


def embedded(
    settings: Settings, source: DataSource, seed: int
) -> tuple[FaceSet, SiameseNetwork, Float32Array]:
    """All training faces, the network that has learnt from their pictures, and what it makes of each."""
    dataset = load_source(source)
    faces = dataset.training_faces()
    images = prepare_faces(faces, build_preparation(settings.imaging, dataset.region)).images
    network = build_network(settings.network, settings.imaging, seed)
    if any(network.backbone.learning):
        raise SettingsError(
            f"{settings.recipe}: its network has layers to learn; this is for those that have none"
        )
    fit_backbone(network.eval(), images, seed)

    return faces, network, embed_with(network, images)


def tenths(faces: FaceSet) -> Iterator[tuple[FaceSet, PairSet]]:
    """The other nine tenths' faces, and pairs of one tenth's people."""
    for part in range(TENTHS):
        rest, held = split_people(faces, len(faces.names) // TENTHS, SPLIT_SEED, part)
        yield rest, draw_pairs(held, 0, max_per_person=10)


def scores_of(
    pairs: PairSet,
    rest: FaceSet,
    row: dict[str, int],
    embeddings: Float32Array,
    network: SiameseNetwork,
    settings: Settings,
) -> FloatArray:
    """`[M]` scores of the pairs, by projection and shift of the rest."""
    known, asked = (embeddings[[row[path] for path in faces.paths]] for faces in (rest, pairs.faces))
    fit_to_people(network, settings, known, rest.people)
    with torch.inference_mode():
        values = network.project(torch.from_numpy(asked))
        return np.asarray(network.score(values[pairs.left], values[pairs.right]).numpy(), np.float64)


def line(settings: Settings, source: DataSource, seed: int) -> str:
    """A row of the table."""
    faces, network, embeddings = embedded(settings, source, seed)
    row = {path: number for number, path in enumerate(faces.paths)}
    scores, matches, folds, areas = [], [], [], []
    for fold, (rest, pairs) in enumerate(tenths(faces)):
        found = scores_of(pairs, rest, row, embeddings, network, settings)
        scores.append(found)
        matches.append(pairs.is_match)
        folds.append(np.full(len(pairs), fold))
        areas.append(area_under_curve(found, pairs.is_match))
    accuracies = fold_accuracies(*map(np.concatenate, (scores, matches, folds)))
    cells = [
        "{:.4f} ± {:.4f}".format(*mean_and_standard_error(each)) for each in (accuracies, np.array(areas))
    ]
    return f"| {settings.recipe} | {' | '.join(cells)} | {sum(map(len, scores)):,} |"


def main() -> None:
    """Prints the table: accuracy at the threshold of the other tenths, and AUC, with standard errors over tenths."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("recipes", nargs="+")
    parser.add_argument("--root", type=Path, required=True, help="folder of LFW")
    parser.add_argument("--set", action="append", default=[], help="override, as for `twinface train`")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    print(
        f"torch {torch.__version__}, {datetime.now(UTC):%Y-%m-%d}, seed {given.seed} {' '.join(given.set)}\n"
    )
    print("| recipe | accuracy | AUC | pairs |\n|---|---|---|---|")
    for recipe in given.recipes:
        settings = load_recipe(recipe, given.set)
        print(line(settings, DataSource("lfw", str(given.root)), given.seed), flush=True)


if __name__ == "__main__":
    main()
