"""A model as it is used: one ONNX file that carries its record and its own checksum.

Running it needs NumPy and ONNX Runtime, never torch.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import numpy as np

from twinface.core.errors import DivergedError, ModelError
from twinface.core.threads import available_cores
from twinface.core.types import ByteArray, Float32Array
from twinface.models.checksum import verify_checksum
from twinface.models.graph_check import ALLOW_VARIABLE, any_operator_allowed, check_graph
from twinface.models.limits import MEMORY, SECONDS, SECONDS_PER_FACE, limit_memory, time_limit
from twinface.models.record import ModelRecord

RECORD_KEY = "twinface"  # the entry of ONNX's metadata that holds `ModelRecord.to_json`
LARGEST_FILE = 2 << 30  # bytes; no protobuf message can be larger
_FATAL = 4  # ONNX Runtime's level of log messages; it prints errors too otherwise, and also raises them


class OnnxModel:
    """A loaded ONNX file; an `Embedder`.

    The file may come from anybody. It is checked before anything in it is run, and a call may take no more memory and
    time than `limits` says.

    Args:
        path: the file.
        threads: of ONNX Runtime for one call; None takes all cores that this process may use.
        allow_any_operator: trust the file: allow operators that Twinface does not export, and any amount of memory and
            time. `TWINFACE_ALLOW_ANY_OPERATOR=1` does the same.

    Attributes:
        path: the file.
        fingerprint: the SHA-256 of the file; see `embedder.LoadedModel`.
        record: how to prepare pictures, how to score embeddings, and which people the model has seen.

    Raises:
        ModelError: the file cannot be read, or is damaged, a pickle, or not made by Twinface; its graph is refused (see
            `graph_check`), or does not fit its record.
    """

    def __init__(
        self, path: str | Path, threads: int | None = None, *, allow_any_operator: bool = False
    ) -> None:
        self.path = Path(path)
        data = _read(self.path)
        verify_checksum(data, str(self.path))
        self.fingerprint = hashlib.sha256(data).hexdigest()
        self._trusted = allow_any_operator or any_operator_allowed()
        check_graph(data, str(self.path), self._trusted)
        self._session, metadata = self._open(data, threads)
        if RECORD_KEY not in metadata:
            raise ModelError(f"{self.path}: an ONNX model, but not one that Twinface made")
        self.record = ModelRecord.from_json(metadata[RECORD_KEY], str(self.path))
        preparation = self.record.preparation
        self._input = (preparation.height, preparation.width, preparation.channels)
        self._check_ends()

    def _open(self, data: bytes, threads: int | None) -> tuple[Any, dict[str, str]]:
        """The session of ONNX Runtime and the file's metadata."""
        # ONNX Runtime 1.29 and later reports each session to its maker, unless this is set before its import.
        os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
        import onnxruntime  # takes 0.1 s, which commands that run no model should not spend

        options = onnxruntime.SessionOptions()
        options.log_severity_level = _FATAL
        # Left to itself, it would use all cores of the machine, even where a container allows fewer.
        options.intra_op_num_threads = threads or available_cores()
        # Never the runtime's own format, which `check_graph` cannot read.
        options.add_session_config_entry("session.load_model_format", "ONNX")
        if not self._trusted:
            limit_memory(onnxruntime, options)
        self._run_options = onnxruntime.RunOptions
        try:
            session = onnxruntime.InferenceSession(
                data,
                options,
                providers=["CPUExecutionProvider"],
                # Nothing is computed while loading, where neither time nor memory is limited. Exports have their
                # constants folded already.
                disabled_optimizers=["ConstantFolding"],
            )
            return session, session.get_modelmeta().custom_metadata_map
        except Exception as error:  # ONNX Runtime's exceptions have no other common base class
            raise ModelError(f"{self.path}: ONNX Runtime cannot load it ({_one_line(error)})") from error

    def _check_ends(self) -> None:
        """Checks that the graph takes and gives what the record says.

        Raises:
            ModelError: it does not.
        """
        size = self.record.embedding_size
        for found, name, kind, shape in (
            (self._session.get_inputs(), "faces", "tensor(uint8)", list(self._input)),
            (self._session.get_outputs(), "embeddings", "tensor(float)", [size]),
        ):
            described = [(each.name, each.type, each.shape) for each in found]
            fits = len(found) == 1 and described[0][:2] == (name, kind)
            if not (fits and not isinstance(found[0].shape[0], int) and found[0].shape[1:] == shape):
                raise ModelError(
                    f"{self.path}: its graph does not fit its record: found {_one_line(described)}, need "
                    f'"{name}", {kind}, {["batch", *shape]}'
                )

    def __call__(self, faces: ByteArray) -> Float32Array:
        """Embeds prepared faces: `[B, H, W, C]` uint8 → `[B, D]` float32; safe to call from several threads at once.

        Raises:
            ModelError: the faces have another shape or type than the model takes; or the model cannot be run, needs
                more memory or time than it may take, or gives something else than embeddings.
            DivergedError: an embedding is not finite.
        """
        if faces.ndim != 4 or faces.shape[1:] != self._input or faces.dtype != np.uint8:
            raise ModelError(
                f"{self.path}: got {faces.dtype} faces of shape {faces.shape}, need uint8 [B, *{self._input}]"
            )
        embeddings = self._run(faces)
        wanted = (len(faces), self.record.embedding_size)
        if embeddings.shape != wanted or embeddings.dtype != np.float32:
            raise ModelError(
                f"{self.path}: gave {embeddings.dtype} embeddings of shape {embeddings.shape}, need float32 {wanted}"
            )
        if not np.isfinite(embeddings).all():
            raise DivergedError(f"{self.path}: an embedding is not finite; the model is unusable")
        return embeddings

    def _run(self, faces: ByteArray) -> Float32Array:
        options = self._run_options()
        options.log_severity_level = _FATAL
        seconds = float("inf") if self._trusted else SECONDS + SECONDS_PER_FACE * len(faces)
        try:
            with time_limit.on(options, seconds):
                embeddings: Float32Array = self._session.run(["embeddings"], {"faces": faces}, options)[0]
        except Exception as error:  # as above
            if options.terminate:
                reason = f"it took more than {seconds:.0f} s for {len(faces)} faces"
            elif "Available memory of" in str(error):
                reason = (
                    f"it needs more than {MEMORY >> 30} GiB for {len(faces)} faces; embed fewer at a time, or, if "
                    f"you trust its maker, set {ALLOW_VARIABLE}=1"
                )
            else:
                reason = _one_line(error)
            raise ModelError(f"{self.path}: ONNX Runtime cannot run it ({reason})") from error
        return embeddings


def _read(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if size > LARGEST_FILE:
            raise ModelError(f"{path}: found {size:,} bytes, an ONNX file has at most {LARGEST_FILE:,}")
        return path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror}); need an ONNX file") from error


def _one_line(found: object) -> str:
    """At most 300 characters of a text, in one line."""
    text = " ".join(str(found).split())
    return text if len(text) <= 300 else f"{text[:297]}..."
