"""A run before training: checked, made on disk, or opened again."""

from __future__ import annotations

import os
import shlex
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from twinface.core.errors import SettingsError
from twinface.core.limits import LARGEST_SEED
from twinface.core.settings import Settings
from twinface.datasets.checked import photo_notes
from twinface.datasets.data_source import DataSource
from twinface.datasets.dataset import Dataset
from twinface.datasets.load import load_source
from twinface.datasets.photo_notes import refuse_left_out
from twinface.datasets.training_split import PeopleSplit, split_dataset
from twinface.faces.preparation import build_preparation
from twinface.models.provenance import new_salt
from twinface.models.record import ModelRecord
from twinface.networks.backbones import layers_of
from twinface.networks.build import input_shape
from twinface.networks.siamese import SiameseNetwork
from twinface.training.build import check_components, check_network, check_steps
from twinface.training.checkpoint import load_checkpoint
from twinface.training.run_folder import RunFolder, now
from twinface.training.run_info import RunInfo
from twinface.training.runtime import denormals_as_zero
from twinface.training.validation import check_validation


@dataclass(frozen=True)
class RunOptions:
    """How a new run begins and ends, beside its settings.

    Attributes:
        start_from: a run whose weights to begin with; None draws them.
        judge: judge the model in the end, on the people who were kept out; see `judge_run`.
        strict: refuse a data set of which a picture cannot be used.
        dataset: the source's, where it is open already.
    """

    start_from: Path | None = None
    judge: bool = False
    strict: bool = False
    dataset: Dataset | None = None


@dataclass(frozen=True, eq=False)
class OpenRun:
    """A run that is ready to be trained, with everything that is read and built once.

    Attributes:
        folder: its files.
        settings, info: what they say.
        dataset: opened.
        split: its people, by who is trained on and who is validated on.
        network: on the CPU, never trained; it takes the best weights in the end, for the model.
        start: the model whose weights it begins with, and that model's record; None for initial weights.
        said, warnings: what was decided before training, and what cannot be known, for the log.
    """

    folder: RunFolder
    settings: Settings
    info: RunInfo
    dataset: Dataset
    split: PeopleSplit
    network: SiameseNetwork
    start: tuple[SiameseNetwork, ModelRecord] | None
    said: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@denormals_as_zero()
def start_run(
    source: DataSource, settings: Settings, seed: int, folder: RunFolder, options: RunOptions | None = None
) -> OpenRun:
    """Checks all settings and makes the run folder; `continue_run` then trains.

    Args:
        source: the data set.
        settings: of the run.
        seed: of everything random.
        folder: new, or empty.
        options: see `RunOptions`.

    Raises:
        SettingsError: a setting is wrong, or the folder is taken.
        DataError: the data set is not there, or has too few people.
    """
    if not 0 <= seed <= LARGEST_SEED:
        raise SettingsError(f"seed = {seed}: need 0 to {LARGEST_SEED}")
    options = options or RunOptions()
    check_components(settings)
    network = check_network(settings)
    check_steps(settings, network)
    start = load_checkpoint(options.start_from) if options.start_from else None
    if start:
        _check_start(network, start[0], str(options.start_from))
    dataset = options.dataset or load_source(source)
    build_preparation(
        settings.imaging, dataset.region, dataset.frame
    )  # refuses an impossible crop before there is a folder
    split = split_dataset(dataset, settings)
    check_validation(split.validation, settings.validation)
    if start and settings.data.split == "people" and not settings.data.cross_fitting:
        _check_unseen(start[1], split, str(options.start_from))
    if options.strict:
        refuse_left_out(dataset.title, photo_notes(dataset))
    info = RunInfo(
        name=folder.name,
        started=now(),
        seed=seed,
        source=replace(source, root=absolute(source.root), layout=dataset.source.layout),
        start_from=absolute(options.start_from),
        judge=options.judge,
        salt=start[1].provenance.salt if start else new_salt(),
        command=shlex.join(["twinface", *sys.argv[1:]]),
    )
    folder.create(settings, info)
    folder.keep_layers(layers_of(network.backbone, input_shape(settings.imaging)))
    return OpenRun(folder, settings, info, dataset, split, network, start)


def _check_start(network: SiameseNetwork, start: SiameseNetwork, place: str) -> None:
    """Refuses weights to begin with that are those of another network."""
    given = start.state_dict()
    for name, value in network.state_dict().items():
        found = tuple(given[name].shape) if name in given else "none"
        if found != tuple(value.shape):
            raise SettingsError(
                f"--start-from {place}: its network is another one ({name}: found {found}, need {tuple(value.shape)}): "
                "take a run with the same network, or a recipe with that run's network"
            )


def _check_unseen(start: ModelRecord, split: PeopleSplit, place: str) -> None:
    """Refuses weights that were trained on people who would now choose the epoch and the threshold."""
    names = split.validation.faces.names
    trained, _ = start.provenance.seen(names)
    if trained:
        raise SettingsError(
            f"--start-from {place}: was trained on {len(trained)} of the {len(names)} people who are to validate, so "
            "the threshold would hold for them alone: take the data and the data.split_seed of that run"
        )


def absolute(path: Path | str | None) -> str | None:
    """A path that names the same place from any working directory; links stay as they are."""
    return None if path is None else os.path.abspath(Path(path).expanduser())  # noqa: PTH100


@denormals_as_zero()
def open_run(folder: RunFolder) -> OpenRun:
    """Opens a run that `start_run` made.

    Raises:
        ModelError: there is none, or its files are damaged.
        SettingsError, DataError: as `start_run`.
    """
    settings, info = folder.settings(), folder.info()
    folder.metrics()  # the next epoch's figures are added to them: damage is named now, and not after that epoch
    dataset = load_source(info.source)
    return OpenRun(
        folder=folder,
        settings=settings,
        info=info,
        dataset=dataset,
        split=split_dataset(dataset, settings),
        network=check_network(settings),
        start=load_checkpoint(info.start_from) if info.start_from else None,
    )
