"""Estimates how long a study will take, from a few training steps and a few embeddings of each network."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from twinface.core.registry import build
from twinface.core.settings import Settings
from twinface.core.types import ByteArray, IntArray, Region
from twinface.datasets.data_source import DataSource
from twinface.datasets.load import load_source
from twinface.datasets.training_split import PeopleSplit, split_dataset
from twinface.faces.frame import STANDARD_FRAME
from twinface.faces.preparation import Preparation, build_preparation
from twinface.networks.build import build_network
from twinface.studies.study_file.search import Search
from twinface.studies.study_file.study import Study
from twinface.training.build import build_training_state
from twinface.training.epoch_metrics import ValidationMetrics
from twinface.training.finalize import embed_with
from twinface.training.machine import Machine, choose_machine
from twinface.training.plan import TrainingPlan, TrainingPosition
from twinface.training.runtime import keep_memory
from twinface.training.sampling import SAMPLERS, Sampler
from twinface.training.schedules import SCHEDULES
from twinface.training.step import training_step

STEPS = 3  # timed, after one that is not
FACES = 16  # embedded
OVERHEAD = (
    4.0  # seconds of a run for opening the data, fitting the threshold, writing both forms of the model
)


@dataclass(frozen=True)
class CostEstimate:
    """How long a search will take.

    Attributes:
        search: its name.
        points: number of points.
        runs: number of runs, one for each point and seed.
        seconds: of all runs, one after the other, each on the threads of one run.
    """

    search: str
    points: int
    runs: int
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"part": self.search, "points": self.points, "runs": self.runs, "seconds": self.seconds}


def estimate_costs(study: Study, source: DataSource, threads: int) -> list[CostEstimate]:
    """The cost of each search if no trial is stopped early.

    A grid's points are added up. For a random or guided search, the mean over the ends of its ranges is used.

    Args:
        study: the study.
        source: its data.
        threads: of one run.

    Raises:
        SettingsError, DataError: see `check_study`.
    """
    keep_memory()  # as runs do
    dataset = load_source(source)
    clock = _Clock(split_dataset(dataset, study.first_settings()), dataset.region, threads)
    return [_cost(study, search, clock) for search in study.searches]


def _cost(study: Study, search: Search, clock: _Clock) -> CostEstimate:
    each = [clock.run_seconds(search.settings(point)) for point in search.points_to_check()]
    runs = search.size * len(study.seeds)
    return CostEstimate(search.name, search.size, runs, float(np.mean(each)) * runs)


class _Clock:
    """Estimates the seconds of a run. Steps and embeddings of equal settings are measured once.

    Args:
        split: training and validation people of every run.
        region: where the faces are in the pictures.
        threads: of one run.
    """

    def __init__(self, split: PeopleSplit, region: Region, threads: int) -> None:
        self.split, self.region, self.threads = split, region, threads
        self._measured: dict[str, float] = {}

    def run_seconds(self, settings: Settings) -> float:
        """Seconds of a whole run."""
        embedding = self._embedded_faces(settings) * self._face_seconds(settings)
        return self._training_seconds(settings) + embedding + OVERHEAD

    def _training_seconds(self, settings: Settings) -> float:
        """Seconds of all steps. Learning without labels, before the first step, is not included."""
        epochs = settings.trainer.epochs
        if epochs == 0:
            return 0.0
        sampler, each = build("sampling", SAMPLERS, settings.sampling, self.split.source), settings.trainer
        key = (
            f"{settings.network}{settings.imaging}{settings.loss}{settings.sampling}{settings.augment}"
            f"{settings.optimizer.name}{each.precision}{each.device}{each.threads}{each.compiled}{each.sides}"
            f"{each.gradient_clip}{each.averaging}"
        )
        if key not in self._measured:
            self._measured[key] = self._step_seconds(settings, sampler)
        return epochs * len(sampler(0, 0)) * self._measured[key]

    def _embedded_faces(self, settings: Settings) -> float:
        """How many faces a run embeds.

        The validation faces are embedded in each validation and at the end, and the training faces once if something
        is fitted to them.
        """
        validations = settings.trainer.epochs / settings.validation.every + 1
        faces = validations * len(self.split.validation.faces)
        if settings.projection.name != "none" or settings.score_normalisation.wanted:
            faces += len(self.split.source.faces)
        return faces

    def _face_seconds(self, settings: Settings) -> float:
        """Seconds of embedding one face."""
        key = f"embedding {settings.network}{settings.imaging}"
        if key not in self._measured:
            self._measured[key] = self._embedding_seconds(settings)
        return self._measured[key]

    def _machine(self, settings: Settings) -> Machine:
        """Device and threads as a run chooses them; torch keeps these threads."""
        trainer = settings.trainer
        return choose_machine(trainer.device, trainer.precision, trainer.threads or self.threads)

    def _embedding_seconds(self, settings: Settings) -> float:
        """The mean over a few faces of the right size, on the CPU."""
        self._machine(settings)
        network = build_network(settings.network, settings.imaging, 0).eval()
        images = _noise(build_preparation(settings.imaging, self.region, STANDARD_FRAME), FACES)
        embed_with(network, images[: network.backbone.preferred_batch])  # the first call is slower
        began = time.perf_counter()
        embed_with(network, images)
        return (time.perf_counter() - began) / FACES

    def _step_seconds(self, settings: Settings, sampler: Sampler) -> float:
        """The median of a few training steps on random pictures of the right size."""
        preparation = build_preparation(settings.imaging, self.region, STANDARD_FRAME)
        machine = self._machine(settings)
        state = build_training_state(settings, sampler.people, machine, 0)
        plan = TrainingPlan(
            faces=_Repeated(_noise(preparation, 64)),  # type: ignore[arg-type]
            sampler=sampler,
            augment=settings.augment,
            schedule=build("schedule", SCHEDULES, settings.schedule, settings.trainer.epochs),
            validate=lambda network: ValidationMetrics(0.0, 0.0, 0.0),
            trainer=settings.trainer,
            validation=settings.validation,
            machine=machine,
            seed=0,
        )
        times = []
        for batch in sampler(0, 0)[: STEPS + 1]:
            began = time.perf_counter()
            training_step(state, plan, batch, TrainingPosition(), 1)
            times.append(time.perf_counter() - began)
        return float(np.median(times[1:] or times))


def _noise(preparation: Preparation, count: int) -> ByteArray:
    shape = (count, preparation.height, preparation.width, preparation.channels)
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


class _Repeated:
    """A few pictures that stand for any number of pictures: rows are taken modulo their count."""

    def __init__(self, faces: ByteArray) -> None:
        self.faces = faces

    def __getitem__(self, rows: IntArray) -> ByteArray:
        chosen: ByteArray = self.faces[np.asarray(rows) % len(self.faces)]
        return chosen
