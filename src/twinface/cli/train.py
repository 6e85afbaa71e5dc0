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
from twinface.core.formatting import as_argument

if TYPE_CHECKING:
    from twinface.datasets.dataset import Dataset
    from twinface.evaluation.evaluate import Evaluation
    from twinface.training.open_run import OpenRun
    from twinface.training.request import TrainingRequest
    from twinface.training.run_folder import RunFolder


@dataclass(frozen=True)
class RunOptions:
    """How to train, and where to."""

    recipe: Annotated[
        str | None,
        typer.Option(
            help="A recipe's name (twinface recipes lists them), or a TOML file. Without it: what suits the people in "
            "PHOTOS; for other data sets, default."
        ),
    ] = None
    seed: Seed = 0
    out: Annotated[
        Path | None, typer.Option(help="The run folder; default runs/RECIPE-SEED, or runs/PHOTOS-SEED.")
    ] = None
    set_: Overrides = None
    start_from: Annotated[
        str | None, typer.Option(help="A run whose weights to begin with.", metavar="RUN")
    ] = None
    resume: Annotated[Path | None, typer.Option(help="Continue this run.")] = None
    strict: Annotated[
        bool, typer.Option("--strict", help="Refuse to start if any picture cannot be used.")
    ] = False


@dataclass(frozen=True)
class OutputOptions:
    """What to write and print beside the run."""

    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Write TensorBoard files into the run too.")
    ] = False
    profile: Annotated[
        bool, typer.Option("--profile", help="Write into the run where the time goes: a table and a trace.")
    ] = False
    json: Json = False


@grouped
def train(
    data: DataOptions,
    run: RunOptions,
    output: OutputOptions,
    photos: Annotated[
        Path | None,
        typer.Argument(
            metavar="PHOTOS",
            help="Your own photos: a folder that holds a folder for each person.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Train a Siamese network and write a run folder with its model and report.

    twinface train PHOTOS is enough for photos of your own: it finds the faces, chooses a recipe, keeps some people out,
    and judges the model on them in the end.

    In several processes, which share each batch: torchrun --nproc-per-node 2 -m twinface train ...
    """
    from twinface.core.interruption import Interrupted
    from twinface.reports import write_report
    from twinface.training.run_folder import RunFolder
    from twinface.training.torchrun import joined
    from twinface.training.train import TrainingOutput, follow_run, train_run

    request = None if run.resume else _requested(data, run, photos)
    if run.resume and (photos or data.data or run.set_ or run.start_from or run.out or run.recipe):
        raise SettingsError(
            "--resume takes a run as it is: leave out PHOTOS, --data, --recipe, --set, --start-from and --out"
        )
    with joined() as processes:
        folder = request.folder if request else RunFolder(run.resume or "")
        place = as_argument(folder.path)
        try:
            if not processes.first:
                processes.wait()
                follow_run(folder, processes)
                return
            log_to_stderr()
            if request is None and folder.is_finished and not folder.state.exists():
                say(f"{folder.path}: is finished; to train on from it, start a run with --start-from {place}")
                results = _judge(folder, None, processes.command)
            else:
                opened = _start_or_open(request, folder)
                processes.wait()
                train_run(opened, TrainingOutput(output.tensorboard, output.profile), processes)
                results = _judge(folder, opened.dataset, processes.command)
        except Interrupted as interrupted:
            if processes.first:
                say(f"twinface: {interrupted}; continue with: {processes.command} train --resume {place}")
            sys.exit(128 + interrupted.signal_number)
    say(f"report: {write_report(folder)}")
    _print(folder, results, output.json)


def _judge(folder: RunFolder, dataset: Dataset | None, command: str) -> list[Evaluation]:
    """Judges a finished run; on a signal, says how to do that later."""
    from twinface.core.interruption import CommandInterrupted
    from twinface.training.train import judge_if_asked

    try:
        return judge_if_asked(folder, dataset)
    except CommandInterrupted:
        place = as_argument(folder.path)
        say(f"twinface: trained, but not yet judged; continue with: {command} train --resume {place}")
        raise


def _print(folder: RunFolder, results: list[Evaluation], as_json: bool) -> None:
    if as_json:
        metrics = [epoch.to_dict() for epoch in folder.metrics()]
        judged = [result.summary.to_dict() for result in results]
        print_json({**folder.info().to_dict(), "metrics": metrics, "results": judged})
        return
    for result in results:
        print(f"{result}\n")
    if folder.info().judge:
        say("next:")
        for line in _next_commands(folder):
            say(f"  {line}")
    print(folder.path)


def _next_commands(folder: RunFolder) -> list[str]:
    run = as_argument(folder.path)
    # A model of framed pictures is for pictures that are framed in the same way.
    framed, pairs = ("", "") if folder.info().source.align else (" --aligned", " --no-align")
    return [
        f"twinface verify A.jpg B.jpg --model {run}{framed}     # do two photos show the same person?",
        f"twinface verify A.jpg B.jpg --model {run}{framed} --show verdict.html     # and why",
        f"twinface evaluate {run} --pairs PAIRS.csv --root DIR{pairs}     # on pairs of your own",
        f"twinface embed PHOTOS --model {run}{framed} --out faces     # embeddings of a folder",
        f"twinface explain A.jpg B.jpg --model {run}{framed} --out map.png     # which regions moved the score",
    ]


def _requested(data: DataOptions, run: RunOptions, photos: Path | None) -> TrainingRequest:
    from twinface.datasets.data_source import DataSource
    from twinface.training.own_photos import own_photos
    from twinface.training.request import TrainingRequest

    if photos is not None:
        if data.data or data.root or data.layout:
            raise SettingsError(
                f"{photos}: a folder of photos goes without --data, --root and --layout; leave them out, or the folder"
            )
        source = own_photos(photos, data.align is not False)
    elif data.data is None:
        raise SettingsError(
            "nothing to train on: name a folder of your own photos (twinface train PHOTOS), or a data set with --data "
            "(lfw, orl or folder)"
        )
    else:
        source = DataSource(data.data, str(data.root) if data.root else None, data.layout, align=data.aligns)
    return TrainingRequest(
        source=source,
        recipe=run.recipe,
        overrides=tuple(run.set_ or []),
        seed=run.seed,
        out=run.out,
        own=photos is not None or (data.data == "folder" and run.recipe is None),
        start_from=Path(run.start_from) if run.start_from else None,
        strict=run.strict,
    )


def _start_or_open(request: TrainingRequest | None, folder: RunFolder) -> OpenRun:
    from twinface.training.open_run import open_run
    from twinface.training.request import start_requested

    return open_run(folder) if request is None else start_requested(request)
