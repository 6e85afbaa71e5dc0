"""What a study will cost, measured on a few steps and a few embeddings of each network before it is begun."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from twinface.core.registry import build
from twinface.core.settings import Settings
from twinface.core.types import ByteArray, IntArray, Region
from twinface.datasets.training_split import DataSource, PeopleSplit, split_dataset
from twinface.faces.prepare import Preparation, build_preparation
from twinface.networks.build import build_network
from twinface.studies.study import Part, Study, first_settings, trial_points
from twinface.training.build import build_training_state
from twinface.training.finalize import embed_with
from twinface.training.loop import Plan, TrainingPosition, training_step
from twinface.training.runtime import Machine, choose_machine, keep_memory
from twinface.training.sampling import SAMPLERS, Sampler
from twinface.training.schedules import SCHEDULES

STEPS = 3
BEYOND_STEPS = 4.0  # seconds a run: opening data, fitting threshold, writing both forms of the model
FACES = 16  # that are embedded


@dataclass(frozen=True)
class Cost:
    """What a part will cost.

    Attributes:
        part: its name.
        points, runs: how many.
        seconds: of all its runs, one after the other, on the threads of one.
    """

    part: str
    points: int
    runs: int
    seconds: float


def estimate(study: Study, source: DataSource, threads: int) -> list[Cost]:
    """The cost of each part if no point is given up early.

    A grid's points are added up; of a random or guided search the mean over the ends of its ranges is taken.

    Args:
        study: the study.
        source: its data.
        threads: of one run.
    """
    keep_memory()  # as runs do
    dataset = source.open()
    clock = _Clock(split_dataset(dataset, first_settings(study)), dataset.region, threads)
    return [_cost(study, part, clock) for part in study.parts]


def _cost(study: Study, part: Part, clock: _Clock) -> Cost:
    each = [clock.run_seconds(part.settings(point)) for point in trial_points(part)]
    runs = part.size * len(study.seeds)
    return Cost(part.name, part.size, runs, float(np.mean(each)) * runs)


class _Clock:
    """Says how long a run takes; training steps that cost the same are measured once.

    Args:
        split: who is who, in every run.
        region: where the faces are in the pictures.
        threads: of one run.
    """

    def __init__(self, split: PeopleSplit, region: Region, threads: int) -> None:
        self.split, self.region, self.threads = split, region, threads
        self._measured: dict[str, float] = {}

    def run_seconds(self, settings: Settings) -> float:
        """Of a whole run."""
        return (
            self._training_seconds(settings)
            + self._embedded(settings) * self._face_seconds(settings)
            + BEYOND_STEPS
        )

    def _training_seconds(self, settings: Settings) -> float:
        """Of all steps. What a network learns before them without labels is not counted."""
        epochs = settings.trainer.epochs
        if epochs == 0:
            return 0.0
        sampler = build("sampling", SAMPLERS, settings.sampling, self.split.source)
        key = f"{settings.network}{settings.imaging}{settings.loss}{settings.sampling}{settings.augment}"
        if key not in self._measured:
            self._measured[key] = self._step_seconds(settings, sampler)
        return epochs * len(sampler(0, 0)) * self._measured[key]

    def _embedded(self, settings: Settings) -> float:
        """How many faces: those who choose epoch and threshold, and all once more whom the model is fitted to."""
        validations = settings.trainer.epochs / settings.validation.every + 1
        faces = validations * len(self.split.validation.faces)
        if settings.projection.name != "none" or settings.score_normalisation.wanted:
            faces += len(self.split.source.faces)
        return faces

    def _face_seconds(self, settings: Settings) -> float:
        """Of embedding one face."""
        key = f"embedding {settings.network}{settings.imaging}"
        if key not in self._measured:
            self._measured[key] = self._embedding_seconds(settings)
        return self._measured[key]

    def _machine(self, settings: Settings) -> Machine:
        """As a run chooses it, whose threads torch has from then on."""
        trainer = settings.trainer
        return choose_machine(trainer.device, trainer.precision, trainer.threads or self.threads)

    def _embedding_seconds(self, settings: Settings) -> float:
        """The mean over a few faces of the right size, on the CPU."""
        self._machine(settings)
        network = build_network(settings.network, settings.imaging, 0).eval()
        images = _faces(build_preparation(settings.imaging, self.region), FACES)
        embed_with(network, images[: network.backbone.at_once])
        began = time.perf_counter()
        embed_with(network, images)
        return (time.perf_counter() - began) / FACES

    def _step_seconds(self, settings: Settings, sampler: Sampler) -> float:
        """The median of a few training steps on random pictures of the right size."""
        preparation = build_preparation(settings.imaging, self.region)
        machine = self._machine(settings)
        learner = build_training_state(settings, sampler.people, machine, 0)
        plan = Plan(
            faces=_Repeated(_faces(preparation, 64)),  # type: ignore[arg-type]
            sampler=sampler,
            augment=settings.augment,
            schedule=build("schedule", SCHEDULES, settings.schedule, settings.trainer.epochs),
            validate=lambda network: {},
            trainer=settings.trainer,
            validation=settings.validation,
            machine=machine,
            seed=0,
        )
        times = []
        for batch in sampler(0, 0)[: STEPS + 1]:
            began = time.perf_counter()
            training_step(learner, plan, batch, TrainingPosition(), 1)
            times.append(time.perf_counter() - began)
        return float(np.median(times[1:] or times))


def _faces(preparation: Preparation, count: int) -> ByteArray:
    shape = (count, preparation.height, preparation.width, preparation.channels)
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


class _Repeated:
    """A few pictures in the place of as many as are asked for."""

    def __init__(self, faces: ByteArray) -> None:
        self.faces = faces

    def __getitem__(self, rows: IntArray) -> ByteArray:
        chosen: ByteArray = self.faces[np.asarray(rows) % len(self.faces)]
        return chosen
