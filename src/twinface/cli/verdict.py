"""What commands that use a model have in common: two pictures and a model go in, a verdict comes out."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from twinface.recognition.verdict import Verdict

Left = Annotated[Path, typer.Argument(help="A picture.")]
Right = Annotated[Path, typer.Argument(help="Another picture.")]
ModelPlace = Annotated[
    Path, typer.Option(help="A run folder, a model file (.onnx, .xml), or a shipped model's name.")
]
SHIPPED = Path("default")


def plain(verdict: Verdict) -> dict[str, Any]:
    """A verdict as `--json` prints it, without levels."""
    values = asdict(verdict)
    return {**values.pop("details"), **values}
