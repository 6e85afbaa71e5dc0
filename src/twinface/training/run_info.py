"""The frozen records in a run's `run.json`."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import Annotated, Any, Literal

from pydantic import Field

from twinface.core.json_records import parse_object, record_from
from twinface.datasets.data_source import DataSource
from twinface.training.epoch_metrics import ValidationMetrics

Status = Literal["new", "training", "stopped", "finished", "failed", "pruned"]


@dataclass(frozen=True)
class MachineInfo:
    """Where a run was trained: device, threads, precision, versions of programs."""

    device: str
    device_name: str
    threads: int
    processes: int
    precision: str
    python: str
    system: str
    versions: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class DataInfo:
    """The data of a run.

    Attributes:
        title: of the data set.
        claims: what a result on it may be called.
        trained_on, tuned_on: people, in words.
        pictures: how many, by "training" and "validation".
        sha256: of the pictures' bytes, by the same.
    """

    title: str
    claims: str
    trained_on: str
    tuned_on: str
    pictures: dict[str, int]
    sha256: dict[str, str]


@dataclass(frozen=True)
class RunCosts:
    """What a finished run took.

    Attributes:
        training, writing: seconds of training, and of making and writing the model.
        preparing: seconds before the first step, of the last start: pictures, network, optimiser; 0 in older runs.
        images_per_second: pictures trained on.
        network_parameters, loss_parameters: trained numbers of the network and of its loss.
        numbers: all numbers in the model, fitted ones included.
    """

    training: float
    writing: float
    images_per_second: float
    network_parameters: int
    loss_parameters: int
    numbers: int
    preparing: float = 0.0


@dataclass(frozen=True, kw_only=True)
class RunInfo:
    """What `run.json` says of a run.

    Attributes:
        name: of the folder.
        status: "failed" is a run that ended with an error (a loss that is not finite, say); `reason` says which.
            "pruned" is a run that a study gave up early.
        started, finished: in UTC; None before.
        seed: of everything random.
        source: the data set.
        start_from: the run whose weights it began with, or None.
        salt: of the hashes of people.
        judge: whether the model is judged as soon as it is finished; see `judge_run`.
        judged: whether that is done. A run that was stopped before is judged when it is resumed.
        command: that started it.
        twinface: the version that trained it.
        machine, data, validation, costs: None until they are known.
        ended: why training ended where it did, in words; None where nothing is trained by steps.
        epochs, best_epoch: trained, and the one whose weights were kept (0 where nothing is trained by steps).
    """

    name: str
    status: Status = "new"
    started: str
    seed: Annotated[int, Field(ge=0)]
    source: DataSource
    start_from: str | None = None
    salt: str
    judge: bool = False
    judged: bool = False
    command: str = ""
    twinface: str | None = None
    machine: MachineInfo | None = None
    data: DataInfo | None = None
    validation: ValidationMetrics | None = None
    costs: RunCosts | None = None
    finished: str | None = None
    ended: str | None = None
    epochs: int | None = None
    best_epoch: int | None = None
    reason: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values for `run.json`; what is not known yet is left out."""
        values: dict[str, Any] = {
            "name": self.name,
            "status": self.status,
            "started": self.started,
            "seed": self.seed,
            "source": asdict(self.source),
            "start_from": self.start_from,
            "salt": self.salt,
            "judge": self.judge or None,
            "judged": self.judged or None,
            "command": self.command,
            "twinface": self.twinface,
            "machine": asdict(self.machine) if self.machine else None,
            "data": asdict(self.data) if self.data else None,
            "validation": self.validation.to_dict() if self.validation else None,
            **(_costs_to_dict(self.costs) if self.costs else {}),
            "finished": self.finished,
            "ended": self.ended,
            "epochs": self.epochs,
            "best_epoch": self.best_epoch,
            "reason": self.reason,
        }
        return {name: value for name, value in values.items() if value is not None or name == "start_from"}

    @classmethod
    def from_json(cls, text: str) -> RunInfo:
        """Reads `run.json`: the inverse of `to_dict`, as JSON.

        Raises:
            ValueError: a value is missing or of another type, or the data set's source has fields that this version
                does not know. The message names the field.
        """
        values = parse_object(text)
        source = values.get("source")
        unknown = (
            sorted(source.keys() - {each.name for each in fields(DataSource)})
            if isinstance(source, dict)
            else []
        )
        if unknown:  # this version would train on other pictures than the one that wrote it
            raise ValueError(f'source has the unknown field "{unknown[0]}": another version made this run')
        machine = values.get("machine")
        if isinstance(machine, dict):
            values["machine"] = {"processes": 1, **machine}
        values["costs"] = _costs_from_dict(values) if "parameters" in values else None
        return record_from(cls, values)


# On disk the costs lie in four entries, under the names that they had in the first version.
_PREPARING, _TRAINING, _WRITING = "preparing", "training", "writing the model"


def _costs_to_dict(costs: RunCosts) -> dict[str, Any]:
    return {
        "seconds": {_PREPARING: costs.preparing, _TRAINING: costs.training, _WRITING: costs.writing},
        "images_per_second": costs.images_per_second,
        "parameters": {"twin": costs.network_parameters, "loss": costs.loss_parameters},
        "numbers": costs.numbers,
    }


def _costs_from_dict(values: dict[str, Any]) -> dict[str, Any]:
    """The fields of `RunCosts`; those that cannot be found are left out."""
    seconds, parameters = (
        found if isinstance(found := values.get(name), dict) else {} for name in ("seconds", "parameters")
    )
    costs = {
        "preparing": seconds.get(_PREPARING),
        "training": seconds.get(_TRAINING),
        "writing": seconds.get(_WRITING),
        "images_per_second": values.get("images_per_second"),
        "network_parameters": parameters.get("twin"),
        "loss_parameters": parameters.get("loss"),
        "numbers": values.get("numbers", 0),
    }
    return {name: value for name, value in costs.items() if value is not None}
