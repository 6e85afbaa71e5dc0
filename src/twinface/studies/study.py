"""What a study file says, checked before anything runs.

```toml
title = "Which batch size?"
data = "orl"
seeds = [0, 1, 2]               # each point is trained once with each
objective = "auc"               # of validation people: accuracy, auc, one_shot or loss

[[parts]]
name = "batches"
recipe = "demo"
method = "grid"                 # grid, random or guided
set = { trainer.epochs = 3 }    # for every point of this part
vary = { sampling.batch_size = [16, 32, 64], optimizer.learning_rate = [1e-3, 2e-3] }

[test]
protocol = "unseen"             # scored once, when all else is done
points = ["batches/best"]       # named now, before anything is known
```
"""

from __future__ import annotations

import itertools
import math
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, PositiveInt, ValidationError, field_validator, model_validator

from twinface.core.errors import SettingsError
from twinface.core.settings import Settings, Strict, nearest, settings_from
from twinface.training.recipe import assign, read_recipe

OBJECTIVES = ("accuracy", "auc", "one_shot", "loss")
TESTS = ("view1", "unseen")
BEST = "best"  # of a part: its best point by the objective
# What decides who is validated on, and on which pairs: the same for all points, or they could not be compared.
SHARED = ("data", "validation.pairs", "validation.per_person")

Point = Mapping[str, Any]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]


class Range(Strict):
    """Numbers between two ends, for random and guided search.

    Attributes:
        low, high: both ends may come.
        log: draw the logarithm evenly.
        step: only `low + k * step`.

    Whole numbers are drawn where both ends are written without a point.
    """

    low: int | float
    high: int | float
    log: bool = False
    step: Annotated[int | float, Field(gt=0)] | None = None

    @model_validator(mode="after")
    def _ordered(self) -> Range:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise ValueError(f"found low = {self.low} and high = {self.high}, need low below high")
        if self.log and self.low <= 0:
            raise ValueError(f"found low = {self.low} with log, need it above 0")
        if self.log and self.step:
            raise ValueError("found log and step, need one of them")
        return self

    @property
    def whole(self) -> bool:
        """Whether only whole numbers are meant."""
        return isinstance(self.low, int) and isinstance(self.high, int) and isinstance(self.step or 1, int)


class Part(Strict):
    """A search over some fields, all else being equal.

    Attributes:
        name: small letters, digits and hyphens; its points are NAME-0000, NAME-0001 …
        recipe: what every point begins with, unless `recipe` itself varies.
        method: "grid" takes every combination, "random" draws, "guided" learns where to draw (TPE).
        set: fields and their values, for every point.
        vary: fields, and a list of values or a `Range` for each.
        trials: how many points are drawn; a grid has as many as it has.
        batch: how many points are proposed together; a guided search learns, and pruning compares, between batches.
        prune: give a point up after an epoch in which its best value so far is below the median of the points of
            earlier batches (Golovin et al. 2017, section 3.2.2).
        prune_after: not before so many epochs.
    """

    name: Name
    recipe: str = "default"
    method: Literal["grid", "random", "guided"] = "grid"
    set: dict[str, Any] = Field(default_factory=dict)
    vary: dict[str, list[Any] | Range]
    trials: PositiveInt | None = None
    batch: PositiveInt = 4
    prune: bool = False
    prune_after: PositiveInt = 3

    @field_validator("set", "vary", mode="before")
    @classmethod
    def _flat(cls, value: Any) -> Any:
        return _flattened(value) if isinstance(value, dict) else value

    @model_validator(mode="after")
    def _complete(self) -> Part:
        for field, choices in self.vary.items():
            if isinstance(choices, list) and not choices:
                raise ValueError(f"{field} has no values: the search is empty")
            if isinstance(choices, list) and len({repr(choice) for choice in choices}) < len(choices):
                raise ValueError(f"{field} has a value twice: {choices}")
            if isinstance(choices, Range) and self.method == "grid":
                raise ValueError(f"{field} is a range, and a grid needs a list of values")
            if field in self.set:
                raise ValueError(f"{field} is both set and varied")
            if field.startswith("data.") or field in SHARED:
                raise ValueError(
                    f"{field} may not vary: points with other validation pairs cannot be compared"
                )
        if not self.vary:
            raise ValueError("nothing varies: the search is empty")
        if (self.trials is None) != (self.method == "grid"):
            raise ValueError(
                f"a {self.method} search "
                + ("has as many trials as combinations: leave trials out" if self.trials else "needs trials")
            )
        return self

    def grid(self) -> list[Point]:
        """Every combination, the last field changing fastest."""
        values = [choices for choices in self.vary.values() if isinstance(choices, list)]
        return [dict(zip(self.vary, chosen, strict=True)) for chosen in itertools.product(*values)]

    @property
    def size(self) -> int:
        """How many points there will be."""
        return self.trials or len(self.grid())

    def settings(self, point: Point) -> Settings:
        """The settings of a run at a point.

        Raises:
            SettingsError: a field does not exist or has an impossible value.
        """
        values, _ = read_recipe(str(point.get("recipe", self.recipe)))
        source = f"part {self.name}"
        for field, value in [*self.set.items(), *point.items()]:
            if field != "recipe":
                values = assign(values, field, value, source)
        return settings_from(values, source)


class Test(Strict):
    """What is scored on test people once the search is over, named before it begins.

    Attributes:
        protocol: "view1" of LFW, or "unseen" where people are set aside with data.test_people.
        points: "PART/best", or "PART/0007".
    """

    __test__ = False  # no class of tests, whatever its name makes pytest think

    protocol: Literal["view1", "unseen"]
    points: list[str]


