"""Training as people start it, from a shell or a notebook: progress bars, signals, a profile where it is wanted."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twinface.core.interruption import DEADLINE, stop_on_signals
from twinface.core.progress import in_notebook, progress_bar, tqdm_type
from twinface.core.settings import Settings
from twinface.datasets.data_source import DataSource
from twinface.datasets.dataset import Dataset
from twinface.training.callbacks import Callbacks, Step
from twinface.training.epoch_metrics import EpochMetrics
from twinface.training.open_run import OpenRun, open_run, start_run
from twinface.training.processes import Processes
from twinface.training.recipe import default_folder, load_recipe
from twinface.training.run import continue_run
from twinface.training.run_folder import FollowedRun, RunFolder

log = logging.getLogger("twinface")


@dataclass(frozen=True)
class TrainingOutput:
    """What training writes into the run folder beside the run itself.

    Attributes:
        tensorboard: TensorBoard files.
        profile: where the time goes, as a table and a trace.
    """

    tensorboard: bool = False
    profile: bool = False


def train(
    dataset: str | Dataset | DataSource,
    recipe: str | Settings = "default",
    *,
    seed: int = 0,
    out: Path | str | None = None,
    overrides: Iterable[str] = (),
    start_from: Path | str | None = None,
) -> RunFolder:
    """Trains a network and writes a run folder with its model.

    A run that is there and not finished is continued. It can be interrupted at any moment.

    Args:
        dataset: "orl", or a data set from `load_dataset`.
        recipe: its name, a TOML file, or settings.
        seed: of everything random.
        out: the run folder; None is `runs/RECIPE-SEED`.
        overrides: of single settings, such as "trainer.epochs=5".
        start_from: a run whose weights to begin with.

    Returns:
        The run. A notebook shows it as a table of epochs.

    Raises:
        TwinfaceError: something is wrong with settings, data, disk or numbers.
        Interrupted: a signal came; the state is saved.

    Example:
        >>> run = train("orl", recipe="demo", out="runs/orl")  # doctest: +SKIP
    """
    settings = recipe if isinstance(recipe, Settings) else load_recipe(recipe, overrides)
    folder = RunFolder(out or default_folder(settings, seed))
    if folder.is_finished:
        return folder
    source = _source_of(dataset)
    if folder.manifest.exists():
        run = open_run(folder)
    else:
        run = start_run(source, settings, seed, folder, Path(start_from) if start_from else None)
    return train_run(run)


def train_run(
    run: OpenRun, output: TrainingOutput | None = None, processes: Processes | None = None
) -> RunFolder:
    """Trains an open run to its end, with progress bars. Signals stop it with its state saved.

    Args:
        run: from `start_run` or `open_run`.
        output: see `TrainingOutput`.
        processes: among which each batch is shared.

    Raises:
        TwinfaceError, Interrupted: see `continue_run`.
    """
    output = output or TrainingOutput()
    deadline = None if in_notebook() else DEADLINE
    with ExitStack() as stack:
        stack.enter_context(run.folder.locked())
        stop = stack.enter_context(stop_on_signals(deadline))
        prepared = stack.enter_context(progress_bar("preparing"))
        callbacks = stack.enter_context(_epoch_bar(run, output.tensorboard))
        if output.profile:
            callbacks = stack.enter_context(_profiled(run.folder, callbacks))
        continue_run(run, stop, callbacks, prepared, processes)
    return run.folder


def follow_run(folder: RunFolder, processes: Processes) -> None:
    """Trains a run as one of several processes that is not the first, which writes and prints for all.

    Raises:
        TwinfaceError, Interrupted: see `continue_run`.
    """
    log.addHandler(logging.NullHandler())
    with stop_on_signals() as stop:
        continue_run(open_run(FollowedRun(folder.path)), stop, processes=processes)


def _source_of(dataset: str | Dataset | DataSource) -> DataSource:
    if isinstance(dataset, DataSource):
        return dataset
    return DataSource(dataset) if isinstance(dataset, str) else dataset.source


@contextmanager
def _profiled(folder: RunFolder, callbacks: Callbacks) -> Iterator[Callbacks]:
    """Measures where the time goes, and writes it however training ends."""
    from twinface.training.profiling import WARM_UP, Profile

    profile = Profile()
    try:
        yield profile.watching(callbacks)
    finally:
        machine = folder.info().machine
        table = profile.write(folder.path, machine)
        log.info("profile: %s", table or f"found no step to time, need more than {WARM_UP}")


@contextmanager
def _epoch_bar(run: OpenRun, tensorboard: bool) -> Iterator[Callbacks]:
    """A progress bar over the whole training, a line an epoch, and TensorBoard's files if they are wanted."""
    writer: Any = None
    if tensorboard:
        from torch.utils.tensorboard import SummaryWriter

        writer = SummaryWriter(str(run.folder.path / "tensorboard"))
    epochs = run.settings.trainer.epochs
    with tqdm_type()(unit="img", disable=None, file=sys.stderr, dynamic_ncols=True, smoothing=0.05) as bar:

        def on_step(step: Step) -> None:
            position = step.position
            if bar.n == 0:
                bar.initial = (position.epoch * step.steps + position.step - 1) * step.images
                bar.n = bar.initial
                bar.total = epochs * step.steps * step.images
            bar.set_postfix_str(f"epoch {position.epoch + 1}/{epochs}, loss {step.loss:.3f}", refresh=False)
            bar.update(step.images)

        def on_epoch(metrics: EpochMetrics) -> None:
            bar.write(epoch_line(metrics), file=sys.stderr)
            for name, value in metrics.to_dict().items() if writer else ():
                writer.add_scalar(name, value, metrics.epoch)

        yield Callbacks(on_step, on_epoch)
    if writer:
        writer.close()


def epoch_line(metrics: EpochMetrics) -> str:
    """An epoch's figures as one line to read; a star marks the best so far.

    >>> epoch_line(EpochMetrics(epoch=1, loss=0.5, learning_rate=0.001, seconds=2.0))
    'epoch 1, loss 0.5000, learning_rate 0.0010, seconds 2.0000'
    """
    said = ", ".join(
        f"{name} {value:.4f}" if isinstance(value, float) else f"{name} {value}"
        for name, value in metrics.to_dict().items()
        if name not in ("value", "best")
    )
    return said + (" *" if metrics.best else "")
