"""The frozen records in a run's `run.json`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

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
        command: that started it.
        twinface: the version that trained it.
        machine, data, validation, costs: None until they are known.
        epochs, best_epoch: trained, and the one whose weights were kept (0 where nothing is trained by steps).
    """

    name: str
    status: Status = "new"
    started: str
    seed: int
    source: DataSource
    start_from: str | None = None
    salt: str
    command: str = ""
    twinface: str | None = None
    machine: MachineInfo | None = None
    data: DataInfo | None = None
    validation: ValidationMetrics | None = None
    costs: RunCosts | None = None
    finished: str | None = None
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
            "command": self.command,
            "twinface": self.twinface,
            "machine": asdict(self.machine) if self.machine else None,
            "data": asdict(self.data) if self.data else None,
            "validation": self.validation.to_dict() if self.validation else None,
            **(_costs_to_dict(self.costs) if self.costs else {}),
            "finished": self.finished,
            "epochs": self.epochs,
            "best_epoch": self.best_epoch,
            "reason": self.reason,
        }
        return {name: value for name, value in values.items() if value is not None or name == "start_from"}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> RunInfo:
        """The inverse of `to_dict`.

        Raises:
            KeyError, TypeError, AttributeError: a value is missing or of another kind.
        """
        plain = ("name", "status", "started", "seed", "salt")
        optional = ("start_from", "twinface", "finished", "epochs", "best_epoch", "reason")
        same: dict[str, Any] = {name: values[name] for name in plain}
        same |= {name: values.get(name) for name in optional}
        machine, data, validation = (values.get(name) for name in ("machine", "data", "validation"))
        return cls(
            **same,
            command=values.get("command", ""),
            source=DataSource(**values["source"]),
            machine=MachineInfo(**{"processes": 1, **machine}) if machine else None,
            data=DataInfo(**data) if data else None,
            validation=ValidationMetrics(**validation) if validation else None,
            costs=_costs_from_dict(values) if "parameters" in values else None,
        )


# On disk the costs lie in four entries, under the names that they had in the first version.
_TRAINING, _WRITING = "training", "writing the model"


def _costs_to_dict(costs: RunCosts) -> dict[str, Any]:
    return {
        "seconds": {_TRAINING: costs.training, _WRITING: costs.writing},
        "images_per_second": costs.images_per_second,
        "parameters": {"twin": costs.network_parameters, "loss": costs.loss_parameters},
        "numbers": costs.numbers,
    }


def _costs_from_dict(values: Mapping[str, Any]) -> RunCosts:
    return RunCosts(
        training=values["seconds"][_TRAINING],
        writing=values["seconds"][_WRITING],
        images_per_second=values["images_per_second"],
        network_parameters=values["parameters"]["twin"],
        loss_parameters=values["parameters"]["loss"],
        numbers=values.get("numbers", 0),
    )
