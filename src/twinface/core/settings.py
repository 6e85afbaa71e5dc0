"""Every setting of a training run, in one schema that needs no torch.

The same schema checks a recipe (TOML), a `--set` override, a run folder's `settings.toml` and a model
file. A setting that does not exist is refused with the nearest one that does.

Settings that belong to one component (a backbone's channels, a loss's margin) stand beside the
component's `name` and are checked against the arguments of its constructor; see `components.py`.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from twinface.core.errors import SettingsError

# The number types that settings share.
Fraction = Annotated[float, Field(ge=0, lt=1)]
PositiveInt = Annotated[int, Field(ge=1)]


class Strict(BaseModel):
    """Frozen, and nothing unknown gets in."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Component(BaseModel):
    """One entry of a table of constructors: its `name`, and the constructor's own arguments beside it."""

    model_config = ConfigDict(extra="allow", frozen=True)
    name: str

    @property
    def options(self) -> dict[str, Any]:
        """The arguments beside `name`."""
        return dict(self.__pydantic_extra__ or {})


class DataSettings(Strict):
    """Which faces are learnt from, and which people are kept out.

    Attributes:
        supervision: "people" may use the names of the training people (LFW's unrestricted protocol);
            "pairs" uses the official labelled pairs alone (image-restricted).
        validation_people: people kept out of training to choose the best epoch, the threshold and the
            calibration: a number of people, or a share below 1. With "pairs" always a share of the pairs.
        test_people: people kept out of everything, for data sets without official test lists. The split
            depends on `split_seed` and `test_part` alone, so that runs with other seeds share it.
        test_part: which people those are; no person is in two parts of one `split_seed`, so that runs with the parts
            0, 1, 2 … are a cross-validation.
    """

    supervision: Literal["people", "pairs"] = "people"
    validation_people: Annotated[int | float, Field(gt=0)] = 0.1
    test_people: Annotated[int | float, Field(ge=0)] = 0
    test_part: Annotated[int, Field(ge=0)] = 0
    split_seed: int = 0


class ImagingSettings(Strict):
    """How a picture becomes the input of the network.

    Attributes:
        region: "face" for the data set's own tight crop, "frame" for the whole picture, or
            [top, left, height, width] as fractions of the picture.
        height, width: of the input, in pixels.
        color: "gray" or "rgb".
    """

    region: Literal["face", "frame"] | tuple[float, float, float, float] = "face"
    height: Annotated[int, Field(ge=16, le=1024)] = 64
    width: Annotated[int, Field(ge=16, le=1024)] = 64
    color: Literal["gray", "rgb"] = "gray"


class AugmentSettings(Strict):
    """Random changes to the training pictures, drawn for each picture on its own.

    Attributes:
        probability: that a picture is warped at all (each of the five warps has this chance).
        rotation: up to this many degrees either way.
        shear: up to this horizontal shear either way (0.3 moves a row by 0.3 of its distance to the centre).
        scale: up to this share larger or smaller, in width and height independently (Koch et al. 2015).
        zoom: up to this share larger or smaller, in width and height alike, so that faces keep their proportions.
        shift: up to this many pixels either way, in both directions.
        flip: chance of mirroring the picture.
        brightness, contrast: up to this share of the grey range, or of the contrast, either way.
        erase: chance of painting a random rectangle grey (Zhong et al. 2020).
    """

    probability: Annotated[float, Field(ge=0, le=1)] = 0.0
    rotation: Annotated[float, Field(ge=0, le=180)] = 0.0
    shear: Annotated[float, Field(ge=0, le=1)] = 0.0
    scale: Fraction = 0.0
    zoom: Fraction = 0.0
    shift: Annotated[float, Field(ge=0)] = 0.0
    flip: Annotated[float, Field(ge=0, le=1)] = 0.0
    brightness: Fraction = 0.0
    contrast: Fraction = 0.0
    erase: Annotated[float, Field(ge=0, le=1)] = 0.0


class NetworkSettings(Strict):
    """The network: one backbone used twice, and the distance between its two embeddings.

    Attributes:
        backbone: from `backbones.BACKBONES`.
        distance: from `distances.DISTANCES`.
        initialisation: from `initialisation.INITIALISATIONS`.
        normalisation: of the input pixels: "unit" divides by 255, "per-image" makes each picture's mean 0
            and standard deviation 1.
        flip_average: embed a picture and its mirror image and average the two, when the model is used.
    """

    backbone: Component = Component(name="residual")
    distance: str = "cosine"
    initialisation: str = "he"
    normalisation: Literal["unit", "per-image"] = "per-image"
    flip_average: bool = True


