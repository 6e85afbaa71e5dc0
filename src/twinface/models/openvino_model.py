"""A model in OpenVINO's form: `NAME.xml` says what is computed, `NAME.bin` beside it holds the weights.

The record is in the XML's `rt_info`, and the XML ends in a comment with the SHA-256 of both files, so that a damaged
file, or two that do not belong together, are noticed before they run. Both stay plain OpenVINO files.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from typing import Any

import numpy as np

from twinface.core.errors import ModelError
from twinface.core.types import ByteArray, Float32Array
from twinface.models.model_file import RECORD_KEY, ModelFile
from twinface.models.record import ModelRecord

_SEAL_START, _SEAL_END = b"<!-- sha256 ", b" -->\n"
_SEAL_LENGTH = len(_SEAL_START) + 64 + len(_SEAL_END)


def import_openvino() -> Any:
    """OpenVINO without its conversion tools: importing those sends an event to Google Analytics.

    Raises:
        ModuleNotFoundError: it is not installed.
    """
    tools = "openvino.tools.ovc"
    if "openvino" not in sys.modules:
        sys.modules[tools] = None  # type: ignore[assignment] # Python's own way to say: not importable
    try:
        import openvino
    finally:
        if sys.modules.get(tools, ...) is None:
            del sys.modules[tools]
    return openvino


def seal(text: bytes, weights: bytes) -> bytes:
    """The XML with the checksum of itself and of the weights as a last comment."""
    return text + _SEAL_START + _checksum(text, weights) + _SEAL_END


def unseal(text: bytes, weights: bytes, source: str) -> None:
    """Checks that `text` is what `seal` made for these weights.

    Raises:
        ModelError: the XML is none of Twinface's, or one of the two is damaged or of another model.
    """
    body, end = text[:-_SEAL_LENGTH], text[-_SEAL_LENGTH:]
    if not (end.startswith(_SEAL_START) and end.endswith(_SEAL_END)):
        raise ModelError(
            f"{source}: not a whole Twinface model ({len(text)} bytes without a checksum at the end); copy the file "
            "again, or make it with `twinface export RUN --format openvino`"
        )
    if end[len(_SEAL_START) : -len(_SEAL_END)] != _checksum(body, weights):
        raise ModelError(
            f"{source}: damaged, or the .bin beside it belongs to another model (the checksum of both does not fit); "
            "copy both files again"
        )


class OpenvinoModel(ModelFile):
    """A loaded OpenVINO model, computed in float32 on the processor.

    Args:
        path: the XML file; the weights are beside it.
        threads: for OpenVINO; None takes all cores.

    Raises:
        ModelError: missing, damaged, or not Twinface's.
        ModuleNotFoundError: OpenVINO is not installed.
    """

    def __init__(self, path: str | Path, threads: int | None = None) -> None:
        openvino = import_openvino()
        self.path = Path(path)
        text, weights = (_read(self.path.with_suffix(suffix), self.path) for suffix in (".xml", ".bin"))
        unseal(text, weights, str(self.path))
        # Left to itself it computes in bfloat16 where the processor can, which moves scores by up to 1e-3.
        wanted: dict[str, Any] = {"INFERENCE_PRECISION_HINT": "f32"}
        if threads:
            wanted["INFERENCE_NUM_THREADS"] = threads
        try:
            core = openvino.Core()
            model = core.read_model(text, weights)
            has_record = model.has_rt_info([RECORD_KEY])
            record = model.get_rt_info([RECORD_KEY]).astype(str) if has_record else ""
            self._compiled = core.compile_model(model, "CPU", wanted)
        except Exception as error:  # OpenVINO raises RuntimeError, TypeError and exceptions of its own
            reason = " ".join(str(error).split())
            raise ModelError(
                f"{self.path}: OpenVINO {openvino.__version__} cannot load it ({reason}); if a newer one made it, "
                "install that, or export it again with this one"
            ) from error
        if not has_record:
            raise ModelError(f"{self.path}: an OpenVINO model, but not one that Twinface made")
        self.record = ModelRecord.from_json(record, str(self.path))

    def _run(self, faces: ByteArray) -> Float32Array:
        # A request of its own for each call, so that threads may call at once.
        result = self._compiled.create_infer_request().infer({"faces": faces})
        return np.array(result["embeddings"], np.float32)


def _checksum(text: bytes, weights: bytes) -> bytes:
    digest = hashlib.sha256(text)
    digest.update(weights)
    return digest.hexdigest().encode()


def _read(path: Path, model: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ModelError(
            f"{model}: {path.name} cannot be read ({error.strerror}); an OpenVINO model is two files, "
            f"{model.stem}.xml and {model.stem}.bin in one folder"
        ) from error
