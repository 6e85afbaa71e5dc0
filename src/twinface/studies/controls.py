"""What a study's models are held against: verifiers that cost nothing, and the models themselves shown a part of each
picture.

A model that does as well on the background as on the face reads rooms and suits. All of this is measured on the same
validation pairs as the leaderboard, and kept beside it, so that it is measured once.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from twinface.core.errors import DataError
from twinface.core.types import ScoredPairs
from twinface.datasets.training_split import DataSource, split_dataset
from twinface.evaluation.evaluate import score
from twinface.evaluation.fitted_model import show_only
from twinface.evaluation.results import load_validation, save_validation
from twinface.faces.mask import VisiblePart, mask_for
from twinface.models.load import load_model
from twinface.studies.baselines import free_baselines
from twinface.studies.study import Study, first_settings
from twinface.training.run_folder import RunFolder

BASELINE = "baseline/"
PARTS: tuple[VisiblePart, ...] = ("face", "background")


def measure_baselines(study: Study, source: DataSource, place: Path) -> None:
    """Scores the validation pairs by each baseline that is not measured yet.

    Their crop, size and untrained network are those of the study's first point.
    """
    if not study.baselines or (place / "baselines" / "done").exists():
        return
    settings = first_settings(study)
    dataset = source.open()
    split = split_dataset(dataset, settings)
    for model in free_baselines(dataset, settings, study.seeds[0]):
        scored = score(model, split.validation).scored
        save_validation(place / "baselines" / model.record.name, split.validation, scored)
    (place / "baselines" / "done").touch()


def baselines(place: Path) -> Iterator[tuple[str, ScoredPairs]]:
    """Name and scores of each baseline that was measured."""
    for folder in sorted((place / "baselines").glob("*/")):
        yield BASELINE + folder.name, load_validation(folder)[1]


def measure_parts(folder: RunFolder) -> None:
    """Scores a finished run's validation pairs with the face alone and the background alone, where there is one."""
    pairs, _ = load_validation(folder.path)
    model = load_model(folder.path)
    for part in PARTS:
        target = folder.path / f"validation-{part}"
        if (target / "validation.npz").exists():
            continue
        try:
            mask = mask_for(part, pairs.faces.region, pairs.name)
        except DataError:
            return
        save_validation(target, pairs, score(show_only(mask, model, None), pairs).scored)


def part_scores(folder: RunFolder, part: VisiblePart) -> ScoredPairs | None:
    """What `measure_parts` found, or None where these pictures have no background."""
    place = folder.path / f"validation-{part}"
    return load_validation(place)[1] if (place / "validation.npz").exists() else None
