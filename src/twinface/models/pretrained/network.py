"""Networks of other makers, each run by the library that runs it best, behind the interface of our own models."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from twinface.core.errors import ModelError
from twinface.core.types import ByteArray, Float32Array
from twinface.models.embedder import check_faces, check_finite, fingerprint_of
from twinface.models.pretrained.description import NetworkDescription
from twinface.models.record import ModelRecord
from twinface.models.session import Session

Run = Callable[[Float32Array], Float32Array]  # pixels as the network takes them → [B, D]


class PretrainedNetwork:
    """A network of other makers; an `Embedder`.

    Args:
        record: how to score its embeddings.
        description: how it takes faces.
        run: runs it on a batch.
        weights: the SHA-256 of the file of weights, and what else makes this network another one.
        threads_may_share: whether `run` may be called from several threads at once.

    Attributes:
        record: as given.
        fingerprint: see `embedder.LoadedModel.fingerprint`.
    """

    def __init__(
        self,
        record: ModelRecord,
        description: NetworkDescription,
        run: Run,
        *weights: str,
        threads_may_share: bool,
    ) -> None:
        self.record, self._description, self._run = record, description, run
        self.fingerprint = fingerprint_of(record, *weights)
        self._lock: AbstractContextManager[Any] = nullcontext() if threads_may_share else threading.Lock()

    def __call__(self, faces: ByteArray) -> Float32Array:
        """Embeds prepared faces: `[B, H, W, C]` uint8 → `[B, D]` float32; safe to call from several threads at once.

        Raises:
            ModelError: the faces have another shape or type than the network takes.
            DivergedError: an embedding is not finite.
        """
        check_faces(faces, self.record, self.record.name)
        if not len(faces):
            return np.empty((0, self.record.embedding_size), np.float32)
        pixels = _input(faces, self._description)
        with self._lock:
            embeddings = self._run(pixels)
        check_finite(embeddings, self.record.name)
        return embeddings


def _input(faces: ByteArray, description: NetworkDescription) -> Float32Array:
    """`[B, H, W, C]` uint8 → the network's pixels, float32."""
    if description.channels == "bgr":
        faces = faces[..., ::-1]
    pixels = (faces.astype(np.float32) - np.float32(description.mean)) * np.float32(description.scale)
    if description.layout == "NCHW":
        pixels = pixels.transpose(0, 3, 1, 2)
    return np.ascontiguousarray(pixels)


def opencv_runner(weights: Path, input_name: str) -> Run:
    """Runs an ONNX file in OpenCV, which takes a third of ONNX Runtime's time for SFace's weights of 8 bits.

    Args:
        weights: the file.
        input_name: of the graph.

    Raises:
        ModelError: this OpenCV cannot read the file.
    """
    import cv2

    try:
        network = cv2.dnn.readNetFromONNX(str(weights))
    except cv2.error as error:
        raise ModelError(
            f"{weights}: OpenCV {cv2.__version__} cannot read it, need OpenCV 4.11 or later: "
            "pip install --upgrade opencv-python-headless"
        ) from error

    def run(pixels: Float32Array) -> Float32Array:
        rows = []
        for row in range(len(pixels)):
            # One by one: OpenCV 4 returns nonsense for a batch of 8-bit weights, and a batch is no faster in OpenCV 5.
            network.setInput(pixels[row : row + 1], input_name)
            rows.append(np.array(network.forward(), np.float32).reshape(1, -1))
        return np.concatenate(rows)

    return run


def onnx_runner(weights: Path, threads: int | None) -> Run:
    """Runs an ONNX file with one input and one output in ONNX Runtime.

    A network whose batch size is fixed to 1 is run once for each face.

    Raises:
        ModelError: the file cannot be read, is refused (see `Session`), or has several inputs or outputs.
    """
    try:
        data = weights.read_bytes()
    except OSError as error:
        raise ModelError(f"{weights}: cannot be read ({error.strerror}); need an ONNX file") from error
    session = Session(data, str(weights), threads)
    inputs, outputs = session.inputs, session.outputs
    if len(inputs) != 1 or len(outputs) != 1:
        raise ModelError(
            f"{weights}: {len(inputs)} inputs and {len(outputs)} outputs, need one of each: "
            "the picture and its embedding"
        )
    name, one_by_one = inputs[0].name, inputs[0].shape[:1] == [1]

    def run(pixels: Float32Array) -> Float32Array:
        parts = [pixels[row : row + 1] for row in range(len(pixels))] if one_by_one else [pixels]
        rows = [
            session.run(outputs[0].name, {name: part}, len(part)).reshape(len(part), -1) for part in parts
        ]
        return np.concatenate(rows).astype(np.float32)

    return run
