"""What a model file is, whatever its form: where it lies, and prepared faces in, embeddings out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path

import numpy as np

from twinface.core.errors import DivergedError, ModelError
from twinface.core.types import ByteArray, Float32Array
from twinface.models.record import ModelRecord

RECORD_KEY = "twinface"  # under which every form keeps `ModelRecord.to_json`


class ModelFile(ABC):
    """A loaded model; each form adds how it loads and runs.

    Attributes:
        path: the file.
        record: what it is and how to use it.
    """

    path: Path
    record: ModelRecord

    def __call__(self, faces: ByteArray) -> Float32Array:
        """`[B, H, W, C]` uint8 → embeddings `[B, D]` float32.

        Raises:
            ModelError: the faces have another shape than the model takes.
            DivergedError: an embedding is not finite.
        """
        preparation = self.record.preparation
        wanted = (preparation.height, preparation.width, preparation.channels)
        if faces.ndim != 4 or faces.shape[1:] != wanted or faces.dtype != np.uint8:
            raise ModelError(
                f"{self.path}: got {faces.dtype} faces of shape {faces.shape}, need uint8 [B, *{wanted}]"
            )
        embeddings = self._run(faces)
        if not np.isfinite(embeddings).all():
            raise DivergedError(f"{self.path}: an embedding is not finite; the model is unusable")
        return embeddings

    @abstractmethod
    def _run(self, faces: ByteArray) -> Float32Array:
        """`[B, H, W, C]` uint8 of the right shape → `[B, D]` float32."""


def shipped_models() -> dict[str, Path]:
    """The models that come with the package: name → file."""
    return {path.stem: path for path in sorted((Path(__file__).parent / "shipped").glob("*.onnx"))}


def find_model(place: str | Path) -> Path:
    """The ONNX file of a run folder or of its model folder, the file itself, or a model that comes with the package.

    Raises:
        ModelError: nothing is there.
    """
    shipped = shipped_models()
    if str(place) in shipped and not Path(place).exists():
        return shipped[str(place)]
    place = Path(place)
    if place.is_file():
        return place
    for candidate in (place / "model" / "model.onnx", place / "model.onnx"):
        if candidate.is_file():
            return candidate
    if (place / "settings.toml").is_file():
        raise ModelError(
            f"{place}: training has not ended; continue it with `twinface train --resume {place}`"
        )
    raise ModelError(
        f"{place}: found no model there; need a run folder with model/model.onnx, such a file, or the name of a model "
        f"that comes with Twinface ({', '.join(shipped) or 'none does'})"
    )
