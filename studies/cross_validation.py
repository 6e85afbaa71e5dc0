"""How accurate is a recipe, over all people of LFW's DevTrain list?

    python studies/cross_validation.py --root DIR RECIPE [RECIPE …] [--set projection.size=400 …] [--work FOLDER]

A run's own 404 validation people give an accuracy to within .015, which is more than most changes bring. Here each
tenth of the 4,038 people is scored once, by a model of the other nine, so that about ten thousand pairs count. These
figures choose between recipes; no test pair is used.

A recipe that is fitted in closed form learns its mixture once, from all pictures, without labels; projection and score
normalisation are fitted ten times. A recipe that learns by steps is trained ten times, for all its epochs; the runs
stay in `--work`, so that the command goes on where it was stopped.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch

from twinface.core.settings import Settings
from twinface.core.types import FaceSet, Float32Array, FloatArray, PairSet
from twinface.datasets.data_source import DataSource
from twinface.datasets.dataset import Dataset
from twinface.datasets.draw_pairs import draw_pairs
from twinface.datasets.load import load_source
from twinface.datasets.splits import split_people
from twinface.evaluation.evaluate import score
from twinface.evaluation.intervals import mean_and_standard_error
from twinface.evaluation.leaks import check_leak
from twinface.evaluation.metrics import area_under_curve, fold_accuracies
from twinface.faces.cache import prepare_faces
from twinface.faces.preparation import build_preparation
from twinface.models.load import load_model
from twinface.networks.build import build_network, fit_backbone
from twinface.networks.siamese import SiameseNetwork
from twinface.training.finalize import embed_with, fit_to_people
from twinface.training.recipe import load_recipe
from twinface.training.train import train

TENTHS = 10
SPLIT_SEED = 1  # the first tenth is, except for one person, the validation people of the shipped recipes


@dataclass(frozen=True)
class Recipe:
    """What is to be judged.

    Attributes:
        name: of the recipe.
        changes: of its settings, such as "projection.size=400".
        seed: of everything random.
    """

    name: str
    changes: tuple[str, ...]
    seed: int

    @property
    def settings(self) -> Settings:
        """Those of the recipe, changed."""
        return load_recipe(self.name, self.changes)


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


def embed_all(settings: Settings, dataset: Dataset, seed: int) -> EmbeddedFaces:
    """Embeds all training faces with a network that is fitted in closed form."""
    faces = dataset.training_faces()
    images = prepare_faces(faces, build_preparation(settings.imaging, dataset.region, dataset.frame)).images
    network = build_network(settings.network, settings.imaging, seed)
    fit_backbone(network.eval(), images, seed)
    return EmbeddedFaces(settings, faces, network, embed_with(network, images))


def tenths(faces: FaceSet) -> Iterator[tuple[FaceSet, PairSet]]:
    """For each tenth of the people: the faces of the other nine, and pairs of this one."""
    for part in range(TENTHS):
        rest, held = split_people(faces, len(faces.names) // TENTHS, SPLIT_SEED, part)
        yield rest, draw_pairs(held, 0, max_per_person=10)


def fitted_scores(recipe: Recipe, dataset: Dataset) -> Iterator[tuple[PairSet, FloatArray]]:
    """Each tenth's pairs and their scores, with projection and score normalisation fitted to the other nine."""
    embedded = embed_all(recipe.settings, dataset, recipe.seed)
    network = embedded.network
    for rest, pairs in tenths(embedded.faces):
        fit_to_people(network, embedded.settings, embedded.of(rest), rest.people)
        with torch.inference_mode():
            values = network.project(torch.from_numpy(embedded.of(pairs.faces)))
            found = network.score(values[pairs.left], values[pairs.right])
            yield pairs, np.asarray(found.numpy(), np.float64)


def trained_scores(
    recipe: Recipe, dataset: Dataset, source: DataSource, work: Path
) -> Iterator[tuple[PairSet, FloatArray]]:
    """Each tenth's pairs and their scores by a run that was trained on the other nine."""
    faces = dataset.training_faces()
    for part, (_, pairs) in enumerate(tenths(faces)):
        settings = load_recipe(
            recipe.name,
            [
                *recipe.changes,
                f"data.validation_people={len(faces.names) // TENTHS}",
                f"data.split_seed={SPLIT_SEED - 1}",  # that of validation people is one more
                f"data.validation_part={part}",
                "validation.keep=last",  # the tenth does not choose the epoch
                "validation.conditions=0",  # of thresholds that nobody asks for
            ],
        )
        folder = train(
            source, settings, seed=recipe.seed, out=work / f"{recipe.name}-seed-{recipe.seed}-{part}"
        )
        model = load_model(folder.path)
        assert not check_leak(model.record, pairs, allow_seen=True).trained_on
        yield pairs, score(model, pairs).scored.scores


def line(recipe: Recipe, source: DataSource, work: Path) -> str:
    """A row of the table."""
    dataset = load_source(source)
    network = build_network(recipe.settings.network, recipe.settings.imaging, recipe.seed)
    trained = any(network.backbone.learning)
    found = trained_scores(recipe, dataset, source, work) if trained else fitted_scores(recipe, dataset)
    scores, matches, folds, areas = [], [], [], []
    for fold, (pairs, these) in enumerate(found):
        scores.append(these)
        matches.append(pairs.is_match)
        folds.append(np.full(len(pairs), fold))
        areas.append(area_under_curve(these, pairs.is_match))
    accuracies = fold_accuracies(np.concatenate(scores), np.concatenate(matches), np.concatenate(folds))
    cells = [
        "{:.4f} ± {:.4f}".format(*mean_and_standard_error(each)) for each in (accuracies, np.array(areas))
    ]
    return f"| {recipe.name} | {' | '.join(cells)} | {sum(map(len, scores)):,} |"


def main() -> None:
    """Prints the table: accuracy at the threshold of the other tenths, and AUC, with standard errors over tenths."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("recipes", nargs="+")
    parser.add_argument("--root", type=Path, required=True, help="folder of LFW")
    parser.add_argument("--set", action="append", default=[], help="change one setting: projection.size=400")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--work", type=Path, default=Path("runs/tenths"), help="folder of the trained runs")
    given = parser.parse_args()
    print(
        f"torch {torch.__version__}, {datetime.now(UTC):%Y-%m-%d}, seed {given.seed} {' '.join(given.set)}\n"
    )
    print("| recipe | accuracy | AUC | pairs |\n|---|---|---|---|")
    for recipe in given.recipes:
        judged = Recipe(recipe, tuple(given.set), given.seed)
        print(line(judged, DataSource("lfw", str(given.root)), given.work), flush=True)


if __name__ == "__main__":
    main()
