"""Who is trained on, who is validated on, and who is kept out of both."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from twinface.core.errors import DataError, SettingsError
from twinface.core.settings import Settings, settings_from
from twinface.core.settings_sections import DataSettings
from twinface.core.types import FaceSet, PairSet, TrainingSource
from twinface.datasets.dataset import Dataset
from twinface.datasets.draw_pairs import draw_pairs, draw_pairs_in_groups
from twinface.datasets.splits import split_pairs, split_pairs_at_random, split_people
from twinface.models.record import ModelRecord


@dataclass(frozen=True, eq=False)
class PeopleSplit:
    """Who is trained on and who is validated on; nobody is in both, unless `data.split` splits over pairs.

    Attributes:
        source: the faces, or the labelled pairs, that training may use.
        validation: labelled pairs of validation people. The best epoch, the threshold and the calibration are chosen on
            them.
        trained_on, tuned_on: the two groups in words: "3,634 people of LFW-a".
    """

    source: TrainingSource
    validation: PairSet
    trained_on: str
    tuned_on: str


def split_dataset(dataset: Dataset, settings: Settings) -> PeopleSplit:
    """Splits the training people of a data set into those that are trained on and those that are validated on.

    With supervision by pairs, and a data set that has official training pairs, these pairs are split.

    Args:
        dataset: its training faces are without test people where it has official test lists (LFW); for other data sets
            `data.test_people` are kept out here.
        settings: `data` says how many people are in each group, `validation` how many pairs of validation people are
            drawn.

    Raises:
        DataError: there are too few people.
        SettingsError: the data set has official training pairs, and `data.validation_people` is not a fraction of them,
            or `data.validation_part` is not 0.
    """
    data, drawing = settings.data, settings.validation
    seed = data.split_seed
    if data.supervision == "pairs":
        given = dataset.training_pairs()
        if given is not None:
            return _of_official_pairs(given, dataset.title, data)
    if data.split != "people":
        raise SettingsError(
            f'data.split = "{data.split}" needs the official pairs of a data set and data.supervision = "pairs"; '
            f"{dataset.title} with supervision by {data.supervision} is split by people"
        )
    faces = dataset.training_faces()
    if data.test_people:
        faces, _ = _held_out(faces, "test_people", data)
    if data.cross_fitting:
        return _all_in_groups(faces, dataset.title, settings)
    rest_faces, held_faces = _held_out(faces, "validation_people", data)
    if len(rest_faces.names) < 2:
        raise DataError(
            f"data.validation_people = {data.validation_people:g}: leaves 1 of {len(faces.names)} people of "
            f"{faces.name} to train on, need 2 or more: add people"
        )
    drawn = (
        draw_pairs(rest_faces, seed, max_per_person=drawing.per_person)
        if data.supervision == "pairs"
        else None
    )
    try:
        validation = draw_pairs(held_faces, seed, max_per_person=drawing.per_person, limit=drawing.pairs)
    except DataError as error:
        raise DataError(f"data.validation_people = {data.validation_people:g}: {error}") from error
    return PeopleSplit(
        TrainingSource(drawn.faces if drawn else rest_faces, drawn),
        validation,
        f"{len(rest_faces.names)} people of {dataset.title}",
        f"{len(held_faces.names)} other people of {dataset.title}",
    )


def _of_official_pairs(given: PairSet, title: str, data: DataSettings) -> PeopleSplit:
    """A data set's official training pairs in two groups.

    Raises:
        SettingsError: `data.validation_people` is not a fraction of them, or `data.validation_part` is not 0.
    """
    share = data.validation_people
    if not 0 < share < 1:
        raise SettingsError(
            f"data.validation_people = {share}: with supervision by pairs it is a fraction of them, below 1"
        )
    if data.validation_part:
        raise SettingsError(
            f"data.validation_part = {data.validation_part}: the official pairs of {title} have one set of validation "
            "pairs, so need 0"
        )
    if data.split == "people":
        rest, held = split_pairs(given, float(share), data.split_seed)
        tuned_on = f"{len(held)} pairs of other people of {given.name}"
    else:
        rest, held = split_pairs_at_random(
            given, float(share), data.split_seed, by_label=data.split == "pairs-by-label"
        )
        tuned_on = f"{len(held)} pairs of {given.name}, of people who are in training too"
    return PeopleSplit(TrainingSource(rest.faces, rest), held, f"{len(rest)} pairs of {given.name}", tuned_on)


def _held_out(
    faces: FaceSet, field: Literal["test_people", "validation_people"], data: DataSettings
) -> tuple[FaceSet, FaceSet]:
    """`split_people` as a setting asks for it.

    Raises:
        DataError: there are too few people; the message names the setting.
    """
    wanted = getattr(data, field)
    seed, part_field, part = (
        (data.split_seed, "test_part", data.test_part)
        if field == "test_people"
        else (data.split_seed + 1, "validation_part", data.validation_part)
    )
    try:
        return split_people(faces, wanted, seed, part, data.stratified)
    except DataError as error:
        found = f"data.{field} = {wanted:g}" + (f", data.{part_field} = {part}" if part else "")
        change = _fewer(len(faces.names), field, data)
        if part:
            with suppress(DataError):
                split_people(faces, wanted, seed, 0, data.stratified)
                change = []  # the part was the reason
            change.append(f"data.{part_field}=0")
        options = " ".join(f"--set {each}" for each in change)
        advice = f"Add people, or change it, for example {options}" if change else "Add people"
        raise DataError(f"{found}: {error}. {advice}") from error


def _fewer(people: int, field: str, data: DataSettings) -> list[str]:
    """Settings that keep out fewer of so many people and leave two or more in each group; none if nothing does."""
    if field == "validation_people" and people < 4:
        return ["data.test_people=0.3"] if data.test_people else []
    return [f"data.{field}={max(2, people // 3)}"] if people >= 4 else []


def _all_in_groups(faces: FaceSet, title: str, settings: Settings) -> PeopleSplit:
    """Everybody is trained on and validated on, see `DataSettings.cross_fitting`."""
    groups, drawing = settings.data.cross_fitting, settings.validation
    pairs = draw_pairs_in_groups(
        faces, groups, settings.data.split_seed, max_per_person=drawing.per_person, limit=drawing.pairs
    )
    people = f"{len(faces.names)} people of {title}"
    how = f"the same people, each judged without them in {groups} groups" if groups > 1 else "the same people"
    return PeopleSplit(TrainingSource(faces), pairs, people, how)


def validation_of(record: ModelRecord, dataset: Dataset) -> PairSet | None:
    """The validation pairs that a model's threshold was fitted on, drawn again with the settings in its record.

    Args:
        record: of the model.
        dataset: the data set that it was trained on, as far as the caller knows.

    Returns:
        The pairs; None if these people are not the model's validation people, or its settings cannot be read by this
        version.

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
