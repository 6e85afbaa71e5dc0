"""A study file: several searches, the seeds of their runs, and a final test. It is checked before anything runs.

```toml
title = "Which batch size?"
data = "orl"
seeds = [0, 1, 2]               # each point is trained once with each seed
objective = "auc"               # on validation people: accuracy, auc, one_shot or loss

[[parts]]                       # one search; a study may have several
name = "batches"
recipe = "demo"
method = "grid"                 # grid, random or guided
set = { trainer.epochs = 3 }    # the same for every point of this search
vary = { sampling.batch_size = [16, 32, 64], optimizer.learning_rate = [1e-3, 2e-3] }

[test]
protocol = "unseen"             # scored once, after all searches have ended
points = ["batches/best"]       # chosen here, before any result is known
```
"""

from __future__ import annotations

import hashlib
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

import tomli_w
from pydantic import Field, PrivateAttr, ValidationError, model_validator

from twinface.core.errors import SettingsError
from twinface.core.fields import Strict
from twinface.core.limits import LARGEST_SEED
from twinface.core.settings import Settings
from twinface.core.suggestion import nearest
from twinface.studies.study_file.search import Name, Range, Search

Objective = Literal["accuracy", "auc", "one_shot", "loss"]
OBJECTIVES = ("accuracy", "auc", "one_shot", "loss")
BEST = "best"  # "SEARCH/best" names the best trial of a search by the objective


class FinalTest(Strict):
    """What is scored on test people after all searches have ended, chosen before they begin.

    Attributes:
        protocol: "view1" of LFW, or "unseen" where people are set aside with data.test_people.
        points: "SEARCH/best", or the number of a trial: "SEARCH/0007".
    """

    protocol: Literal["view1", "unseen"]
    points: list[str]


class Study(Strict):
    """A whole study file; see the module's example.

    Attributes:
        title: a title to read.
        name: the study's name in a database that several studies share; default: the file's name.
        data, layout: the data set, as for `twinface train`.
        seeds: each point is trained once with each of them.
        search_seed: seed of the random and guided searches.
        objective: the figure by which points are compared, measured on validation people.
        searches: the searches; `[[parts]]` in the file.
        test: what is scored on test people at the end, or None.
        baselines: whether to compare with reference verifiers that take no training steps: pixels, principal
            components, an untrained network.
    """

    title: str
    name: Name = "study"
    data: str = "lfw"
    layout: str | None = None
    seeds: Annotated[list[Annotated[int, Field(ge=0, le=LARGEST_SEED)]], Field(min_length=1)] = Field(
        default=[0]
    )
    search_seed: Annotated[int, Field(ge=0)] = 0
    objective: Objective = "auc"
    searches: Annotated[list[Search], Field(min_length=1)] = Field(alias="parts")
    test: FinalTest | None = None
    baselines: bool = True
    _text: str | None = PrivateAttr(default=None)

    @model_validator(mode="after")
    def _consistent(self) -> Study:
        names = [search.name for search in self.searches]
        if len(set(names)) < len(names):
            raise ValueError(f"parts need different names, found {', '.join(names)}")
        if len(set(self.seeds)) < len(self.seeds):
            raise ValueError(f"seeds has a number twice: {self.seeds}")
        for point in self.test.points if self.test else ():
            search, _, number = point.partition("/")
            known = [f"{name}/{BEST}" for name in names]
            will_exist = search in names and (
                number == BEST or (number.isdecimal() and int(number) < self.search(search).size)
            )
            if not will_exist:
                raise ValueError(f'test.points: there will be no point "{point}"{nearest(point, known)}')
        return self

    def search(self, name: str) -> Search:
        """The search of that name, which must exist."""
        return next(search for search in self.searches if search.name == name)

    @property
    def size(self) -> int:
        """Number of points of all searches."""
        return sum(search.size for search in self.searches)

    def first_settings(self) -> Settings:
        """The settings of the first point. All points share its training, validation and test people.

        Raises:
            SettingsError: a field does not exist or has an impossible value.
        """
        search = self.searches[0]
        return search.settings(search.points_to_check()[0])

    @property
    def text(self) -> str:
        """The study file as TOML: as it was written, comments included, with the name added if it was not given."""
        if self._text is None:
            return tomli_w.dumps(self.model_dump(mode="json", by_alias=True, exclude_none=True))
        return self._text if "name" in tomllib.loads(self._text) else f'name = "{self.name}"\n{self._text}'

    def fingerprint(self) -> str:
        """SHA-256 of everything in the file; two studies with the same fingerprint ask for the same runs."""
        return hashlib.sha256(self.model_dump_json(by_alias=True).encode()).hexdigest()


def read_study(path: Path) -> Study:
    """Reads and checks a study file, including the settings of all points that are known in advance.

    Raises:
        SettingsError: the file cannot be read; a field, a value or a point's settings are wrong; or the objective is
            not one that validation people give.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")  # editors on Windows begin a file with a mark
        values = tomllib.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: cannot be read as a study ({error}); give a TOML file") from error
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path}: not TOML: {error}") from error
    objective = values.get("objective")
    if objective is not None and objective not in OBJECTIVES:
        raise SettingsError(
            f'{path}: objective = "{objective}": a search sees validation people only'
            f"{nearest(str(objective), OBJECTIVES)}"
        )
    name = "".join(c if c.isascii() and c.isalnum() else "-" for c in path.stem.lower()).strip("-")
    values.setdefault("name", name or "study")
    try:
        study = Study.model_validate(values)
        _check_points(study)
        study._text = text
    except ValidationError as error:
        raise SettingsError(f"{path}: {_first_problem(error)}") from error
    except SettingsError as error:
        raise SettingsError(f"{path}: {error}") from error
    return study


def _check_points(study: Study) -> None:
    """Checks the settings of every point, and that all points share people and validation pairs."""
    shared: dict[str, Any] = {}
    for search in study.searches:
        for point in search.points_to_check():
            settings = search.settings(point)
            these = {
                "data": settings.data,
                "validation.pairs": settings.validation.pairs,
                "validation.per_person": settings.validation.per_person,
            }
            for field, value in these.items():
                if shared.setdefault(field, value) != value:
                    raise SettingsError(
                        f"part {search.name}: {field} differs from that of part {study.searches[0].name}; points "
                        "with other validation pairs cannot be compared: set it to the same in each search, or make "
                        "two studies"
                    )


def _first_problem(error: ValidationError) -> str:
    """One line about the first problem; a misspelt field comes before a missing one."""
    problems = error.errors()
    problem = next((each for each in problems if each["type"] == "extra_forbidden"), problems[0])
    # Where a value may be a list or a range, pydantic tries both, and adds to the place which of the two it tried.
    if problem["type"] == "list_type" and isinstance(problem["input"], dict):
        problem = next(each for each in problems if any("Range" in str(step) for step in each["loc"]))
    tried = [str(step) for step in problem["loc"]]
    place = [step for step in tried if "Range" not in step and not step.startswith("list[")]
    if problem["type"] == "extra_forbidden":
        known = Study.model_fields
        if place != tried:
            known = Range.model_fields
        elif len(place) > 1:
            known = {"parts": Search.model_fields, "test": FinalTest.model_fields}.get(place[0], known)
        words = [field.alias or name for name, field in known.items()]
        return f'unknown field "{".".join(place)}"{nearest(place[-1], words)}'
    message = problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "list_type" and place != tried:
        message = f"need a list of values, or a table with low and high (found {problem['input']!r})"
    return f"{'.'.join(place) or 'study'}: {message}"