class Study(Strict):
    """A whole study file; see the module's example.

    Attributes:
        title: what it is about, for people.
        name: what it is called in storage that studies share; the file's own name if left out.
        data, layout: the data set, as for `twinface train`.
        seeds: each point is trained with each.
        search_seed: of what is drawn.
        objective: what is compared, on validation people.
        parts: the searches.
        test: what is scored at the end.
        baselines: hold the points against what costs nothing: pixels, principal components, an untrained network.
    """

    title: str
    name: Name = "study"
    data: str = "lfw"
    layout: str | None = None
    seeds: Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1)] = Field(default=[0])
    search_seed: Annotated[int, Field(ge=0)] = 0
    objective: Literal["accuracy", "auc", "one_shot", "loss"] = "auc"
    parts: Annotated[list[Part], Field(min_length=1)]
    test: Test | None = None
    baselines: bool = True

    @model_validator(mode="after")
    def _consistent(self) -> Study:
        names = [part.name for part in self.parts]
        if len(set(names)) < len(names):
            raise ValueError(f"parts need different names, found {', '.join(names)}")
        if len(set(self.seeds)) < len(self.seeds):
            raise ValueError(f"seeds has a number twice: {self.seeds}")
        for point in self.test.points if self.test else ():
            part, _, number = point.partition("/")
            known = [f"{name}/{BEST}" for name in names]
            fits = part in names and (
                number == BEST or (number.isdigit() and int(number) < self.part(part).size)
            )
            if not fits:
                raise ValueError(f'test.points: there will be no point "{point}"{nearest(point, known)}')
        return self

    def part(self, name: str) -> Part:
        """The part of that name."""
        return next(part for part in self.parts if part.name == name)


def read_study(path: Path) -> Study:
    """Reads and checks a study file, down to the settings of every point that is known in advance.

    Raises:
        SettingsError: the file, a field, a value or a point's settings are wrong; a test is named as objective.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
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
    values.setdefault(
        "name", "".join(c if c.isalnum() else "-" for c in path.stem.lower()).strip("-") or "study"
    )
    try:
        study = Study.model_validate(values)
    except ValidationError as error:
        raise SettingsError(f"{path}: {_first_problem(error)}") from error
    try:
        _check_points(study)
    except SettingsError as error:
        raise SettingsError(f"{path}: {error}") from error
    return study


def trial_points(part: Part) -> list[Point]:
    """Points that together have every value and every end of a range that can come: to check, not to train."""
    if part.method == "grid":
        return part.grid()
    sides = [
        choices if isinstance(choices, list) else [choices.low, choices.high]
        for choices in part.vary.values()
    ]
    longest = max(map(len, sides))
    return [
        dict(zip(part.vary, (side[min(row, len(side) - 1)] for side in sides), strict=True))
        for row in range(longest)
    ]


def first_settings(study: Study) -> Settings:
    """The settings of a study's first point; who is trained and tuned on is the same in all of them."""
    part = study.parts[0]
    return part.settings(trial_points(part)[0])


def describe(point: Point) -> str:
    """A point in a line: the last names of its fields and their values.

    >>> describe({"optimizer.learning_rate": 0.001, "trainer.epochs": 5})
    'learning_rate 0.001, epochs 5'
    """
    return ", ".join(f"{field.split('.')[-1]} {readable(value)}" for field, value in point.items())


def readable(value: Any) -> str:
    """A setting's value in few letters.

    >>> readable(0.001), readable({"name": "koch", "dropout": 0.2}), readable([1, 2])
    ('0.001', 'koch dropout 0.2', '1 2')
    """
    if isinstance(value, Mapping):
        rest = [f"{key} {readable(each)}" for key, each in value.items() if key != "name"]
        return " ".join([str(value.get("name", "")), *rest]).strip()
    if isinstance(value, list | tuple):
        return " ".join(map(readable, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def _check_points(study: Study) -> None:
    shared: dict[str, Any] = {}
    for part in study.parts:
        for point in trial_points(part):
            settings = part.settings(point)
            these = {
                "data": settings.data,
                "validation.pairs": settings.validation.pairs,
                "validation.per_person": settings.validation.per_person,
            }
            for field, value in these.items():
                if shared.setdefault(field, value) != value:
                    raise SettingsError(
                        f"part {part.name}: {field} differs from that of part {study.parts[0].name}; points with other "
                        "validation pairs cannot be compared: set it to the same in each part, or make two studies"
                    )


def _flattened(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """`{"trainer": {"epochs": 5}}` as `{"trainer.epochs": 5}`, since TOML reads dotted names as tables."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping) and not ({"low", "high", "name"} & set(value)):
            flat |= _flattened(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat


def _first_problem(error: ValidationError) -> str:
    """One line about what is wrong first, a misspelt field before one that is missing."""
    problems = error.errors()
    problem = next((each for each in problems if each["type"] == "extra_forbidden"), problems[0])
    # Where a value may be a list or a range, the place says which of them was tried.
    tried = [str(part) for part in problem["loc"]]
    place = [part for part in tried if "Range" not in part and not part.startswith("list[")]
    if problem["type"] == "extra_forbidden":
        known = Study.model_fields
        if place != tried:
            known = Range.model_fields
        elif len(place) > 1:
            known = {"parts": Part.model_fields, "test": Test.model_fields}.get(place[0], known)
        return f'unknown field "{".".join(place)}"{nearest(place[-1], known)}'
    message = problem["msg"].removeprefix("Value error, ")
    return f"{'.'.join(place) or 'study'}: {message}"
