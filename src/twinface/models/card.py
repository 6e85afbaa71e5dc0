"""A named model's card: what it is, what it was trained on, and its measured error rates."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from twinface.core.errors import ModelError
from twinface.models.record import ModelRecord

_FOLDER = Path(__file__).parent / "cards"


@dataclass(frozen=True)
class Figure:
    """One measured figure of a model.

    Attributes:
        what: "accuracy on LFW View 1 test".
        value, low, high: the figure and its 95 % interval.
        command: prints it.
        date: of the measurement, as YYYY-MM-DD.
    """

    what: str
    value: float
    low: float
    high: float
    command: str
    date: str


@dataclass(frozen=True)
class ModelCard:
    """What a named model is.

    Attributes:
        name: what a caller writes.
        summary: one line for people.
        training_data: the photos that it was trained on, as far as that is known.
        labelled_outside_data: whether it was trained on labelled faces other than those it is judged on.
        licence: of its weights.
        figures: measured error rates.
        record: how to use it; None where the model file carries it.
        weights: of the members, for a committee; else empty.
        genuine, impostor: quantiles of its scores of genuine and of impostor pairs, at 0 %, 1 % … 100 %, of the
            people that its threshold was chosen on; empty where they are not known.
    """

    name: str
    summary: str
    training_data: str
    labelled_outside_data: bool
    licence: str
    figures: tuple[Figure, ...]
    record: ModelRecord | None
    weights: tuple[float, ...]
    genuine: tuple[float, ...] = ()
    impostor: tuple[float, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; `from_dict` reads them back."""
        return {
            "name": self.name,
            "summary": self.summary,
            "training_data": self.training_data,
            "labelled_outside_data": self.labelled_outside_data,
            "licence": self.licence,
            "figures": [vars(figure) for figure in self.figures],
            "weights": list(self.weights),
            "genuine": list(self.genuine),
            "impostor": list(self.impostor),
            "record": json.loads(self.record.to_json()) if self.record else None,
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any], source: str) -> ModelCard:
        """The inverse of `to_dict`."""
        record = values["record"]
        return cls(
            name=values["name"],
            summary=values["summary"],
            training_data=values["training_data"],
            labelled_outside_data=values["labelled_outside_data"],
            licence=values["licence"],
            figures=tuple(Figure(**figure) for figure in values["figures"]),
            record=ModelRecord.from_json(json.dumps(record), source) if record else None,
            weights=tuple(values["weights"]),
            genuine=tuple(values.get("genuine", ())),
            impostor=tuple(values.get("impostor", ())),
        )


def card_file(name: str) -> Path:
    """The file of a named model's card."""
    return _FOLDER / f"{name}.json"


@cache
def read_card(name: str) -> ModelCard:
    """The card of a named model.

    Raises:
        ModelError: the file is missing or damaged.
    """
    file = card_file(name)
    try:
        return ModelCard.from_dict(json.loads(file.read_text(encoding="utf-8")), str(file))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"{file}: cannot be read ({error!r}): pip install --force-reinstall twinface"
        ) from error
