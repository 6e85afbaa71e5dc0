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
from twinface.core.progress import FILE_ONLY, in_notebook, progress_bar, tqdm_type
from twinface.core.settings import Settings
from twinface.datasets.checked import photo_notes
from twinface.datasets.data_source import DataSource
from twinface.datasets.dataset import Dataset
from twinface.datasets.load import DATASETS
from twinface.datasets.photo_notes import note_lines
from twinface.evaluation.evaluate import Evaluation
from twinface.training.callbacks import Callbacks, Step
from twinface.training.epoch_metrics import EpochMetrics
from twinface.training.open_run import OpenRun, open_run
from twinface.training.own_photos import own_photos
from twinface.training.processes import Processes
from twinface.training.request import TrainingRequest, check_same, start_requested
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
    recipe: str | Settings | None = None,
    *,
    seed: int = 0,
    out: Path | str | None = None,
    overrides: Iterable[str] = (),
    start_from: Path | str | None = None,
) -> RunFolder:
    """Trains a network and writes a run folder with its model.

    A run that is there is continued, or taken as it is where it is finished, if it was begun with the same data, recipe
    and seed. Training can be interrupted at any moment.

    Args:
        dataset: "orl", a data set from `load_dataset`, or a folder of photos of your own, with a folder for each
            person. Of such a folder some people are kept out, and judge the model in the end.
        recipe: its name, a TOML file, or settings; None takes "default", or what suits a folder of your own.
        seed: of everything random.
        out: the run folder; None is `runs/RECIPE-SEED`, or `runs/FOLDER-SEED`.
        overrides: of single settings, such as "trainer.epochs=5".
        start_from: a run whose weights to begin with.

    Returns:
        The run. A notebook shows it as a table of epochs.

    Raises:
        SettingsError: the folder holds a run that was begun with something else.
        TwinfaceError: something is wrong with settings, data, disk or numbers.
        Interrupted: a signal came; the state is saved.

    Example:
        >>> run = train("orl", recipe="demo", out="runs/orl")  # doctest: +SKIP
    """
    source, own = _source_of(dataset, recipe)
    request = TrainingRequest(
        source=source,
        recipe=recipe,
        overrides=tuple(overrides),
        seed=seed,
        out=Path(out) if out else None,
        own=own,
        start_from=Path(start_from) if start_from else None,
    )
    folder = request.folder
    dataset_of_run = None
    begun = folder.manifest.exists()
    if begun:
        check_same(request)
    if not folder.is_finished:
        run = open_run(folder) if begun else start_requested(request)
        train_run(run)
        dataset_of_run = run.dataset
    judge_if_asked(folder, dataset_of_run)
    return folder


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
        for line in run.said:
            log.info(line)
        for line in run.warnings:
            log.warning("note: %s", line)
        continue_run(run, stop, callbacks, prepared, processes)
        _list_photos(run)
    return run.folder


def judge_if_asked(folder: RunFolder, dataset: Dataset | None = None) -> list[Evaluation]:
    """Judges a finished run on the people who were kept out for that, as far as its results are not there.

    Args:
        folder: the run.
        dataset: its data set, where it is open already.

    Returns:
        What was found now; nothing where nobody asked, or it was found before.

    Raises:
        TwinfaceError: see `judge_run`.
    """
    info = folder.info()
    if not info.judge or info.judged:
        return []
    from twinface.training.judge_run import judge_run

    with folder.locked():
        return judge_run(folder, dataset)


def follow_run(folder: RunFolder, processes: Processes) -> None:
    """Trains a run as one of several processes that is not the first, which writes and prints for all.

    Raises:
        TwinfaceError, Interrupted: see `continue_run`.
    """
    log.addHandler(logging.NullHandler())
    with stop_on_signals() as stop:
        continue_run(open_run(FollowedRun(folder.path)), stop, processes=processes)


def _source_of(dataset: str | Dataset | DataSource, recipe: str | Settings | None) -> tuple[DataSource, bool]:
    """The source, and whether it is a folder of one's own photos for which all is to be chosen."""
    if isinstance(dataset, str):
        if dataset not in DATASETS and Path(dataset).expanduser().is_dir():
            return own_photos(dataset), True
        return DataSource(dataset), False
    source = dataset if isinstance(dataset, DataSource) else dataset.source
    return source, source.data == "folder" and recipe is None


def _list_photos(run: OpenRun) -> None:
    """Lists the photos that were left out, by reason."""
    notes = photo_notes(run.dataset)
    if notes:
        log.info(
            "photos that were left out, or show several faces (all of them in %s):",
            run.folder.path / "skipped.csv",
        )
        for line in note_lines(notes):
            log.info("  %s", line)


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
            line = epoch_line(metrics)
            bar.write(line, file=sys.stderr)
            log.info(line, extra=FILE_ONLY)
            for name, value in metrics.to_dict().items() if writer else ():
                writer.add_scalar(name, value, metrics.epoch)

        yield Callbacks(on_step, on_epoch)
    if writer:
        writer.close()


# The names of these figures on disk do not say which people they are of.
_SAID = {
    "loss": "training loss",
    "learning_rate": "learning rate",
    "accuracy": "validation accuracy",
    "auc": "validation AUC",
    "validation_loss": "validation loss",
    "one_shot": "one-shot",
    "training_accuracy": "training accuracy",
}


def epoch_line(metrics: EpochMetrics) -> str:
    """An epoch's figures as one line to read.

    >>> epoch_line(EpochMetrics(epoch=1, loss=0.5, learning_rate=0.001, seconds=2.0))
    'epoch 1, training loss 0.5000, learning rate 0.0010, seconds 2.0000'
    """
    said = ", ".join(
        f"{_SAID.get(name, name)} {value:.4f}"
        if isinstance(value, float)
        else f"{_SAID.get(name, name)} {value}"
        for name, value in metrics.to_dict().items()
        if name not in ("value", "best")
    )
    return said + (" (weights kept)" if metrics.best else "")
