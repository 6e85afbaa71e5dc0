"""The form of a model that is used: one ONNX file that carries its record and its own checksum.

Running it needs NumPy and ONNX Runtime, never torch. The file ends in a `sha256` of all that comes before,
written as a last entry of ONNX's own metadata list, so that a damaged file is noticed before it runs.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

from twinface.core.errors import ModelError
from twinface.core.threads import available_cores
from twinface.core.types import ByteArray, Float32Array
from twinface.models.model_file import RECORD_KEY, ModelFile, find_model
from twinface.models.record import ModelRecord

# Field 14 of ONNX's ModelProto is its metadata list; an entry has a key (field 1) and a value (field 2).
_SEAL_START = b"\x72\x4a\x0a\x06sha256\x12\x40"
_SEAL_LENGTH = len(_SEAL_START) + 64


def seal(model: bytes) -> bytes:
    """Appends the checksum of a serialised ONNX model to it; the result is an ONNX model too."""
    return model + _SEAL_START + hashlib.sha256(model).hexdigest().encode()


def unseal(data: bytes, source: str) -> None:
    """Checks that `data` is what `seal` made.

    Raises:
        ModelError: it is a pickle, no Twinface model at all, or a damaged one.
    """
    if data[:1] == b"\x80" or data[:2] == b"PK":
        raise ModelError(
            f"{source}: looks like a pickle or a torch archive, which is never opened, since opening one can run "
            "what its maker put in; need model.onnx, or model.xml of OpenVINO"
        )
    body, end = data[:-_SEAL_LENGTH], data[-_SEAL_LENGTH:]
    if not end.startswith(_SEAL_START):
        raise ModelError(
            f"{source}: not a whole Twinface model ({len(data)} bytes without a checksum at the end); "
            "copy the file again, or make it with `twinface train`"
        )
    if end[len(_SEAL_START) :] != hashlib.sha256(body).hexdigest().encode():
        raise ModelError(f"{source}: damaged, its checksum does not fit; copy the file again")


class OnnxModel(ModelFile):
    """A loaded ONNX file.

    Args:
        place: a run folder, an ONNX file or the name of a shipped model.
        threads: for ONNX Runtime; None takes all cores that this process may use (its own choice is all there are).

    Raises:
        ModelError: missing, damaged, not Twinface's, or a pickle.
    """

    def __init__(self, place: str | Path, threads: int | None = None) -> None:
        # From 1.29 on it reports each session to its maker, unless this is set before its import.
        os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
        import onnxruntime  # takes 0.1 s, and commands that run no model do without

        self.path = find_model(place)
        data = self.path.read_bytes()
        unseal(data, str(self.path))
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.intra_op_num_threads = threads or available_cores()
        try:
            self._session: Any = onnxruntime.InferenceSession(
                data, options, providers=["CPUExecutionProvider"]
            )
            metadata = self._session.get_modelmeta().custom_metadata_map
        except Exception as error:  # ONNX Runtime's exceptions have no common base but this
            raise ModelError(f"{self.path}: ONNX Runtime cannot load it ({error})") from error
        if RECORD_KEY not in metadata:
            raise ModelError(f"{self.path}: an ONNX model, but not one that Twinface made")
        self.record = ModelRecord.from_json(metadata[RECORD_KEY], str(self.path))

    def _run(self, faces: ByteArray) -> Float32Array:
        embeddings: Float32Array = self._session.run(["embeddings"], {"faces": faces})[0]
        return embeddings
