"""A model as it is used: one ONNX file that carries its record and its own checksum.

Running it needs NumPy and ONNX Runtime, never torch.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from twinface.core.errors import DivergedError, ModelError
from twinface.core.threads import available_cores
from twinface.core.types import ByteArray, Float32Array
from twinface.models.checksum import verify_checksum
from twinface.models.record import ModelRecord

RECORD_KEY = "twinface"  # the entry of ONNX's metadata that holds `ModelRecord.to_json`


class OnnxModel:
    """A loaded ONNX file; an `Embedder`.

    Args:
        path: the file.
        threads: of ONNX Runtime for one call; None takes all cores that this process may use.

    Attributes:
        path: the file.
        record: how to prepare pictures, how to score embeddings, and which people the model has seen.

    Raises:
        ModelError: the file cannot be read, or is damaged, a pickle, or not made by Twinface.
    """

    def __init__(self, path: str | Path, threads: int | None = None) -> None:
        # ONNX Runtime 1.29 and later reports each session to its maker, unless this is set before its import.
        os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
        import onnxruntime  # takes 0.1 s, which commands that run no model should not spend

        self.path = Path(path)
        try:
            data = self.path.read_bytes()
        except OSError as error:
            raise ModelError(f"{self.path}: cannot be read ({error.strerror}); need an ONNX file") from error
        verify_checksum(data, str(self.path))
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3  # errors only
        # Left to itself, it would use all cores of the machine, even where a container allows fewer.
        options.intra_op_num_threads = threads or available_cores()
        try:
            self._session: Any = onnxruntime.InferenceSession(
                data, options, providers=["CPUExecutionProvider"]
            )
            metadata = self._session.get_modelmeta().custom_metadata_map
        except Exception as error:  # ONNX Runtime's exceptions have no other common base class
            raise ModelError(f"{self.path}: ONNX Runtime cannot load it ({error})") from error
        if RECORD_KEY not in metadata:
            raise ModelError(f"{self.path}: an ONNX model, but not one that Twinface made")
        self.record = ModelRecord.from_json(metadata[RECORD_KEY], str(self.path))

    def __call__(self, faces: ByteArray) -> Float32Array:
        """Embeds prepared faces: `[B, H, W, C]` uint8 → `[B, D]` float32; safe to call from several threads at once.

        Raises:
            ModelError: the faces have another shape or type than the model takes.
            DivergedError: an embedding is not finite.
        """
        preparation = self.record.preparation
        wanted = (preparation.height, preparation.width, preparation.channels)
        if faces.ndim != 4 or faces.shape[1:] != wanted or faces.dtype != np.uint8:
            raise ModelError(
                f"{self.path}: got {faces.dtype} faces of shape {faces.shape}, need uint8 [B, *{wanted}]"
            )
        embeddings: Float32Array = self._session.run(["embeddings"], {"faces": faces})[0]
        if not np.isfinite(embeddings).all():
            raise DivergedError(f"{self.path}: an embedding is not finite; the model is unusable")
        return embeddings
