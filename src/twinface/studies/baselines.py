"""Reference verifiers without training cost, to compare a network with.

A baseline is an `Embedder` like any other. Its threshold is fitted on the same validation people, and it is evaluated
by the same code on the same pairs. A new one is a function in `baseline_methods` and a line in `BASELINES`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from twinface import __version__
from twinface.core.errors import DataError
from twinface.core.settings import Settings
from twinface.core.types import WHOLE_FRAME, ByteArray
from twinface.datasets.dataset import Dataset
from twinface.datasets.training_split import PeopleSplit, split_dataset
from twinface.evaluation.fitted_model import FittedModel, fit_model
from twinface.faces.cache import prepare_faces
from twinface.faces.mask import VisiblePart, mask_for
from twinface.faces.preparation import Preparation, build_preparation
from twinface.models.decision import Calibration, Threshold
from twinface.models.distances import DISTANCES
from twinface.models.embedder import EmbedFunction
from twinface.models.provenance import Provenance, hash_people, new_salt
from twinface.models.record import ModelRecord
from twinface.studies.baseline_methods import pca, pixels, untrained

DISTANCE = "cosine"


@dataclass(frozen=True)
class Baseline:
    """One kind of reference verifier.

    Attributes:
        fit: training pictures `[N, H, W, C]` uint8, the run's settings, seed → an embedding function.
        shows: the only part of the whole picture that it sees; None for the pictures as the run prepares them.
    """

    fit: Callable[[ByteArray, Settings, int], EmbedFunction]
    shows: VisiblePart | None = None


BASELINES: dict[str, Baseline] = {
    "pixels": Baseline(pixels),
    "pca": Baseline(pca),
    "untrained": Baseline(untrained),
    "pixels-background": Baseline(pixels, "background"),
    "pca-background": Baseline(pca, "background"),
}


def fit_baselines(dataset: Dataset, settings: Settings, seed: int = 0) -> list[FittedModel]:
    """All baselines that a data set allows, ready for `evaluate`.

    Those that see the background need a data set that knows where the face is. They are left out for others.

    Args:
        dataset: the data set that a run with these settings would be trained on.
        settings: of that run. They give the people, the crop, the size and the network.
        seed: of the untrained weights.

    Raises:
        DataError: there are too few people, or pictures are missing.
        ImageError: a picture is damaged.
        SettingsError: a setting does not exist or does not fit.
    """
    split = split_dataset(dataset, settings)
    preparation = build_preparation(settings.imaging, dataset.region, dataset.frame)
    names = [name for name, kind in BASELINES.items() if not kind.shows or _has_part(dataset, kind.shows)]
    return [fit_baseline(name, split, preparation, settings, seed) for name in names]


def fit_baseline(
    name: str, split: PeopleSplit, preparation: Preparation, settings: Settings, seed: int = 0
) -> FittedModel:
    """Fits a baseline on the training people of a run, and its threshold on the validation people.

    Args:
        name: a key of `BASELINES`.
        split: training and validation people.
        preparation: crop and size of the pictures. A baseline that sees a part gets the whole frame in this size.
        settings: of the run to compare with.
        seed: of untrained weights.

    Raises:
        DataError: it is shown the background, and these pictures have none; or pictures are missing.
        ImageError: a picture is damaged.
    """
    kind, faces = BASELINES[name], split.source.faces
    if kind.shows:
        mask = mask_for(kind.shows, faces.region, faces.name)
        preparation = replace(preparation, region=WHOLE_FRAME, mask=mask)
    training = prepare_faces(faces, preparation).images
    embed = kind.fit(training, settings, seed)
    salt = new_salt()
    record = ModelRecord(
        name=name,
        preparation=preparation,
        layout=faces.name,
        embedding_size=embed(np.array(training[:1])).shape[1],
        distance=DISTANCE,
        distance_parameters=DISTANCES[DISTANCE].parameters(0),
        threshold=Threshold(0.0, "nothing"),
        calibration=Calibration(1.0, 0.0, "nothing"),
        provenance=Provenance(
            salt,
            hash_people(faces.names, salt),
            hash_people(split.validation.faces.names, salt),
            split.trained_on,
            split.tuned_on,
        ),
        settings=settings.to_dict(),
        seed=seed,
        made_by={"twinface": __version__},
    )
    return fit_model(embed, record, split.validation, split.tuned_on)


def _has_part(dataset: Dataset, part: VisiblePart) -> bool:
    try:
        mask_for(part, dataset.region, dataset.title)
    except DataError:
        return False
    return True
