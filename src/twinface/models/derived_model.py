"""A model that is another one with a record of its own: fitted to other people, or adapted to other photos."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from twinface.core.errors import ModelError
from twinface.core.storage import write_json
from twinface.core.types import ByteArray, Float32Array
from twinface.models.embedder import Embedder, LoadedModel, fingerprint_of
from twinface.models.fields import packed, parse_fields
from twinface.models.record import ModelRecord

_FORMAT = 1


@dataclass(frozen=True, eq=False)
class DerivedModel:
    """A model with another record; a `LoadedModel`.

    Attributes:
        base: embeds faces.
        record: how to score and decide.
        shift: `[D]`, subtracted from embeddings of length 1, which then get length 1 again; None changes nothing. See
            `recognition.adapt`. D leaves out the correction of score normalisation, if there is one.
        base_place: the base as `load_model` takes it; None where it did not come from a file.
    """

    base: LoadedModel
    record: ModelRecord
    shift: Float32Array | None = None
    base_place: str | Path | None = None

    @property
    def fingerprint(self) -> str:
        """That of the base, where embeddings and scores are the same."""
        if self.shift is None:
            return self.base.fingerprint
        return fingerprint_of(self.record, self.base.fingerprint, sha256(self.shift.tobytes()).hexdigest())

    def __call__(self, faces: ByteArray) -> Float32Array:
        """Embeds prepared faces: `[B, H, W, C]` uint8 → `[B, D]` float32."""
        embeddings = self.base(faces)
        return embeddings if self.shift is None else shifted(embeddings, self.shift)


def check_base(model: Embedder) -> None:
    """Checks that a model can be the base of another one, before it is calibrated or adapted.

    Raises:
        ModelError: it was calibrated or adapted itself. A file points to one base, and `load_model` opens no chain.
    """
    if isinstance(model, DerivedModel):
        raise ModelError(
            "the model was calibrated or adapted already, and cannot be the base of another one; "
            f"give its own base: {model.base_place or model.base.record.name}"
        )


def check_file_name(file: Path) -> None:
    """Checks the name of a derived model's file, before any work is done.

    Raises:
        ModelError: it does not end in .json.
    """
    if file.suffix != ".json":
        raise ModelError(f"{file}: the name of a calibrated or adapted model has to end in .json")


def shifted(embeddings: Float32Array, shift: Float32Array) -> Float32Array:
    """Embeddings `[B, D]` or `[B, D + 1]` without a direction that they share; the last number of D + 1 stays.

    Args:
        embeddings: of any length; they are brought to length 1 first.
        shift: `[D]`.

    >>> shifted(np.array([[3.0, 4.0, 0.2]], np.float32), np.array([0.6, 0.0], np.float32)).round(2).tolist()
    [[0.0, 1.0, 0.20000000298023224]]
    """
    size = len(shift)
    unit = embeddings[:, :size] / np.linalg.norm(embeddings[:, :size], axis=1, keepdims=True).clip(1e-12)
    moved = unit - shift
    moved /= np.linalg.norm(moved, axis=1, keepdims=True).clip(1e-12)
    return np.concatenate([moved, embeddings[:, size:]], axis=1).astype(np.float32)


@dataclass(frozen=True)
class DerivedFile:
    """What the file of such a model holds.

    Attributes:
        base: the name of the base, or its path relative to the file.
        fingerprint: of the base, so that a base that was changed is noticed.
        record: of the model.
        shift: see `DerivedModel`.
    """

    base: str
    fingerprint: str
    record: ModelRecord
    shift: Float32Array | None = None


def write_derived(
    file: Path,
    base_place: str | Path,
    base: LoadedModel,
    record: ModelRecord,
    shift: Float32Array | None = None,
) -> None:
    """Writes the file of a derived model.

    Args:
        file: its name ends in .json.
        base_place: the base as `load_model` takes it.
        base: the same, loaded.
        record: of the new model.
        shift: see `DerivedModel`.

    Raises:
        ModelError: the file's name does not end in .json, or the base is a derived model itself.
        StorageError: the file cannot be written.
    """
    check_base(base)
    check_file_name(file)
    from twinface.models.catalog import card_of

    card = card_of(base_place)  # so that "best" stands for the model that it is here
    place = card.name if card else ""
    if not card:
        # With "./", because a folder may have the name of a model.
        place = f"./{Path(os.path.relpath(base_place, file.resolve().parent)).as_posix()}"
    values: dict[str, Any] = {
        "twinface_model": _FORMAT,
        "base": place,
        "fingerprint": base.fingerprint,
        "record": json.loads(record.to_json()),
        "shift": None if shift is None else packed(shift),
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
        shift = None
        if fields.plain_or_none("shift") is not None:
            shift = fields.array("shift", (record.embedding_size - (record.distance == "local-cosine"),))
        return DerivedFile(fields.text("base"), fields.text("fingerprint"), record, shift)
    except (OSError, ValueError) as error:
        raise ModelError(
            f"{file}: cannot be read ({error}); need a model that `twinface calibrate` or `adapt` wrote"
        ) from error
