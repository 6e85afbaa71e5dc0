"""What do projection, shift and fusion add to a trained network, on its validation people?

    python benchmarks/projections.py --root DIR RUN [RUN …]

For each part of the run's embedding, and for all of them together at the run's weights: accuracy (each tenth of the
pairs at the threshold of the others) with its interval, and AUC, of the embedding as the network gives it, whitened, by
PLDA, and by PLDA with the shift. Nothing is trained and no test pair is looked at.
"""

from __future__ import annotations

import argparse
import platform
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from twinface.core.settings import Settings
from twinface.core.types import Float32Array, PairSet, ScoredPairs
from twinface.datasets.data_source import DataSource
from twinface.datasets.load import load_source
from twinface.datasets.training_split import PeopleSplit, split_dataset
from twinface.evaluation.intervals import mean_accuracy_interval
from twinface.evaluation.metrics import area_under_curve, cross_validated_right
from twinface.faces.cache import prepare_faces
from twinface.faces.preparation import build_preparation
from twinface.models.distances import DISTANCES
from twinface.networks.backbones import Backbone
from twinface.networks.build import build_network
from twinface.networks.projections import fit_parts, plda, whitening
from twinface.networks.score_normalisation import fit_score_normalisation
from twinface.training.finalize import embed_with
from twinface.training.run_folder import RunFolder
from twinface.training.state_file import read_tensors

Embeddings = tuple[Float32Array, Float32Array]


def embed(folder: RunFolder, source: DataSource) -> tuple[PeopleSplit, Embeddings, Backbone]:
    """A run's split, its network's own embeddings of training and validation faces, and the network."""
    settings, dataset = folder.settings(), load_source(source)
    split = split_dataset(dataset, settings)
    network = build_network(settings.network, settings.imaging)
    network.load_state_dict(read_tensors(folder.best)[0])
    network.eval()
    preparation = build_preparation(settings.imaging, dataset.region)
    training, validation = (
        embed_with(network, prepare_faces(faces, preparation).images)
        for faces in (split.source.faces, split.validation.faces)
    )
    return split, (training, validation), network.backbone


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


def rows(
    name: str,
    split: PeopleSplit,
    embeddings: Embeddings,
    settings: Settings,
    sizes: Sequence[int],
    weights: Sequence[float],
) -> None:
    """Prints the rows of one part, or of several together at their weights."""
    training, validation = embeddings
    print(line(name, torch.from_numpy(validation), split.validation), flush=True)
    fits: dict[str, Callable[..., object]] = {"whitened": whitening, "PLDA": plda}
    options = {
        key: settings.projection.options[key]
        for key in ("shrinkage", "size")
        if key in settings.projection.options
    }
    for title, fit in fits.items():
        projection = fit_parts(partial(fit, **options), training, split.source.faces.people, sizes, weights)  # type: ignore[arg-type]
        assert projection is not None
        with torch.inference_mode():
            mapped, clarity = projection(torch.from_numpy(validation))
            print(line(f"{name}, {title}", mapped, split.validation), flush=True)
            if title == "PLDA" and settings.score_normalisation.wanted:
                known = projection(torch.from_numpy(training))[0].numpy()
                shift = fit_score_normalisation(
                    known, split.source.faces.people, settings.score_normalisation
                )
                print(
                    line(f"{name}, PLDA, shift", shift(mapped, clarity), split.validation, "local-cosine"),
                    flush=True,
                )


def main() -> None:
    """Prints a table for each run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--root", type=Path, required=True, help="folder of LFW")
    given = parser.parse_args()
    for run in given.runs:
        folder = RunFolder(run)
        settings = folder.settings()
        split, (training, validation), backbone = embed(folder, DataSource("lfw", str(given.root)))
        print(
            f"\n{run}: {len(split.validation)} pairs of {split.tuned_on}; {platform.machine()}, "
            f"torch {torch.__version__}, {datetime.now(UTC):%Y-%m-%d}\n\n| what | accuracy | AUC |\n|---|---|---|"
        )
        parts = backbone.parts
        members = settings.network.backbone.options["members"] if len(parts) > 1 else []
        names = [member["name"] for member in members] or [settings.network.backbone.name]
        for number, (name, size, end) in enumerate(zip(names, parts, np.cumsum(parts), strict=True), 1):
            own = slice(end - size, end)
            rows(f"{number} {name}", split, (training[:, own], validation[:, own]), settings, [size], [1.0])
        if len(parts) > 1:
            rows("all", split, (training, validation), settings, parts, backbone.weights)


if __name__ == "__main__":
    main()
