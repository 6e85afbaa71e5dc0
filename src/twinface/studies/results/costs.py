"""Time, threads and size of the runs of a study."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from twinface.studies.study_folder import StudyFolder
from twinface.training.run_folder import RunFolder


@dataclass(frozen=True)
class RunCost:
    """What one run took.

    Attributes:
        seconds: of training, and of fitting and writing the model.
        images_per_second: pictures trained on; None if the run does not say.
        threads: processor threads; None if the run does not say.
        parameters: trained numbers of the network; None if the run does not say.
    """

    seconds: float
    images_per_second: float | None
    threads: int | None
    parameters: int | None

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def study_costs(folder: StudyFolder) -> dict[str, list[RunCost]]:
    """By the name of each finished trial, the cost of each of its runs, in the order of the seeds.

    Raises:
        ModelError: a run's `run.json` is missing or damaged.
    """
    return {trial.name: [_cost(run) for run in folder.runs(trial)] for trial in folder.finished()}


def _cost(run: RunFolder) -> RunCost:
    info = run.info()
    costs, machine = info.costs, info.machine
    return RunCost(
        seconds=costs.training + costs.writing if costs else 0.0,
        images_per_second=costs.images_per_second if costs else None,
        threads=machine.threads if machine else None,
        parameters=costs.network_parameters if costs else None,
    )
