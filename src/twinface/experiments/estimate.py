"""What a study will cost, measured on a few steps of each network before it is begun."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from twinface.building import build_learner, build_preparation
from twinface.components import build
from twinface.config import Settings
from twinface.experiments.study import Part, Point, Study, trial_points
from twinface.runtime import choose_machine
from twinface.sampling import SAMPLERS
from twinface.schedules import SCHEDULES
from twinface.trainer import Plan, Progress, training_step
from twinface.training_data import DataSource, split_dataset
from twinface.types import ByteArray, IntArray

STEPS = 3
BEYOND_STEPS = 4.0  # seconds a run: opening data, fitting threshold, writing both forms of the model
VALIDATION = 1 / 3  # of a training step's cost, for a picture that is only embedded


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
    measured: dict[str, float] = {}
    return [_cost(study, part, source, threads, measured) for part in study.parts]


def _cost(study: Study, part: Part, source: DataSource, threads: int, measured: dict[str, float]) -> Cost:
    points = trial_points(part)
    each = [_run_seconds(part, point, source, threads, measured) for point in points]
    runs = part.size * len(study.seeds)
    return Cost(part.name, part.size, runs, float(np.mean(each)) * runs)


def _run_seconds(
    part: Part, point: Point, source: DataSource, threads: int, measured: dict[str, float]
) -> float:
    settings = part.settings(point)
    dataset = source.open()
    split = split_dataset(dataset, settings)
    batches = build("sampling", SAMPLERS, settings.sampling, split.source)(0, 0)
    key = f"{settings.network}{settings.imaging}{settings.loss}{settings.sampling}{settings.augment}"
    if key not in measured:
        measured[key] = _step_seconds(settings, source, threads)
    step = measured[key]
    images = len(batches[0].images) if batches else 1
    validation = VALIDATION * step / images * len(split.validation.faces)
    epochs = settings.trainer.epochs
    return epochs * len(batches) * step + epochs / settings.validation.every * validation + BEYOND_STEPS


def _step_seconds(settings: Settings, source: DataSource, threads: int) -> float:
    """The median of a few training steps on random pictures of the right size."""
    if settings.trainer.epochs == 0:
        return 0.0
    dataset = source.open()
    split = split_dataset(dataset, settings)
    preparation = build_preparation(settings.imaging, dataset.region)
    machine = choose_machine(
        settings.trainer.device, settings.trainer.precision, settings.trainer.threads or threads
    )
    sampler = build("sampling", SAMPLERS, settings.sampling, split.source)
    channels = 1 if preparation.color == "gray" else 3
    faces = np.random.default_rng(0).integers(
        0, 256, (64, preparation.height, preparation.width, channels), np.uint8
    )
    learner = build_learner(settings, sampler.people, machine, 0)
    plan = Plan(
        faces=_Repeated(faces),  # type: ignore[arg-type]
        sampler=sampler,
        augment=settings.augment,
        schedule=build("schedule", SCHEDULES, settings.schedule, settings.trainer.epochs),
        validate=lambda twin: {},
        trainer=settings.trainer,
        validation=settings.validation,
        machine=machine,
        seed=0,
    )
    times = []
    for batch in sampler(0, 0)[: STEPS + 1]:
        began = time.perf_counter()
        training_step(learner, plan, batch, Progress(), 1)
        times.append(time.perf_counter() - began)
    return float(np.median(times[1:] or times))


class _Repeated:
    """A few pictures in the place of as many as are asked for."""

    def __init__(self, faces: ByteArray) -> None:
        self.faces = faces

    def __getitem__(self, rows: IntArray) -> ByteArray:
        chosen: ByteArray = self.faces[np.asarray(rows) % len(self.faces)]
        return chosen
