"""Whom a run learns from, whom it is tuned on, and who is kept out of both."""

from __future__ import annotations

from dataclasses import dataclass

from twinface.core.errors import DataError, SettingsError
from twinface.core.settings import Settings, settings_from
from twinface.core.types import PairSet, TrainingSource
from twinface.datasets import Dataset, open_dataset
from twinface.datasets.lfw import Lfw
from twinface.datasets.splits import draw_pairs, split_pairs, split_people
from twinface.models.record import ModelRecord


@dataclass(frozen=True)
class DataSource:
    """Where a run's faces come from, as the command line names it.

    Attributes:
        data, root, layout: see `open_dataset`.
        without_fold: the fold of LFW's View 2 whose people are kept out, or None.
    """

    data: str
    root: str | None = None
    layout: str | None = None
    without_fold: int | None = None

    def open(self) -> Dataset:
        """The data set itself; see `open_dataset` for what is raised."""
        dataset = open_dataset(self.data, self.root, self.layout)
        if self.without_fold is None:
            return dataset
        if not isinstance(dataset, Lfw):
            raise DataError(f"{dataset.title} has no official folds; LFW has")
        return dataset.without_fold(self.without_fold)


@dataclass(frozen=True, eq=False)
class PeopleSplit:
    """Who is trained on and who is tuned on; nobody is in both.

    Attributes:
        source: what training sees.
        validation: labelled pairs of validation people.
        trained_on, tuned_on: the same in words.
    """

    source: TrainingSource
    validation: PairSet
    trained_on: str
    tuned_on: str


def split_dataset(dataset: Dataset, settings: Settings) -> PeopleSplit:
    """Splits a data set's training people into those that are trained on and those that are tuned on.

    Args:
        dataset: LFW brings its test people's absence with it; of others, `data.test_people` are set aside.
        settings: `data` says how many people go where, `validation` how many pairs are drawn of those tuned on.

    Raises:
        DataError: there are too few people.
        SettingsError: the data set gives pairs to learn from, and `data.validation_people` is no share of them.
    """
    data, drawing = settings.data, settings.validation
    seed = data.split_seed
    if data.supervision == "pairs":
        given = dataset.training_pairs()
        if given is not None:
            share = data.validation_people
            if not 0 < share < 1:
                raise SettingsError(
                    f"data.validation_people = {share}: with supervision by pairs it is a share of them, below 1"
                )
            rest, held = split_pairs(given, float(share), seed)
            return PeopleSplit(
                TrainingSource(rest.faces, rest),
                held,
                f"{len(rest)} pairs of {given.name}",
                f"{len(held)} pairs of other people of {given.name}",
            )
    faces = dataset.training_faces()
    if data.test_people:
        faces, _ = split_people(faces, data.test_people, seed, data.test_part)
    rest_faces, held_faces = split_people(faces, data.validation_people, seed + 1)
    drawn = (
        draw_pairs(rest_faces, seed, max_per_person=drawing.per_person)
        if data.supervision == "pairs"
        else None
    )
    return PeopleSplit(
        TrainingSource(drawn.faces if drawn else rest_faces, drawn),
        draw_pairs(held_faces, seed, max_per_person=drawing.per_person, limit=drawing.pairs),
        f"{len(rest_faces.names)} people of {dataset.title}",
        f"{len(held_faces.names)} other people of {dataset.title}",
    )


def validation_of(record: ModelRecord, dataset: Dataset) -> PairSet | None:
    """The validation pairs that a model's threshold was fitted on, drawn again from what its record says.

    Args:
        record: of the model.
        dataset: the one that it was trained on, as far as the caller knows.

    Returns:
        The pairs; None where these are not the model's people, by name, or its record is too old to say.

    Raises:
        DataError: the data set's lists are missing or do not fit their format, or pictures are missing.
    """
    try:
        settings = settings_from(record.settings, record.name)
        validation = split_dataset(dataset, settings).validation
    except SettingsError:
        return None
    _, tuned = record.provenance.seen(validation.faces.names)
    return validation if len(tuned) == len(validation.faces.names) else None
