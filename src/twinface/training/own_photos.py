"""A folder of one's own photos → recipe, split and judgement that suit the number of people in it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from twinface.core.errors import DataError
from twinface.core.formatting import count
from twinface.core.settings import Settings, settings_from
from twinface.core.types import FaceSet
from twinface.datasets.data_source import DataSource
from twinface.datasets.dataset import Dataset
from twinface.datasets.folder import Folder
from twinface.faces.files import read_bytes
from twinface.faces.frame import STANDARD_FRAME
from twinface.faces.header import read_image_header
from twinface.training.recipe import override, read_recipe

HEAD = "sface"  # the recipe that is the best one here for any number of people, see docs/own-photos.md
FRAMED = "fast"  # the same for pictures that are not aligned here: its network needs no landmarks
FEWEST_FOR_A_HEAD = 4  # people with two pictures; of fewer, centring does more harm than good
FEWEST_FOR_PARTS = 6  # each part of a cross-validation needs four people to fit to
FEWEST_FOR_A_TEST = 10
# People with two pictures; of fewer, all are judged once, in parts: a third of them says too little.
FEW = 100
PARTS = 3
GROUPS = 5  # of the cross-fitting


@dataclass(frozen=True)
class OwnPhotosPlan:
    """How a folder of photos is trained on.

    Attributes:
        settings: of the run.
        said: what was found and decided, in sentences for people.
        warnings: what cannot be known from so few people.
    """

    settings: Settings
    said: tuple[str, ...]
    warnings: tuple[str, ...]


def own_photos(root: Path | str, align: bool = True) -> DataSource:
    """Photos of one's own as the source of a run. It can be used from any working directory.

    Raises:
        DataError: there is no such folder.
    """
    Folder(root)
    return DataSource("folder", os.path.abspath(Path(root).expanduser()), align=align)  # noqa: PTH100 (keeps links)


def plan_training(
    dataset: Dataset, recipe: str | None = None, overrides: Iterable[str] = ()
) -> OwnPhotosPlan:
    """Chooses a recipe for the people of a data set, unless one is named, and who judges it.

    Args:
        dataset: a folder of people.
        recipe: a name or a TOML file; None chooses.
        overrides: of single settings; they count more than what is chosen here.

    Raises:
        DataError: there are fewer than two people with pictures, or nobody has two.
        SettingsError: recipe or overrides are wrong.
    """
    faces = dataset.training_faces()
    people, several = len(faces.names), int((np.bincount(faces.people) > 1).sum())
    _check(faces, several)
    said = [
        f"{faces.name}: {count(len(faces), 'photo')} of {people:,} people, {several:,} of them with two or more"
    ]
    aligned = dataset.frame is not None
    if recipe is None:
        chosen, why = _head(people, several, aligned)
        said.append(why)
    else:
        chosen = _held_out(people, several)
    values, source = read_recipe(recipe or usual_recipe(aligned))
    if recipe is not None and values.get("data", {}).get("test_people"):
        chosen = {}  # it was made for so many people
    changes = ["data.stratified=true", *(_as_they_are(faces) if recipe is None and not aligned else [])]
    changes += [f"{field}={value}" for field, value in chosen.items()]
    settings = settings_from(override(override(values, changes), overrides), source)
    if settings.validation.metric == "one-shot":
        changes.append(f"validation.ways={min(settings.validation.ways, _validating(settings, people))}")
        settings = settings_from(override(override(values, changes), overrides), source)
    said.append(_who(settings, people))
    return OwnPhotosPlan(settings, tuple(said), _warnings(settings, faces, several))


def _warnings(settings: Settings, faces: FaceSet, several: int) -> tuple[str, ...]:
    """What cannot be known of a model of so few people."""
    if several >= FEWEST_FOR_A_TEST:
        return ()
    few = f"fewer than {FEWEST_FOR_A_TEST} people have two photos or more, so"
    if settings.data.test_people:
        return (f"{few} the interval of each figure is wide",)
    if settings.data.cross_fitting == 1:
        return (
            f"with {count(several, 'person')} of two photos or more, nothing but a threshold can be fitted, and it was "
            "fitted on all of them: how often it errs on other people cannot be known. What can be done: add people, "
            f"{FEWEST_FOR_PARTS} give a first figure and {FEWEST_FOR_A_TEST} a test; or use a model as it is "
            "(twinface verify A B), or adapted or calibrated to photos like yours (twinface --help)",
        )
    known = (
        "each person is judged once, by a model without them, so the figure is for other people, and its interval is "
        "wide"
        if parts_to_judge(settings, faces)
        else "how often it errs on other people cannot be known"
    )
    return (f"{few} nobody is kept out for a test; {known}",)


def usual_recipe(aligned: bool) -> str:
    """The recipe for people of one's own where none is named.

    Args:
        aligned: their pictures are aligned, so that it is known where the landmarks are.
    """
    return HEAD if aligned else FRAMED


def _as_they_are(faces: FaceSet) -> list[str]:
    """Changes of the recipe `FRAMED`: the head of the recipe `HEAD`, and the part of the picture that has the face."""
    head = read_recipe(HEAD)[0]["projection"]
    changes = [
        f"projection={head.pop('name')}",
        *(f"projection.{field}={value}" for field, value in head.items()),
    ]
    changes += ["score_normalisation.spread=0", "score_normalisation.clarity=0"]
    first = faces.root / faces.paths[0]
    header = read_image_header(read_bytes(first), str(first))
    if (header.height, header.width) != (STANDARD_FRAME.height, STANDARD_FRAME.width):
        # The recipe's own region is for the frame of LFW-a, which has a wide margin.
        changes.append("imaging.region=frame")
    return changes


def _head(people: int, several: int, aligned: bool) -> tuple[dict[str, object], str]:
    """Changes of the recipe, and the sentence that says which it is."""
    network, best = (
        (
            "the pretrained network SFace (trained on labelled outside data)",
            "no recipe here was better for any number of people",
        )
        if aligned
        else (
            "histograms of gradients",
            "pictures are taken as they are, and SFace, far better, needs aligned ones",
        )
    )
    recipe = usual_recipe(aligned)
    if several < FEWEST_FOR_A_HEAD:
        why = f"recipe {recipe}: {network} without a head, and a threshold fitted to these people"
        return {"projection": "none", "data.cross_fitting": 1}, why
    why = f"recipe {recipe}: a head on {network}; {best}"
    chosen: dict[str, object] = {"data.cross_fitting": GROUPS}
    if several >= FEWEST_FOR_A_TEST:
        chosen["data.test_people"] = people_to_test(people, several)
    return chosen, why


def _held_out(people: int, several: int) -> dict[str, object]:
    """Changes of a named recipe: who is kept out, and of few people, how many choose threshold and epoch."""
    tested = people_to_test(people, several) if several >= FEWEST_FOR_A_TEST else 0
    return {
        "data.test_people": tested,
        **({"data.validation_people": max(2, (people - tested) // 4)} if several < FEW else {}),
    }


def people_to_test(people: int, several: int) -> int:
    """How many people are kept out to judge the model: a third of few, a tenth of many.

    The share is that of the people with several pictures, because nobody else has a genuine pair; of the others the
    same share is kept out.

    Args:
        people: of the data set.
        several: how many of them have two pictures or more.

    >>> [people_to_test(number, number) for number in (10, 40, 99, 100, 900, 2_000, 50_000)]
    [3, 13, 33, 20, 180, 200, 500]
    >>> people_to_test(111, 11)
    40
    """
    of_many = several // 5 if several < 1000 else min(500, several // 10)
    tested = round(several / 3) if several < FEW else of_many
    return round(tested * people / several)


def parts_to_judge(settings: Settings, faces: FaceSet) -> int:
    """In how many parts the people of a run are judged by models without them; 0 where that is not needed or possible.

    Args:
        settings: of the run.
        faces: of its data set.
    """
    several = int((np.bincount(faces.people) > 1).sum())
    return PARTS if FEWEST_FOR_PARTS <= several < FEW and settings.data.cross_fitting > 1 else 0


def _number(wanted: int | float, people: int) -> int:
    """How many people a setting means: a number of people, or a fraction of them."""
    return wanted if isinstance(wanted, int) else round(wanted * people)


def _validating(settings: Settings, people: int) -> int:
    """How many people are validated on, at least 2."""
    rest = people - _number(settings.data.test_people, people)
    return max(2, rest if settings.data.cross_fitting else _number(settings.data.validation_people, rest))


def _who(settings: Settings, people: int) -> str:
    data = settings.data
    tested = _number(data.test_people, people)
    rest = people - tested
    kept = f"{tested} people are kept out of everything and judge the model in the end; " if tested else ""
    if data.cross_fitting > 1:
        return f"{kept}{rest} people are trained on, and for the threshold each is scored by a model without them"
    if data.cross_fitting:
        return f"{kept}the threshold is fitted on all {rest} people"
    return f"{kept}of the other {rest}, most are trained on, and the rest choose the threshold"


def _check(faces: FaceSet, several: int) -> None:
    """Refuses people who have too few photos to learn from."""
    if len(faces.names) < 2:
        raise DataError(
            f"{faces.name}: photos of {len(faces.names)} person can be used, need 2 people or more: add people"
        )
    pairs = np.bincount(faces.people)
    if int((pairs * (pairs - 1) // 2).sum()) < 2:
        raise DataError(
            f"{faces.name}: {several} of {len(faces.names)} people have two usable photos or more, need two people "
            "with two each, or one with three: add photos. Without them, use a model as it is: twinface verify A B"
        )
