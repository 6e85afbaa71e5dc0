"""What a model is beside its weights, as one JSON text. The ONNX file and the checkpoint of a model both carry it."""

from __future__ import annotations

import base64
import json
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from twinface.core.errors import ModelError
from twinface.core.suggestion import nearest
from twinface.core.types import Float32Array
from twinface.faces.preparation import Preparation
from twinface.models.decision import Calibration, Threshold
from twinface.models.distances import DISTANCES
from twinface.models.provenance import Provenance

# The number of the format that this version writes, and the oldest one that it reads. The number is raised when a
# record changes so that earlier versions would misread it. A new field that they can ignore does not raise it.
FORMAT, OLDEST_FORMAT = 1, 1


@dataclass(frozen=True, eq=False)
class ModelRecord:
    """What a model is and how to use it.

    Its JSON has a format number. This version writes format 1 and reads format 1. A record with a higher number was
    made by a newer Twinface, and is refused with one line that says so. Before a format is dropped, the CHANGELOG says
    so, and at least one more minor version reads it. `made_by` says which version of Twinface made the model.

    Attributes:
        name: of the run that made the model.
        preparation: from a picture to the network's input.
        layout: the pictures that the model takes, in words: "LFW-a: aligned faces, 250x250".
        embedding_size: D.
        distance: an entry of `distances.DISTANCES`.
        distance_parameters: of that distance, name → array.
        threshold, calibration: fitted on validation people.
        provenance: the people that the model has seen.
        settings: the run's settings as plain values.
        seed: of the run.
        made_by: program → its version.
    """

    name: str
    preparation: Preparation
    layout: str
    embedding_size: int
    distance: str
    distance_parameters: dict[str, Float32Array]
    threshold: Threshold
    calibration: Calibration
    provenance: Provenance
    settings: dict[str, Any]
    seed: int
    made_by: dict[str, str]

    def score(self, left: Float32Array, right: Float32Array) -> Float32Array:
        """Embeddings `[..., D]` and `[..., D]` → scores `[...]`; higher means the same person."""
        scores: Float32Array = DISTANCES[self.distance].score(left, right, self.distance_parameters)
        return scores

    def to_json(self) -> str:
        """One JSON text; arrays are little-endian float32 in base64."""
        values = {
            "format": FORMAT,
            "name": self.name,
            "preparation": self.preparation.to_dict(),
            "layout": self.layout,
            "embedding_size": self.embedding_size,
            "distance": self.distance,
            "distance_parameters": {name: _packed(value) for name, value in self.distance_parameters.items()},
            "threshold": asdict(self.threshold),
            "calibration": asdict(self.calibration),
            "provenance": self.provenance.to_dict(),
            "settings": self.settings,
            "seed": self.seed,
            "made_by": self.made_by,
        }
        return json.dumps(values, allow_nan=False)

    @classmethod
    def from_json(cls, text: str, source: str) -> ModelRecord:
        """The inverse of `to_json`.

        Args:
            text: the JSON.
            source: the file, for errors.

        Raises:
            ModelError: the text is not such a record, or has a format that this version does not read.
        """
        try:
            values = json.loads(text)
            _check_format(int(values["format"]), source)
            record = cls(
                name=str(values["name"]),
                preparation=Preparation.from_dict(values["preparation"]),
                layout=str(values["layout"]),
                embedding_size=int(values["embedding_size"]),
                distance=str(values["distance"]),
                distance_parameters={
                    name: _unpacked(value) for name, value in values["distance_parameters"].items()
                },
                threshold=Threshold(**values["threshold"]),
                calibration=Calibration(**values["calibration"]),
                provenance=Provenance.from_dict(values["provenance"]),
                settings=dict(values["settings"]),
                seed=int(values["seed"]),
                made_by=dict(values["made_by"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ModelError(
                f"{source}: the model's record is damaged ({error!r}); copy the file again, or train the model again"
            ) from error
        if record.distance not in DISTANCES:
            raise ModelError(
                f'{source}: this version has no distance "{record.distance}"{nearest(record.distance, DISTANCES)}'
            )
        return record


def _check_format(found: int, source: str) -> None:
    readable = str(FORMAT) if OLDEST_FORMAT == FORMAT else f"{OLDEST_FORMAT} to {FORMAT}"
    if found > FORMAT:
        raise ModelError(
            f"{source}: made by a newer Twinface (format {found}); this version reads {readable}: "
            "pip install --upgrade twinface"
        )
    if found < OLDEST_FORMAT:
        raise ModelError(
            f"{source}: made by an older Twinface (format {found}); this version reads {readable}: "
            "train the model again, or install the version that made it"
        )


def _packed(array: Float32Array) -> dict[str, Any]:
    data = np.ascontiguousarray(array, "<f4").tobytes()
    return {"shape": list(array.shape), "float32": base64.b64encode(data).decode()}


def _unpacked(value: dict[str, Any]) -> Float32Array:
    return np.frombuffer(base64.b64decode(value["float32"]), "<f4").reshape(value["shape"]).astype(np.float32)
