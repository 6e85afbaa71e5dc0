"""`twinface train`."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from twinface.cli.console import log_to_stderr, print_json, say
from twinface.cli.options import DataOptions, Json, Overrides, Seed, grouped
from twinface.core.errors import SettingsError

if TYPE_CHECKING:
    from twinface.training.open_run import OpenRun
    from twinface.training.run_folder import RunFolder


@dataclass(frozen=True)
class RunOptions:
    """How to train, and where to."""

    recipe: Annotated[str, typer.Option(help="A recipe's name, or a TOML file.")] = "default"
    seed: Seed = 0
    out: Annotated[Path | None, typer.Option(help="The run folder; default runs/RECIPE-SEED.")] = None
    set_: Overrides = None
    start_from: Annotated[Path | None, typer.Option(help="A run whose weights to begin with.")] = None
    resume: Annotated[Path | None, typer.Option(help="Continue this run.")] = None


@dataclass(frozen=True)
class OutputOptions:
    """What to write and print beside the run."""

    tensorboard: Annotated[bool, typer.Option(help="Write TensorBoard files into the run too.")] = False
    profile: Annotated[
        bool, typer.Option("--profile", help="Write into the run where the time goes: a table and a trace.")
    ] = False
    json: Json = False


@grouped
def train(data: DataOptions, run: RunOptions, output: OutputOptions) -> None:
    """Train a Siamese network and write a run folder with its model and report.

    In several processes, which share each batch: torchrun --nproc-per-node 2 -m twinface train ...
    """
    from twinface.core.interruption import Interrupted
    from twinface.reports import write_report
    from twinface.training.run_folder import RunFolder
    from twinface.training.torchrun import joined
    from twinface.training.train import TrainingOutput, follow_run, train_run

    if run.resume is not None and (data.data or run.set_ or run.start_from or run.out):
        raise SettingsError("--resume takes a run as it is: leave out --data, --set, --start-from and --out")
    if run.resume is None and data.data is None:
        raise SettingsError("--data is missing: name the data set to train on (lfw, orl or folder)")
    with joined() as processes:
        folder = RunFolder(run.resume or _default_folder(run))
        try:
            if not processes.first:
                processes.wait()
                follow_run(folder, processes)
                return
            opened = _start_or_open(data, run, folder)
            processes.wait()
            log_to_stderr()
            train_run(opened, TrainingOutput(output.tensorboard, output.profile), processes)
        except Interrupted as interrupted:
            if processes.first:
                say(
                    f"twinface: {interrupted}; continue with: {processes.command} train --resume {folder.path}"
                )
            sys.exit(128 + interrupted.signal_number)
    say(f"report: {write_report(folder)}")
    if output.json:
        metrics = [epoch.to_dict() for epoch in folder.metrics()]
        print_json({**folder.info().to_dict(), "metrics": metrics})
    else:
        print(folder.path)


def _default_folder(run: RunOptions) -> Path:
    from twinface.training.recipe import default_folder, load_recipe

    return run.out or default_folder(load_recipe(run.recipe, run.set_ or []), run.seed)


def _start_or_open(data: DataOptions, run: RunOptions, folder: RunFolder) -> OpenRun:
    from twinface.datasets.data_source import DataSource
    from twinface.training.open_run import open_run, start_run
    from twinface.training.recipe import load_recipe

    if run.resume is not None:
        return open_run(folder)
    assert data.data is not None
    source = DataSource(data.data, str(data.root) if data.root else None, data.layout, align=data.align)
    return start_run(source, load_recipe(run.recipe, run.set_ or []), run.seed, folder, run.start_from)
