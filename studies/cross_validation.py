"""How accurate is a recipe without gradient steps, over all people of LFW's DevTrain list?

    python studies/cross_validation.py --root DIR RECIPE [RECIPE …] [--set projection.size=400 …]

A run's own 404 validation people give an accuracy to within .015, which is more than most changes bring. Here each
tenth of the 4,038 people is scored once, by the projection and the score normalisation of the other nine, so that about
ten thousand pairs count. The network learns its mixture from all pictures, without labels. These figures choose between
changes of what is fitted in closed form; no test pair is used. Networks with layers to train are refused, because they
would need ten trainings.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
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
SPLIT_SEED = 1  # the first tenth is, except for one person, the validation people of the shipped recipes


@dataclass(frozen=True, eq=False)
class EmbeddedFaces:
    """All training faces with their embeddings.

    Attributes:
        settings: of the recipe.
        faces: N pictures.
        network: has learnt from all pictures without labels.
        embeddings: `[N, D]`, before projection.
    """

    settings: Settings
    faces: FaceSet
    network: SiameseNetwork
    embeddings: Float32Array

    def of(self, faces: FaceSet) -> Float32Array:
        """The embeddings of some of the faces."""
        row = {path: number for number, path in enumerate(self.faces.paths)}
        return self.embeddings[[row[path] for path in faces.paths]]


def embed_all(settings: Settings, source: DataSource, seed: int) -> EmbeddedFaces:
    """Embeds all training faces.

    Raises:
        SettingsError: the network has layers to train.
    """
    dataset = load_source(source)
    faces = dataset.training_faces()
    images = prepare_faces(faces, build_preparation(settings.imaging, dataset.region)).images
    network = build_network(settings.network, settings.imaging, seed)
    if any(network.backbone.learning):
        raise SettingsError(
            f"{settings.recipe}: found a network with layers to train, need one that is fitted in closed form"
        )
    fit_backbone(network.eval(), images, seed)
    return EmbeddedFaces(settings, faces, network, embed_with(network, images))


def tenths(faces: FaceSet) -> Iterator[tuple[FaceSet, PairSet]]:
    """For each tenth of the people: the faces of the other nine, and pairs of this one."""
    for part in range(TENTHS):
        rest, held = split_people(faces, len(faces.names) // TENTHS, SPLIT_SEED, part)
        yield rest, draw_pairs(held, 0, max_per_person=10)


def scores_of(pairs: PairSet, rest: FaceSet, embedded: EmbeddedFaces) -> FloatArray:
    """`[M]` scores of the pairs, with projection and score normalisation fitted to the rest."""
    network = embedded.network
    fit_to_people(network, embedded.settings, embedded.of(rest), rest.people)
    with torch.inference_mode():
        values = network.project(torch.from_numpy(embedded.of(pairs.faces)))
        return np.asarray(network.score(values[pairs.left], values[pairs.right]).numpy(), np.float64)


def line(settings: Settings, source: DataSource, seed: int) -> str:
    """A row of the table."""
    embedded = embed_all(settings, source, seed)
    scores, matches, folds, areas = [], [], [], []
    for fold, (rest, pairs) in enumerate(tenths(embedded.faces)):
        found = scores_of(pairs, rest, embedded)
        scores.append(found)
        matches.append(pairs.is_match)
        folds.append(np.full(len(pairs), fold))
        areas.append(area_under_curve(found, pairs.is_match))
    accuracies = fold_accuracies(np.concatenate(scores), np.concatenate(matches), np.concatenate(folds))
    cells = [
        "{:.4f} ± {:.4f}".format(*mean_and_standard_error(each)) for each in (accuracies, np.array(areas))
    ]
    return f"| {settings.recipe} | {' | '.join(cells)} | {sum(map(len, scores)):,} |"


def main() -> None:
    """Prints the table: accuracy at the threshold of the other tenths, and AUC, with standard errors over tenths."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("recipes", nargs="+")
    parser.add_argument("--root", type=Path, required=True, help="folder of LFW")
    parser.add_argument("--set", action="append", default=[], help="change one setting: projection.size=400")
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