class ScoreNormalisationSettings(Strict):
    """What is taken off each face's scores when the model is used; see `networks.score_normalisation`.

    Attributes:
        spread: how much of the root mean square of a face's cosines to training people.
        clarity: how much of the logarithm of how clear its picture is, where the projection is PLDA.
    """

    spread: Annotated[float, Field(ge=0)] = 0.0
    clarity: Annotated[float, Field(ge=0)] = 0.0

    @property
    def wanted(self) -> bool:
        """Whether anything is taken off."""
        return self.spread > 0 or self.clarity > 0


class ValidationSettings(Strict):
    """How the best epoch is chosen, on validation people.

    Attributes:
        metric: "accuracy" of pairs (cross-validated threshold), "loss" (cross-entropy of those pairs), or
            "one-shot" (share of right answers in N-way trials, as in Koch et al. 2015).
        pairs: at most so many validation pairs, half of them genuine.
        per_person: at most so many genuine pairs of one person.
        trials, ways: number of one-shot trials and of candidates in each.
        patience: epochs without gain before training stops; None never stops early.
        every: epochs between validations; the last epoch is always validated.
    """

    metric: Literal["accuracy", "loss", "one-shot"] = "accuracy"
    pairs: Annotated[int, Field(ge=20)] = 4000
    per_person: PositiveInt = 30
    trials: PositiveInt = 320
    ways: Annotated[int, Field(ge=2)] = 20
    patience: PositiveInt | None = None
    every: PositiveInt = 1


class TrainerSettings(Strict):
    """The training loop.

    Attributes:
        epochs: at most so many; 0 is for networks that have nothing to learn.
        precision: "auto" takes bfloat16 where the hardware multiplies it fast, else float32.
        gradient_clip: largest Euclidean norm of all gradients together; None does not clip.
        averaging: decay per step of the exponential average of the weights that is validated and kept; 0 is
            off. The average starts as the plain mean, so that early epochs are not held back.
        save_every: seconds between saves of the state within an epoch.
        device: "auto", "cpu", "cuda" or "cuda:1".
        threads: processor threads; None takes all cores.
        compiled: whether the network runs as torch.compile makes it, on a GPU captured as a graph. It takes a C++
            compiler and a minute or two at the start, and is for GPUs: on processors it is no faster.
    """

    epochs: Annotated[int, Field(ge=0)] = 30
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    gradient_clip: Annotated[float, Field(gt=0)] | None = None
    averaging: Fraction = 0.0
    save_every: Annotated[float, Field(ge=0)] = 60.0
    device: str = "auto"
    threads: PositiveInt | None = None
    compiled: bool = False


class Settings(Strict):
    """A whole training run."""

    recipe: str = "custom"
    description: str = ""
    data: DataSettings = DataSettings()
    imaging: ImagingSettings = ImagingSettings()
    augment: AugmentSettings = AugmentSettings()
    sampling: Component = Component(name="images")
    network: NetworkSettings = NetworkSettings()
    loss: Component = Component(name="cosface")
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
                f'"{self.sampling.name}": labelled pairs alone are sampled by "given-pairs", people by the others'
            )
        return self

    def as_dict(self) -> dict[str, Any]:
        """Plain values for TOML and JSON; settings that are None are left out."""
        return self.model_dump(mode="json", exclude_none=True)


# Sections that had another name in earlier versions; files with the old name are still read.
_RENAMED_SECTIONS = {"shift": "score_normalisation"}


def settings_from(values: Mapping[str, Any], source: str) -> Settings:
    """Checks plain values and makes `Settings` of them; sections under a former name are read as well.

    Raises:
        SettingsError: a field is unknown (the nearest one is named) or has an impossible value.
    """
    try:
        return Settings.model_validate(
            {_RENAMED_SECTIONS.get(key, key): value for key, value in values.items()}
        )
    except ValidationError as error:
        raise SettingsError(f"{source}: {_first_problem(error)}") from error


def nearest(word: str, known: Iterable[str]) -> str:
    """The end of an error: the nearest known word, then all of them.

    >>> nearest("epoch", ["epochs", "precision"])
    ' (did you mean "epochs"?); there are epochs, precision'
    """
    known = list(known)
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    hint = f' (did you mean "{close[0]}"?)' if close else ""
    return f"{hint}; there are {', '.join(known)}" if known else hint


def _first_problem(error: ValidationError) -> str:
    """One line about the first thing that is wrong, with the nearest field where one is unknown."""
    problem = error.errors()[0]
    place = [str(part) for part in problem["loc"]]
    if problem["type"] != "extra_forbidden":
        found = "" if isinstance(problem["input"], dict) else f" (found {problem['input']!r})"
        return f"{'.'.join(place) or 'settings'}: {problem['msg']}{found}"
    model: Any = Settings
    for part in place[:-1]:
        model = model.model_fields[part].annotation
    return f'unknown field "{".".join(place)}"{nearest(place[-1], model.model_fields)}'
