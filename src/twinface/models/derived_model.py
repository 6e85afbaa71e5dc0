"""A model that is another one with a record of its own: its threshold and calibration fitted to other people."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twinface.core.errors import ModelError
from twinface.core.storage import write_json
from twinface.core.types import ByteArray, Float32Array
from twinface.models.embedder import LoadedModel
from twinface.models.fields import parse_fields
from twinface.models.record import ModelRecord

_FORMAT = 1


@dataclass(frozen=True, eq=False)
class DerivedModel:
    """A model with another record; a `LoadedModel`.

    Attributes:
        base: embeds faces.
        record: how to score and decide.
    """

    base: LoadedModel
    record: ModelRecord

    @property
    def fingerprint(self) -> str:
        """That of the base, because embeddings and scores are the same."""
        return self.base.fingerprint

    def __call__(self, faces: ByteArray) -> Float32Array:
        """Embeds prepared faces: `[B, H, W, C]` uint8 → `[B, D]` float32."""
        return self.base(faces)


@dataclass(frozen=True)
class DerivedFile:
    """What the file of such a model holds.

    Attributes:
        base: the name of the base, or its path relative to the file.
        fingerprint: of the base, so that a base that was changed is noticed.
        record: of the model.
    """

    base: str
    fingerprint: str
    record: ModelRecord


def write_derived(file: Path, base_place: str | Path, base: LoadedModel, record: ModelRecord) -> None:
    """Writes the file of a derived model.

    Args:
        file: its name ends in .json.
        base_place: the base as `load_model` takes it.
        base: the same, loaded.
        record: of the new model.

    Raises:
        ModelError: the file's name does not end in .json.
        StorageError: the file cannot be written.
    """
    if file.suffix != ".json":
        raise ModelError(f"{file}: the name of a calibrated model ends in .json")
    from twinface.models.catalog import card_of

    card = card_of(base_place)  # so that "best" stands for the model that it is here
    place = card.name if card else ""
    if not card:
        place = os.path.relpath(base_place, file.resolve().parent)
    values: dict[str, Any] = {
        "twinface_model": _FORMAT,
        "base": place,
        "fingerprint": base.fingerprint,
        "record": json.loads(record.to_json()),
    }
    write_json(file, values)


def read_derived(file: Path) -> DerivedFile:
    """Reads the file of a derived model; the base is not opened.

    Raises:
        ModelError: the file cannot be read, or is not such a file.
    """
    try:
        fields = parse_fields(file.read_text(encoding="utf-8"))
        fields.whole("twinface_model", _FORMAT, _FORMAT)
        record = ModelRecord.from_json(json.dumps(fields.plain("record")), str(file))
        return DerivedFile(fields.text("base"), fields.text("fingerprint"), record)
    except (OSError, ValueError) as error:
        raise ModelError(
            f"{file}: cannot be read ({error}); need a model that `twinface calibrate` wrote"
        ) from error
