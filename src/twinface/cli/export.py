"""`twinface export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from twinface.cli.console import print_json, say
from twinface.cli.options import Json
from twinface.core.errors import SettingsError


def export(
    run: Annotated[Path, typer.Argument(help="A run folder whose training has ended.")],
    out: Annotated[
        Path | None, typer.Option(help="The file to write; default model.onnx in the run's model folder.")
    ] = None,
    json: Json = False,
) -> None:
    """Write a trained model as ONNX with its record inside, and check that it scores as torch does."""
    from twinface.training.checkpoint import load_checkpoint
    from twinface.training.export import export_model

    beside = run / "model" if (run / "model").is_dir() else run
    target = out or beside / "model.onnx"
    if target.suffix != ".onnx":
        raise SettingsError(f"--out {target}: the name of the file has to end in .onnx")
    network, record = load_checkpoint(run)
    difference = export_model(network, record, target)
    if json:
        print_json({"format": "onnx", "file": str(target), "largest_score_difference": difference})
    else:
        print(target)
        say(f"scores differ from the trained model's by at most {difference:.1e}")
