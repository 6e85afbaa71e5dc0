"""A model as it is used: one ONNX file that carries its record and its own checksum.

Running it needs NumPy and ONNX Runtime, never torch.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from twinface.core.errors import ModelError
from twinface.core.formatting import one_line
from twinface.core.types import ByteArray, Float32Array
from twinface.models.checksum import verify_checksum
from twinface.models.embedder import check_faces, check_finite
from twinface.models.record import ModelRecord
from twinface.models.session import MOST_TEXT, Session

RECORD_KEY = "twinface"  # the entry of ONNX's metadata that holds `ModelRecord.to_json`
LARGEST_FILE = 2 << 30  # bytes; no protobuf message can be larger


class OnnxModel:
    """A loaded ONNX file; an `Embedder`.

    The file may come from anybody: see `Session`.

    Args:
        path: the file.
        threads: of ONNX Runtime for one call; None takes all cores that this process may use.
        allow_any_operator: trust the file; see `Session`.

    Attributes:
        path: the file.
        fingerprint: the SHA-256 of the file; see `embedder.LoadedModel`.
        record: how to prepare pictures, how to score embeddings, and which people the model has seen.

    Raises:
        ModelError: the file cannot be read, or is damaged, a pickle, or not made by Twinface; its graph is refused, or
            does not fit its record.
    """

    def __init__(
        self, path: str | Path, threads: int | None = None, *, allow_any_operator: bool = False
    ) -> None:
        self.path = Path(path)
        source = str(self.path)
        data = _read(self.path)
        self.fingerprint = hashlib.sha256(data).hexdigest()
        verify_checksum(data, source)
        self._session = Session(data, source, threads, allow_any_operator=allow_any_operator)
        if RECORD_KEY not in self._session.metadata:
            raise ModelError(f"{source}: an ONNX model, but not one that Twinface made")
        self.record = ModelRecord.from_json(self._session.metadata[RECORD_KEY], source)
        self._check_ends()

    def _check_ends(self) -> None:
        """Checks that the graph takes and gives what the record says.

        Raises:
            ModelError: it does not.
        """
        size, preparation = self.record.embedding_size, self.record.preparation
        face = [preparation.height, preparation.width, preparation.channels]
        for found, name, kind, shape in (
            (self._session.inputs, "faces", "tensor(uint8)", face),
            (self._session.outputs, "embeddings", "tensor(float)", [size]),
        ):
            described = [(each.name, each.type, each.shape) for each in found]
            batch = found[0].shape[:1] if len(found) == 1 else []
            # The first dimension has a name, because the number of faces is free.
            if described != [(name, kind, [*batch, *shape])] or not batch or isinstance(batch[0], int):
                raise ModelError(
                    f"{self.path}: its graph does not fit its record: found {one_line(described, MOST_TEXT)}, need "
                    f'"{name}", {kind}, {["batch", *shape]}'
                )

    def __call__(self, faces: ByteArray) -> Float32Array:
        """Embeds prepared faces: `[B, H, W, C]` uint8 → `[B, D]` float32; safe to call from several threads at once.

        Raises:
            ModelError: the faces have another shape or type than the model takes; or the model cannot be run, needs
                more memory or time than it may take, or gives something else than embeddings.
            DivergedError: an embedding is not finite.
        """
        check_faces(faces, self.record, str(self.path))
        embeddings: Float32Array = self._session.run("embeddings", {"faces": faces}, len(faces))
        wanted = (len(faces), self.record.embedding_size)
        if embeddings.shape != wanted or embeddings.dtype != np.float32:
            raise ModelError(
                f"{self.path}: gave {embeddings.dtype} embeddings of shape {embeddings.shape}, need float32 {wanted}"
            )
        check_finite(embeddings, str(self.path))
        return embeddings


def _read(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if size > LARGEST_FILE:
            raise ModelError(f"{path}: found {size:,} bytes, an ONNX file has at most {LARGEST_FILE:,}")
        return path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror}); need an ONNX file") from error
