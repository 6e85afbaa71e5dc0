"""What a model is beside its weights, as one JSON text. The ONNX file and the checkpoint of a model both carry it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from twinface.core.errors import ModelError
from twinface.core.limits import LARGEST_SEED
from twinface.core.suggestion import nearest
from twinface.core.types import Float32Array
from twinface.faces.frame import STANDARD_FRAME, Frame
from twinface.faces.preparation import Preparation
from twinface.models.decision import Calibration, Threshold
from twinface.models.distances import DISTANCES
from twinface.models.embedding_lengths import PLACES
from twinface.models.error_table import ErrorTable
from twinface.models.fields import Fields, packed, parse_fields
from twinface.models.provenance import Provenance

# The number of the format that this version writes, and the oldest one that it reads. The number is raised when a
# record changes so that earlier versions would misread it. A new field that they can ignore does not raise it.
FORMAT, OLDEST_FORMAT = 1, 1

LONGEST_EMBEDDING = 1 << 20


@dataclass(frozen=True, eq=False)
class ModelRecord:
    """What a model is and how to use it.

    Its JSON has a format number. This version writes format 1 and reads format 1. A record with a higher number was
    made by a newer Twinface, and is refused with one line that says so. Before a format is dropped, the CHANGELOG says
    so, and at least one more minor version reads it. `made_by` says which version of Twinface made the model. All of
    it is what the maker of the file wrote: the checksum notices accidents, and no more.

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
        frame: where a face must lie in a picture before it is prepared, or None if that is not known. A photo is
            aligned to it; without it only pictures that are framed already can be used.
        error_table: its error rates at several thresholds, on people that it was not trained on; None if they were not
            measured.
        lengths: [101] quantiles of the lengths of its embeddings, on the people that the threshold was fitted on; None
            where the length says nothing. See `embedding_lengths`.
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
    frame: Frame | None = None
    error_table: ErrorTable | None = None
    lengths: Float32Array | None = None

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
            "distance_parameters": {name: packed(value) for name, value in self.distance_parameters.items()},
            "threshold": asdict(self.threshold),
            "calibration": asdict(self.calibration),
            "provenance": self.provenance.to_dict(),
            "settings": self.settings,
            "seed": self.seed,
            "made_by": self.made_by,
            "frame": self.frame.to_dict() if self.frame else None,
            "error_table": self.error_table.to_dict() if self.error_table else None,
            "lengths": None if self.lengths is None else packed(self.lengths),
        }
        return json.dumps(values, allow_nan=False)

    @classmethod
    def from_json(cls, text: str, source: str) -> ModelRecord:
        """The inverse of `to_json`.

        Args:
            text: the JSON.
            source: the file, for errors.

        Raises:
            ModelError: the text is not such a record, a value has another type or range, or the format is one that this
                version does not read.
        """
        try:
            fields = parse_fields(text)
            _check_format(fields.whole("format", -LARGEST_SEED, LARGEST_SEED))
            distance = fields.text("distance")
            if distance not in DISTANCES:
                raise ModelError(f'this version has no distance "{distance}"{nearest(distance, DISTANCES)}')
            size = fields.whole("embedding_size", DISTANCES[distance].shortest, LONGEST_EMBEDDING)
            return cls(
                name=fields.text("name"),
                preparation=Preparation.from_dict(fields.plain("preparation")),
                layout=fields.text("layout"),
                embedding_size=size,
                distance=distance,
                distance_parameters=_parameters(fields.inside("distance_parameters"), distance, size),
                threshold=_threshold(fields.inside("threshold")),
                calibration=_calibration(fields.inside("calibration")),
                provenance=Provenance.from_dict(fields.plain("provenance")),
                settings=fields.plain("settings"),
                seed=fields.whole("seed", -LARGEST_SEED, LARGEST_SEED),
                made_by=fields.named_texts("made_by"),
                frame=_frame_of(fields),
                error_table=_error_table(fields),
                lengths=_lengths(fields),
            )
        except ModelError as error:
            raise ModelError(f"{source}: {error}") from error
        except (ValueError, OverflowError) as error:  # the latter from whole numbers too large for a float
            raise ModelError(
                f"{source}: the model's record is damaged ({error}); copy the file again, or train the model again"
            ) from error


def _parameters(fields: Fields, distance: str, size: int) -> dict[str, Float32Array]:
    found = {
        name: fields.array(name, value.shape) for name, value in DISTANCES[distance].parameters(size).items()
    }
    # In the order of the file, so that a record that is read and written again has the same bytes.
    return {name: found[name] for name in fields.names() if name in found}


def _threshold(fields: Fields) -> Threshold:
    value, lower, upper = (
        fields.number("value"),
        fields.number_or_none("lower"),
        fields.number_or_none("upper"),
    )
    if (lower is not None and lower > value) or (upper is not None and upper < value):
        raise ValueError(f"threshold: value {value} is not from lower {lower} to upper {upper}")
    return Threshold(value, fields.text("fitted_on"), fields.number_or_none("far"), lower, upper)


def _calibration(fields: Fields) -> Calibration:
    limits = [
        fields.number(name) if fields.has(name) else value
        for name, value in (("lowest", 0.0), ("highest", 1.0))
    ]
    if not 0 <= limits[0] <= 0.5 <= limits[1] <= 1:
        raise ValueError(f"calibration: limits {limits}, need one from 0 to 0.5 and one from 0.5 to 1")
    slope = fields.number("slope")
    if slope < 0:
        raise ValueError(f"calibration.slope: found {slope}, need 0 or more")
    return Calibration(slope, fields.number("offset"), fields.text("fitted_on"), *limits)


def _error_table(fields: Fields) -> ErrorTable | None:
    found = fields.plain_or_none("error_table")
    return None if found is None else ErrorTable.from_fields(fields.inside("error_table"))


def _lengths(fields: Fields) -> Float32Array | None:
    if fields.plain_or_none("lengths") is None:
        return None
    found = fields.array("lengths", (PLACES,))
    if found[0] < 0 or (found[1:] < found[:-1]).any():
        raise ValueError("lengths: need quantiles that rise from 0 or more")
    return found


def _check_format(found: int) -> None:
    readable = str(FORMAT) if OLDEST_FORMAT == FORMAT else f"{OLDEST_FORMAT} to {FORMAT}"
    if found > FORMAT:
        raise ModelError(
            f"made by a newer Twinface (format {found}); this version reads {readable}: "
            "pip install --upgrade twinface"
        )
    if found < OLDEST_FORMAT:
        raise ModelError(
            f"made by an older Twinface (format {found}); this version reads {readable}: "
            "train the model again, or install the version that made it"
        )


def _frame_of(fields: Fields) -> Frame | None:
    """The frame in a record. Records of 0.2 and before have none, and name their pictures only."""
    if not fields.has("frame"):
        return STANDARD_FRAME if fields.text("layout").startswith("LFW-a:") else None
    values = fields.plain_or_none("frame")
    return None if values is None else Frame.from_dict(values)
