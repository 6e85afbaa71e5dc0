"""Options that belong together, as frozen records, so that a command takes a few of them and not twelve parameters."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, fields, is_dataclass
from enum import StrEnum
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_origin, get_type_hints

import typer

from twinface.core.limits import LARGEST_SEED

if TYPE_CHECKING:
    from twinface.faces.choose import Choice
    from twinface.recognition.rates import WantedRates
    from twinface.recognition.verifier import Verifier

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Seed = Annotated[int, typer.Option(help="Of everything random.", min=0, max=LARGEST_SEED)]
Overrides = Annotated[list[str] | None, typer.Option("--set", help="Change one setting: trainer.epochs=5")]
Root = Annotated[Path | None, typer.Option(help="Folder of the data, where it is not in a usual place.")]
Layout = Annotated[str | None, typer.Option(help="Which version of LFW: lfw-a, original, funneled …")]
Align = Annotated[
    bool | None,
    typer.Option(
        "--align/--no-align",
        help="Find the faces and align them first; this is so for a folder of your own unless you say --no-align.",
        show_default=False,
    ),
]
ModelPlace = Annotated[
    str,
    typer.Option(help="A model's name, a run folder, or a file (.onnx, or .toml for a network of others)."),
]
Left = Annotated[Path, typer.Argument(help="A photo.")]
Right = Annotated[Path, typer.Argument(help="Another photo.")]
Show = Annotated[
    Path | None, typer.Option(help="Draw what was found and why: a picture (.png) or a page (.html).")
]
BEST = "best"  # the best model that is installed


@dataclass(frozen=True)
class DataOptions:
    """Which pictures."""

    data: Annotated[str | None, typer.Option(help="Data set: lfw, orl or folder.")] = None
    root: Root = None
    layout: Layout = None
    align: Align = None

    @property
    def aligns(self) -> bool:
        """Whether faces are found and aligned; if nothing was said, in a folder of one's own."""
        return self.data == "folder" if self.align is None else self.align


class Several(StrEnum):
    """What to do with a photo that has several faces."""

    LARGEST = "largest"
    ONE = "one"


@dataclass(frozen=True)
class FaceOptions:
    """Which face of a photo is meant."""

    faces: Annotated[
        Several, typer.Option(help="Of a photo with several: take the largest, or say that it must have one.")
    ] = Several.LARGEST
    face: Annotated[
        int | None, typer.Option(help="Take this face of each photo; the largest is number 1.", min=1)
    ] = None
    aligned: Annotated[
        bool, typer.Option("--aligned", help="Look for no face: the pictures are framed as the model needs.")
    ] = False

    @property
    def choice(self) -> Choice:
        """As `Verifier` takes it."""
        return self.faces.value if self.face is None else self.face


@dataclass(frozen=True)
class RateOptions:
    """Which error rates verdicts should keep."""

    far: Annotated[
        float | None,
        typer.Option(help="The wanted false accept rate; else the one that the model comes with."),
    ] = None
    frr: Annotated[
        float | None,
        typer.Option(help="The wanted false reject rate: where both cannot be kept, it cannot be told."),
    ] = None
    any_quality: Annotated[
        bool,
        typer.Option("--any-quality", help="Judge faces of poor quality too; no error rate holds for them."),
    ] = False

    @property
    def wanted(self) -> WantedRates:
        """As `Verifier` takes them."""
        from twinface.recognition.rates import WantedRates

        return WantedRates(self.far, self.frr)


@dataclass(frozen=True)
class VerdictOptions(RateOptions, FaceOptions):
    """Which face of a photo is meant, and which error rates verdicts should keep."""

    def verifier(self, model: str, threads: int | None = None) -> Verifier:
        """A model with these wishes."""
        from twinface.recognition.verifier import Verifier

        return Verifier(
            model,
            threads,
            faces=self.choice,
            aligned=self.aligned,
            rates=self.wanted,
            any_quality=self.any_quality,
        )


def are_many(photo: Path, out: Path | None) -> bool:
    """Whether a table of many photos is meant: a folder, a text file that lists photos, or anything with `--out`."""
    return out is not None or photo.is_dir() or photo.suffix.lower() == ".txt"


def grouped(command: Callable[..., None]) -> Callable[..., None]:
    """Lets a command have parameters that are dataclasses: each field becomes an option of its own.

    `--help` lists the options of a dataclass together, under the first line of its docstring.

    Args:
        command: its dataclass parameters have fields annotated as typer wants options; other parameters stay.
    """
    hints = get_type_hints(command, include_extras=True)
    groups = {name: hint for name, hint in hints.items() if is_dataclass(hint)}
    parameters = []
    for name, parameter in inspect.signature(command).parameters.items():
        if name not in groups:
            parameters.append(parameter.replace(annotation=hints[name], kind=parameter.KEYWORD_ONLY))
            continue
        types = get_type_hints(groups[name], include_extras=True)
        parameters += [
            parameter.replace(
                name=field.name, annotation=_titled(types[field.name], groups[name]), default=field.default
            )
            for field in fields(groups[name])
        ]

    @wraps(command)
    def flat(**values: Any) -> None:
        records: dict[str, Any] = {
            name: group(**{field.name: values.pop(field.name) for field in fields(group)})  # type: ignore[operator]
            for name, group in groups.items()
        }
        command(**records, **values)

    ordered = [each.replace(kind=each.KEYWORD_ONLY) for each in parameters]
    flat.__signature__ = inspect.Signature(ordered)  # type: ignore[attr-defined]
    flat.__annotations__ = {each.name: each.annotation for each in ordered}
    return flat


def _titled(annotation: Any, group: Any) -> Any:
    """An option's annotation, with the group that `--help` lists it in."""
    if get_origin(annotation) is not Annotated:
        return annotation
    plain, *described = get_args(annotation)
    option = copy(described[0])
    option.rich_help_panel = (group.__doc__ or "").partition("\n")[0].rstrip(".")
    return Annotated[plain, option]
