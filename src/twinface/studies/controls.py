"""Control measurements of a study: reference verifiers, and each model on the face alone and the background alone.

A model that does as well on the background as on the face has learnt rooms and clothes. All of this is measured on the
same validation pairs as the leaderboard, once, and stored beside it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from twinface.core.errors import DataError
from twinface.core.types import ScoredPairs
from twinface.datasets.data_source import DataSource
from twinface.datasets.load import load_source
from twinface.datasets.training_split import split_dataset
from twinface.evaluation.evaluate import score
from twinface.evaluation.fitted_model import show_only
from twinface.evaluation.results import load_validation, save_validation
from twinface.faces.mask import VisiblePart, mask_for
from twinface.models.load import load_model
from twinface.studies.baselines import fit_baselines
from twinface.studies.study_file.study import Study
from twinface.training.run_folder import RunFolder

PREFIX = "baseline/"  # of a baseline's name on the leaderboard
PARTS: tuple[VisiblePart, ...] = ("face", "background")


def measure_baselines(study: Study, source: DataSource, folder: Path) -> None:
    """Scores the validation pairs by each reference verifier, unless that was done before or the study has none.

    Crop, picture size and untrained network are those of the study's first point.

    Args:
        study: the study.
        source: its data.
        folder: the study's folder.

    Raises:
        DataError, ImageError: pictures are missing or damaged.
        StorageError: a file cannot be written.
    """
    done = folder / "baselines" / "done"
    if not study.baselines or done.exists():
        return
    settings = study.first_settings()
    dataset = load_source(source)
    split = split_dataset(dataset, settings)
    for model in fit_baselines(dataset, settings, study.seeds[0]):
        scored = score(model, split.validation).scored
        save_validation(folder / "baselines" / model.record.name, split.validation, scored)
    done.touch()


def baseline_scores(folder: Path) -> Iterator[tuple[str, ScoredPairs]]:
    """Name and validation scores of each baseline that was measured.

    Raises:
        ModelError: a file is damaged.
    """
    for place in sorted((folder / "baselines").glob("*/")):
        yield PREFIX + place.name, load_validation(place)[1]


def measure_visible_parts(run: RunFolder) -> None:
    """Scores a finished run's validation pairs with the face alone and with the background alone, once.

    Does nothing if the pictures have no background.

    Raises:
        ModelError: the model or its validation pairs are missing or damaged.
        DataError, ImageError: pictures are missing or damaged.
        StorageError: a file cannot be written.
    """
    pairs, _ = load_validation(run.path)
    model = load_model(run.path)
    for part in PARTS:
        target = _part_folder(run, part)
        if (target / "validation.npz").exists():
            continue
        try:
            mask = mask_for(part, pairs.faces.region, pairs.name)
        except DataError:
            return
        save_validation(target, pairs, score(show_only(mask, model, None), pairs).scored)


def visible_part_scores(run: RunFolder, part: VisiblePart) -> ScoredPairs | None:
    """The scores with that part alone, or None if they were not measured, because the pictures have no background.

    Raises:
        ModelError: the file is damaged.
    """
    folder = _part_folder(run, part)
    return load_validation(folder)[1] if (folder / "validation.npz").exists() else None


def _part_folder(run: RunFolder, part: VisiblePart) -> Path:
    return run.path / f"validation-{part}"
