"""`twinface verify`."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from twinface.cli.console import print_json, say


def verify(
    left: Annotated[Path, typer.Argument(help="A picture.")],
    right: Annotated[Path, typer.Argument(help="Another picture.")],
    model: Annotated[
        Path, typer.Option(help="A run folder, a model file (.onnx, .xml), or a shipped model's name.")
    ] = Path("default"),
    json: Annotated[bool, typer.Option("--json", help="Print the verdict as JSON.")] = False,
) -> None:
    """Say whether two pictures show the same person: exit 0 same, 1 different, 2 could not tell."""
    from twinface.recognition import verify as judge

    verdict = judge(left, right, model)
    if json:
        values = asdict(verdict)
        print_json({**values.pop("details"), **values})
    else:
        print(verdict.explain())
    for note in verdict.notes:
        say(note)
    sys.exit(0 if verdict else 1)
