"""`twinface train`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from twinface.cli.console import counter, log_to_stderr, print_json, say
from twinface.core.errors import SettingsError

if TYPE_CHECKING:
    from twinface.training.loop import Callbacks, TrainingPosition
    from twinface.training.processes import Processes
    from twinface.training.run_folder import RunFolder


def train(
    data: Annotated[str | None, typer.Option(help="Data set: lfw, orl or folder.")] = None,
    root: Annotated[Path | None, typer.Option(help="Its folder, where it is not in a usual place.")] = None,
    layout: Annotated[
        str | None, typer.Option(help="Which version of LFW: lfw-a, original, funneled …")
    ] = None,
    recipe: Annotated[str, typer.Option(help="A recipe's name, or a TOML file.")] = "default",
    seed: Annotated[int, typer.Option(help="Of everything random.", min=0)] = 0,
    out: Annotated[Path | None, typer.Option(help="The run folder; default runs/RECIPE-SEED.")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help="Override: trainer.epochs=5")] = None,
    start_from: Annotated[Path | None, typer.Option(help="A run whose weights to begin with.")] = None,
    resume: Annotated[Path | None, typer.Option(help="Continue this run.")] = None,
    tensorboard: Annotated[bool, typer.Option(help="Write TensorBoard files into the run too.")] = False,
    profile: Annotated[
        bool, typer.Option("--profile", help="Write into the run where the time goes: a table and a trace.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the run as JSON.")] = False,
) -> None:
    """Train a Siamese network and write a run folder with its model and report.

    In several processes, which share each batch: torchrun --nproc-per-node 2 -m twinface train ...
    """
    from twinface.training.processes import joined
    from twinface.training.recipe import load_recipe
    from twinface.training.run_folder import RunFolder

    if resume is not None and (data or set_ or start_from or out):
        raise SettingsError("--resume takes a run as it is: leave out --data, --set, --start-from and --out")
    if resume is None and data is None:
        raise SettingsError("--data is missing: name the data set to train on (lfw, orl or folder)")
    with joined() as processes:
        if resume is not None:
            folder = RunFolder(resume)
        else:
            from twinface.datasets.training_split import DataSource
            from twinface.training.run import start_run

            assert data is not None
            settings = load_recipe(recipe, set_ or [])
            folder = RunFolder(out or Path("runs") / f"{settings.recipe}-{seed}")
            source = DataSource(data, str(root) if root else None, layout)
            if processes.first:
                start_run(source, settings, seed, folder, start_from)
            processes.wait()
        if not processes.first:
            _follow(folder, processes)
            return
        run(folder, tensorboard, profile, processes)
    if json:
        print_json({**folder.about(), "metrics": folder.records()})
    else:
        print(folder.path)


def _follow(folder: RunFolder, processes: Processes) -> None:
    """Trains as one of several processes that is not the first, which writes and speaks for all."""
    import logging

    from twinface.core.interruption import Interrupted, stop_on_signals
    from twinface.training.loop import Callbacks
    from twinface.training.run import continue_run
    from twinface.training.run_folder import FollowedRun

    logging.getLogger("twinface").addHandler(logging.NullHandler())
    try:
        with stop_on_signals() as stop:
            continue_run(FollowedRun(folder.path), stop, Callbacks(), processes=processes)
    except Interrupted as interrupted:
        sys.exit(128 + interrupted.signal_number)


def run(
    folder: RunFolder,
    tensorboard: bool = False,
    profile: bool = False,
    processes: Processes | None = None,
) -> None:
    """Trains a run to its end, with progress on stderr, and writes its report."""
    from twinface.core.interruption import Interrupted, stop_on_signals
    from twinface.reports import write_report
    from twinface.training.run import continue_run

    folder.settings(), folder.about()
    log_to_stderr()
    try:
        with folder.locked(), stop_on_signals() as stop, counter("preparing") as prepared:
            with _watching(folder, tensorboard) as watcher, _profiling(folder, profile, watcher) as watched:
                continue_run(folder, stop, watched, prepared, processes)
            say(f"report: {write_report(folder)}")
    except Interrupted as interrupted:
        command = processes.command if processes else "twinface"
        say(f"twinface: {interrupted}; continue with: {command} train --resume {folder.path}")
        sys.exit(128 + interrupted.signal_number)


@contextmanager
def _profiling(folder: RunFolder, wanted: bool, watcher: Callbacks) -> Iterator[Callbacks]:
    """Where the time goes, written however training ends."""
    if not wanted:
        yield watcher
        return
    from twinface.training.profiling import WARM_UP, Profile

    profile = Profile()
    try:
        yield profile.watching(watcher)
    finally:
        table = profile.write(folder.path, folder.about().get("machine", {}))
        say(f"profile: {table or f'found no step to time, need more than {WARM_UP}'}")


@contextmanager
def _watching(folder: RunFolder, tensorboard: bool) -> Iterator[Callbacks]:
    """A progress bar over the whole training, a line an epoch, and TensorBoard's files if wanted."""
    from tqdm import tqdm

    from twinface.training.loop import Callbacks

    writer: Any = None
    if tensorboard:
        from torch.utils.tensorboard import SummaryWriter

        writer = SummaryWriter(str(folder.path / "tensorboard"))
    epochs = folder.settings().trainer.epochs
    with tqdm(unit="img", disable=None, file=sys.stderr, dynamic_ncols=True, smoothing=0.05) as bar:

        def on_step(progress: TrainingPosition, steps: int, loss: float, images: int) -> None:
            if bar.n == 0:
                bar.initial = (progress.epoch * steps + progress.step - 1) * images
                bar.n = bar.initial
                bar.total = epochs * steps * images
            bar.set_postfix_str(f"epoch {progress.epoch + 1}/{epochs}, loss {loss:.3f}", refresh=False)
            bar.update(images)

        def on_epoch(record: dict[str, Any]) -> None:
            said = ", ".join(
                f"{name} {value:.4f}" if isinstance(value, float) else f"{name} {value}"
                for name, value in record.items()
                if name not in ("value", "best")
            )
            bar.write(said + (" *" if record.get("best") else ""), file=sys.stderr)
            for name, value in record.items() if writer else ():
                writer.add_scalar(name, value, record["epoch"])

        yield Callbacks(on_step, on_epoch)
    if writer:
        writer.close()
