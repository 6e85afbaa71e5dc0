"""One search of a study: which settings vary, over which values, and how points are chosen."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, PositiveInt, field_validator, model_validator

from twinface.core.fields import Strict
from twinface.core.settings import Settings, settings_from
from twinface.studies.study_file.point import Point
from twinface.training.recipe import assign, read_recipe

Method = Literal["grid", "random", "guided"]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
# These settings choose the validation people and their pairs. All points of a study share them: results on different
# pairs cannot be compared.
SHARED = ("data", "validation.pairs", "validation.per_person")


class Range(Strict):
    """All numbers between two ends, for random and guided search.

    Whole numbers are drawn if `low`, `high` and `step` are all written without a decimal point.

    Attributes:
        low, high: the ends; both can be drawn, `high` only if steps reach it.
        log: draw evenly on a logarithmic scale.
        step: draw only `low + k * step`.
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
            raise ValueError(f"found low = {self.low} with log, need low above 0")
        if self.log and self.step:
            raise ValueError("found log and step, need only one of them")
        return self

    @property
    def whole(self) -> bool:
        """Whether only whole numbers are drawn."""
        return isinstance(self.low, int) and isinstance(self.high, int) and isinstance(self.step or 1, int)

    @property
    def highest(self) -> int | float:
        """The highest number that can be drawn.

        >>> Range(low=1, high=10, step=4).highest, Range(low=0.0, high=0.3, step=0.1).highest
        (9, 0.3)
        """
        if self.step is None:
            return self.high
        steps = math.floor((self.high - self.low) / self.step + 1e-9)
        return min(self.high, self.low + steps * self.step)


class Search(Strict):
    """A search over some settings; all other settings stay the same. A study file calls it `[[parts]]`.

    Attributes:
        name: small letters, digits and hyphens; its trials are NAME/0000, NAME/0001 …
        recipe: the settings that every point starts from, unless `recipe` itself varies.
        method: "grid" takes every combination, "random" draws points, "guided" (TPE) learns from earlier points where
            to draw.
        set: fields and their values, the same for every point.
        vary: fields, each with a list of values or a `Range`.
        trials: number of points to draw; not given for a grid, which has one point for each combination.
        batch: number of points that are proposed together. A guided search learns, and pruning compares, from one
            batch to the next.
        prune: stop a trial after an epoch in which its best value so far is below the median of the trials of earlier
            batches at that epoch (after Golovin et al. 2017, section 3.2.2).
        prune_after: the first epoch after which a trial may be stopped.
    """

    name: Name
    recipe: str = "default"
    method: Method = "grid"
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
    def _complete(self) -> Search:
        if not self.vary:
            raise ValueError("nothing varies: the search is empty")
        for field, choices in self.vary.items():
            _check_choices(field, choices, self.method)
            if field in self.set:
                raise ValueError(f"{field} is both set and varied")
        if self.method == "grid" and self.trials:
            raise ValueError("a grid search has one trial for each combination: leave trials out")
        if self.method != "grid" and not self.trials:
            raise ValueError(f"a {self.method} search needs trials")
        return self

    def grid(self) -> list[Point]:
        """Every combination of the listed values; the last field changes fastest."""
        values = [choices for choices in self.vary.values() if isinstance(choices, list)]
        return [dict(zip(self.vary, chosen, strict=True)) for chosen in itertools.product(*values)]

    @property
    def size(self) -> int:
        """Number of points that the whole search has."""
        return self.trials or len(self.grid())

    def points_to_check(self) -> list[Point]:
        """A grid's points; otherwise points that together contain every listed value and both ends of every range.

        They are used to check settings and to estimate costs before anything is trained.
        """
        if self.method == "grid":
            return self.grid()
        sides = [
            choices if isinstance(choices, list) else [choices.low, choices.highest]
            for choices in self.vary.values()
        ]
        longest = max(map(len, sides))
        return [
            dict(zip(self.vary, (side[min(row, len(side) - 1)] for side in sides), strict=True))
            for row in range(longest)
        ]

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


def _check_choices(field: str, choices: list[Any] | Range, method: Method) -> None:
    if isinstance(choices, Range):
        if method == "grid":
            raise ValueError(f"{field} is a range, and a grid needs a list of values")
    elif not choices:
        raise ValueError(f"{field} has no values: the search is empty")
    elif len({repr(choice) for choice in choices}) < len(choices):
        raise ValueError(f"{field} has a value twice: {choices}")
    if field.startswith("data.") or field in SHARED:
        raise ValueError(f"{field} may not vary: points with other validation pairs cannot be compared")


def _flattened(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """`{"trainer": {"epochs": 5}}` → `{"trainer.epochs": 5}`, because TOML reads dotted names as tables.

    A table with `name` is a component, and one with `low` or `high` is a range: both are values and stay whole.
    """
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping) and not ({"low", "high", "name"} & set(value)):
            flat |= _flattened(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat
