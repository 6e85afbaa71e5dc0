"""Every setting of a training run, in one schema that needs no torch.

The same schema checks a recipe (TOML), a `--set` override, a run folder's `settings.toml` and a model file. A setting
that does not exist is refused, and the nearest one that does is named.

The settings of one component (a backbone's channels, a loss's margin) are in the same table as the component's `name`.
They are checked against the arguments of its constructor; see `registry`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError, model_validator

from twinface.core.errors import SettingsError
from twinface.core.fields import Strict
from twinface.core.registry import Component
from twinface.core.settings_sections import (
    AugmentSettings,
    DataSettings,
    DistillationSettings,
    ImagingSettings,
    NetworkSettings,
    ScoreNormalisationSettings,
    TrainerSettings,
    ValidationSettings,
)
from twinface.core.suggestion import nearest


class Settings(Strict):
    """The settings of a whole training run.

    Attributes:
        recipe: the name of the recipe that the run began with.
        description: of the recipe, in a sentence.
        suits: the photos that the recipe is for, in a few words.
        data: see `DataSettings`; so with the other sections.
        sampling: an entry of `training.sampling.SAMPLERS`, with its settings.
        loss: an entry of `training.losses.LOSSES`.
        projection: an entry of `networks.projections.PROJECTIONS`.
        optimizer: an entry of `training.optimizers.OPTIMIZERS`.
        schedule: an entry of `training.schedules.SCHEDULES`.
    """

    recipe: str = "custom"
    description: str = ""
    suits: str = ""
    data: DataSettings = DataSettings()
    imaging: ImagingSettings = ImagingSettings()
    augment: AugmentSettings = AugmentSettings()
    sampling: Component = Component(name="images")
    network: NetworkSettings = NetworkSettings()
    loss: Component = Component(name="cosface")
    distillation: DistillationSettings = DistillationSettings()
    projection: Component = Component(name="none")
    score_normalisation: ScoreNormalisationSettings = ScoreNormalisationSettings()
    optimizer: Component = Component(name="adamw")
    schedule: Component = Component(name="constant")
    validation: ValidationSettings = ValidationSettings()
    trainer: TrainerSettings = TrainerSettings()

    @model_validator(mode="after")
    def _pairs_need_pairs(self) -> Settings:
        if (self.data.supervision == "pairs") != (self.sampling.name == "given-pairs"):
            raise ValueError(
                f'data.supervision = "{self.data.supervision}" does not go with sampling.name = '
                f'"{self.sampling.name}": "given-pairs" samples labelled pairs, all others sample people'
            )
        return self

    @model_validator(mode="after")
    def _cross_fitting_needs_no_steps(self) -> Settings:
        fitted = self.projection.name != "none" or self.score_normalisation.wanted
        if self.data.cross_fitting and (self.trainer.epochs or self.data.supervision != "people"):
            raise ValueError(
                f"data.cross_fitting = {self.data.cross_fitting} needs trainer.epochs = 0 and data.supervision = "
                f'"people", found {self.trainer.epochs} and "{self.data.supervision}"'
            )
        if self.data.cross_fitting == 1 and fitted:
            raise ValueError(
                "data.cross_fitting = 1 needs a model in which nothing is fitted to people: projection.name = "
                f'"none" and no score normalisation, found "{self.projection.name}"; take 2 groups or more'
            )
        return self

    def to_dict(self) -> dict[str, Any]:
        """Plain values for TOML and JSON; settings that are None are left out."""
        return self.model_dump(mode="json", exclude_none=True)


def flattened(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Tables within tables as dotted names.

    >>> flattened({"seed": 0, "trainer": {"epochs": 5}})
    {'seed': 0, 'trainer.epochs': 5}
    """
    flat: dict[str, Any] = {}
    for name, value in values.items():
        flat |= (
            flattened(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {f"{prefix}{name}": value}
        )
    return flat


# Former name of a section → its name. Files with the former name are still read.
_RENAMED_SECTIONS = {"shift": "score_normalisation"}


def settings_from(values: Mapping[str, Any], source: str) -> Settings:
    """Settings from plain values, as a TOML file or JSON has them.

    Args:
        values: section → its values; sections under a former name are read as well.
        source: where they come from, for errors: a file or a recipe.

    Raises:
        SettingsError: a field is unknown (the nearest one is named) or has an impossible value.
    """
    try:
        return Settings.model_validate(
            {_RENAMED_SECTIONS.get(key, key): value for key, value in values.items()}
        )
    except ValidationError as error:
        raise SettingsError(f"{source}: {_first_problem(error)}") from error


def _first_problem(error: ValidationError) -> str:
    """One line about the first problem; for an unknown field, with the nearest one that exists."""
    problems = error.errors()
    first = problems[0]
    if first["type"] == "extra_forbidden":
        place = [str(part) for part in first["loc"]]
        model: Any = Settings
        for part in place[:-1]:
            model = model.model_fields[part].annotation
        return f'unknown field "{".".join(place)}"{nearest(place[-1], model.model_fields)}'
    # A field that takes values of several types has a problem for each. The innermost is about the type that is meant.
    same_field = [each for each in problems if each["loc"][:2] == first["loc"][:2]]
    problem = max(same_field, key=lambda each: len(each["loc"]))
    found = "" if isinstance(problem["input"], dict) else f" (found {problem['input']!r})"
    return f"{_field_at(problem['loc'])}: {problem['msg']}{found}"


def _field_at(place: tuple[int | str, ...]) -> str:
    """The dotted name of a field, without the types that pydantic adds to the place of a problem."""
    names, fields = [], Settings.model_fields
    for part in place:
        if isinstance(part, int):
            names.append(str(part))
        elif part in fields:
            names.append(part)
            fields = getattr(fields[part].annotation, "model_fields", {})
    return ".".join(names) or "settings"
