"""`twinface export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from twinface.cli.console import print_json, say
from twinface.core.errors import SettingsError


def export(
    run: Annotated[Path, typer.Argument(help="A run folder whose training has ended.")],
    form: Annotated[
        str, typer.Option("--format", help="onnx, openvino, or exported (torch.export's .pt2).")
    ] = "onnx",
    out: Annotated[
        Path | None, typer.Option(help="The file to write; default model.SUFFIX in the run's model folder.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print file and check as JSON.")] = False,
) -> None:
    """Write a trained model in another form, with all that using it takes, and check that it scores as it did."""
    from twinface.core.settings import nearest
    from twinface.training.checkpoint import load_checkpoint
    from twinface.training.export import EXPORTS, export_model

    if form not in EXPORTS:
        raise SettingsError(f'--format: no "{form}"{nearest(form, EXPORTS)}')
    suffix = EXPORTS[form].suffix
    beside = run / "model" if (run / "model").is_dir() else run
    target = out or beside / f"model{suffix}"
    if target.suffix != suffix:
        raise SettingsError(f"--out {target}: a file of the format {form} has to end in {suffix}")
    network, record = load_checkpoint(run)
    worst = export_model(network, record, target, form)
    if form == "exported":
        say(
            "Twinface itself does not open .pt2 files, since torch may unpickle what is in them; use onnx or openvino"
        )
    if json:
        print_json({"format": form, "file": str(target), "largest_score_difference": worst})
    else:
        print(target)
        say(f"scores differ from the trained model's by at most {worst:.1e}")
