"""What do projection, score normalisation and fusion add to a trained network, on its validation people?

    python studies/projections.py --root DIR RUN [RUN …]

For each part of the run's embedding, and for all parts together at the run's weights, it prints accuracy (each tenth of
the pairs at the threshold of the others) with its interval, and AUC: of the network's own embedding, of the whitened
one, with PLDA, and with PLDA and score normalisation. Nothing is trained, and no test pair is used.
"""

from __future__ import annotations

import argparse
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from twinface.core.settings import Settings
from twinface.core.types import Float32Array, PairSet, ScoredPairs
from twinface.datasets.load import load_source
from twinface.datasets.training_split import PeopleSplit, split_dataset
from twinface.evaluation.intervals import mean_accuracy_interval
from twinface.evaluation.metrics import area_under_curve, cross_validated_right
from twinface.faces.cache import prepare_faces
from twinface.faces.preparation import build_preparation
from twinface.models.distances import DISTANCES
from twinface.networks.backbones import Backbone
from twinface.networks.projections import FittedMap, fit_parts, plda, whitening
from twinface.networks.score_normalisation import fit_score_normalisation
from twinface.training.checkpoint import load_checkpoint
from twinface.training.finalize import embed_with
from twinface.training.run_folder import RunFolder


@dataclass(frozen=True, eq=False)
class Embedded:
    """A run's own embeddings, before projection.

    Attributes:
        settings: of the run.
        split: its people.
        training, validation: `[N, D]` embeddings of the training and the validation faces.
        backbone: of its network.
    """

    settings: Settings
    split: PeopleSplit
    training: Float32Array
    validation: Float32Array
    backbone: Backbone


@dataclass(frozen=True, eq=False)
class Part:
    """One part of the embeddings, or several together.

    Attributes:
        name: as printed.
        columns: of the embeddings.
        sizes, weights: of the parts in these columns.
    """

    name: str
    columns: slice
    sizes: Sequence[int]
    weights: Sequence[float]


def embed(folder: RunFolder, root: Path) -> Embedded:
    """Embeds the training and validation faces of a finished run with its network."""
    settings, dataset = folder.settings(), load_source(replace(folder.info().source, root=str(root)))
    split = split_dataset(dataset, settings)
    network = load_checkpoint(folder.path)[0]
    network.projection = network.score_normalisation = None
    preparation = build_preparation(settings.imaging, dataset.region, dataset.frame)
    training, validation = (
        embed_with(network, prepare_faces(faces, preparation).images)
        for faces in (split.source.faces, split.validation.faces)
    )
    return Embedded(settings, split, training, validation, network.backbone)


def parts_of(embedded: Embedded) -> list[Part]:
    """Each part of the embeddings, and all together if there are several."""
    backbone, component = embedded.backbone, embedded.settings.network.backbone
    sizes = backbone.parts
    names = (
        [member["name"] for member in component.options["members"]] if len(sizes) > 1 else [component.name]
    )
    parts = [
        Part(f"{number} {name}", slice(end - size, end), [size], [1.0])
        for number, (name, size, end) in enumerate(zip(names, sizes, np.cumsum(sizes), strict=True), 1)
    ]
    together = [Part("all", slice(None), sizes, backbone.weights)] if len(sizes) > 1 else []
    return parts + together


def line(name: str, embeddings: Tensor, pairs: PairSet, distance: str = "cosine") -> str:
    """A row of the table."""
    values = embeddings.numpy()
    parameters = {"scale": np.ones(()), "bias": np.zeros(())}
    scores = DISTANCES[distance].score(values[pairs.left], values[pairs.right], parameters)
    right = cross_validated_right(scores, pairs.is_match)
    interval = mean_accuracy_interval(right.astype(float), ScoredPairs(scores, pairs.is_match, pairs.people))
    return (
        f"| {name} | {right.mean():.3f} [{interval.low:.3f}, {interval.high:.3f}] "
        f"| {area_under_curve(scores, pairs.is_match):.4f} |"
    )


def print_rows(part: Part, embedded: Embedded) -> None:
    """Prints the rows of one part."""
    settings, pairs, people = (
        embedded.settings,
        embedded.split.validation,
        embedded.split.source.faces.people,
    )
    training, validation = (each[:, part.columns].copy() for each in (embedded.training, embedded.validation))
    print(line(part.name, torch.from_numpy(validation), pairs), flush=True)
    options = {
        key: value for key, value in settings.projection.options.items() if key in ("shrinkage", "size")
    }
    fits: dict[str, Callable[..., FittedMap]] = {"whitened": whitening, "PLDA": plda}
    for title, fit in fits.items():
        projection = fit_parts(partial(fit, **options), training, people, part.sizes, part.weights)
        assert projection is not None
        with torch.inference_mode():
            mapped, clarity = projection(torch.from_numpy(validation))
            print(line(f"{part.name}, {title}", mapped, pairs), flush=True)
            if title == "PLDA" and settings.score_normalisation.wanted:
                known = projection(torch.from_numpy(training))[0].numpy()
                normalise = fit_score_normalisation(known, people, settings.score_normalisation)
                name = f"{part.name}, PLDA, score normalisation"
                print(line(name, normalise(mapped, clarity), pairs, "local-cosine"), flush=True)


def main() -> None:
    """Prints a table for each run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--root", type=Path, required=True, help="folder of LFW")
    given = parser.parse_args()
    for run in given.runs:
        embedded = embed(RunFolder(run), given.root)
        split = embedded.split
        print(
            f"\n{run}: {len(split.validation)} pairs of {split.tuned_on}; {platform.machine()}, "
            f"torch {torch.__version__}, {datetime.now(UTC):%Y-%m-%d}\n\n| what | accuracy | AUC |\n|---|---|---|"
        )
        for part in parts_of(embedded):
            print_rows(part, embedded)


if __name__ == "__main__":
    main()
