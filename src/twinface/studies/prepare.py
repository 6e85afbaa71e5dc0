"""Prepares a study before any trial begins: checks it against its data, and prepares the pictures."""

from __future__ import annotations

from pathlib import Path

from twinface.core.errors import SettingsError
from twinface.core.types import ProgressCallback
from twinface.datasets.data_source import DataSource
from twinface.datasets.load import load_source
from twinface.datasets.training_split import split_dataset
from twinface.faces.cache import prepare_faces
from twinface.faces.preparation import build_preparation
from twinface.studies.study_file.point import describe
from twinface.studies.study_file.study import Study
from twinface.training.build import check_components, check_network, check_steps


def study_source(study: Study, root: Path | None, align: bool | None = None) -> DataSource:
    """Where the pictures of a study come from.

    Args:
        study: names the data set.
        root: its folder; None if the data set finds it.
        align: whether faces are found and aligned; None does so in a folder of one's own, as `twinface train` does.
    """
    is_folder = study.data == "folder"
    return DataSource(
        study.data, str(root) if root else None, study.layout, align=is_folder if align is None else align
    )


def check_study(study: Study, source: DataSource) -> None:
    """Refuses a study in which some run could not begin.

    Raises:
        SettingsError: a setting does not exist or has an impossible value, or there are no people to test on.
        DataError: the data set is not there, or has too few people.
    """
    dataset, first = load_source(source), study.first_settings()
    split_dataset(dataset, first)  # raises if there are too few people
    networks: set[str] = set()
    for search in study.searches:
        for point in search.points_to_check():
            settings = search.settings(point)
            try:
                check_components(settings)
                build_preparation(settings.imaging, dataset.region, dataset.frame)
                # Building a network takes time and memory, and most points share one.
                network = (
                    f"{settings.network}{settings.imaging}{settings.trainer.epochs == 0}"
                    f"{settings.distillation}{settings.sampling}"
                )
                if network not in networks:
                    check_steps(settings, check_network(settings))
            except SettingsError as error:
                raise SettingsError(
                    f"{study.name}: part {search.name}, {describe(point)}: {error}"
                ) from error
            networks.add(network)
    if study.test and study.test.protocol == "unseen" and not first.data.test_people:
        raise SettingsError(
            'test.protocol = "unseen" needs people who are set aside: data.test_people is 0 in every search'
        )
    if study.test and study.test.protocol == "view1":
        dataset.protocol("view1")  # raises if the data set has no such pairs


def prepare_pictures(study: Study, source: DataSource, progress: ProgressCallback) -> None:
    """Prepares the pictures in each size and crop of the study once, so that trials do not do it at the same time.

    Args:
        study: the study.
        source: its data.
        progress: called with (pictures done, pictures in total).

    Raises:
        DataError, ImageError: pictures are missing or damaged.
    """
    dataset = load_source(source)
    split = split_dataset(dataset, study.first_settings())
    imaging = [
        search.settings(point).imaging for search in study.searches for point in search.points_to_check()
    ]
    for preparation in dict.fromkeys(
        build_preparation(each, dataset.region, dataset.frame) for each in imaging
    ):
        for faces in (split.source.faces, split.validation.faces):
            prepare_faces(faces, preparation, progress=progress)
