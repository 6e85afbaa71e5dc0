"""What a caller may choose for each kind of job."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from twinface.core.errors import SettingsError
from twinface.models.catalog import NAMED_MODELS, is_name
from twinface.recognition.gallery.engine import FPIR
from twinface.recognition.gallery.open_set import LEAST_FPIR
from twinface.service.jobs.records import JobKind


def _known_model(name: str) -> str:
    # A name alone: a request must not choose which files of this machine are opened.
    if not is_name(name):
        raise ValueError(f"need the name of a model, one of {', '.join(NAMED_MODELS)}")
    return name


Fpir = Annotated[
    float, Field(ge=LEAST_FPIR, le=1, description="Share of strangers that may be taken for somebody.")
]
ModelName = Annotated[str, AfterValidator(_known_model), Field(description="The name of an installed model.")]


class JobSettings(BaseModel):
    """Settings of a kind that has none, and the base of the others."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class IdentifySettings(JobSettings):
    """Of `identify`."""

    count: int = Field(
        5, ge=1, le=100, description="Candidates for each face, at most, besides the one whose name it gets."
    )
    fpir: Fpir = FPIR


class EmbedSettings(JobSettings):
    """Of `embed`."""

    faces: Literal["largest", "all"] = Field("all", description="Which faces of a photo.")


class ReembedSettings(JobSettings):
    """Of `reembed`."""

    model: ModelName
    leave_out: bool = Field(False, description="Finish even if people would be left without a face.")


class CertifySettings(JobSettings):
    """Of `certify`."""

    fpir: Fpir = FPIR
    traffic: float = Field(1000, ge=0, le=1e9, description="Strangers a day.")


SETTINGS: dict[JobKind, type[JobSettings]] = {
    "identify": IdentifySettings,
    "embed": EmbedSettings,
    "cluster": JobSettings,
    "reembed": ReembedSettings,
    "certify": CertifySettings,
}


TAKES_PHOTOS: tuple[JobKind, ...] = ("identify", "embed", "cluster")


def read_settings(kind: str, values: dict[str, Any]) -> JobSettings:
    """Settings from plain values.

    Args:
        kind: of the job.
        values: of the fields; those that are missing have their usual value.

    Raises:
        SettingsError: there is no such kind, or a value is unknown or out of range.
    """
    chosen = SETTINGS.get(kind)  # type: ignore[call-overload]
    if chosen is None:
        raise SettingsError(f"found a job of kind {kind[:40]!r}, need one of {', '.join(SETTINGS)}")
    try:
        settings: JobSettings = chosen.model_validate(values)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        place = ".".join(map(str, problem["loc"]))[:80] or "settings"
        if problem["type"] == "extra_forbidden":
            known = ", ".join(chosen.model_fields) or "none"
            raise SettingsError(f"settings of {kind}: no setting {place!r}; there are: {known}") from error
        message = problem["msg"].removeprefix("Value error, ")
        raise SettingsError(f"settings of {kind}: {place}: {message[:1].lower()}{message[1:]}") from error
    return settings
