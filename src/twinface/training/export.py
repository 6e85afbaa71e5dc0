"""Writes a trained network as an ONNX file, the one form in which a model is used, once it scores as torch does."""

from __future__ import annotations

import contextlib
import logging
import os
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from onnx import TensorProto, numpy_helper
from torch import Tensor, nn

from twinface.core.errors import ModelError
from twinface.core.storage import write_bytes
from twinface.core.types import ByteArray
from twinface.models.checksum import with_checksum
from twinface.models.embedder import EmbedFunction
from twinface.models.onnx_model import RECORD_KEY, OnnxModel
from twinface.models.record import ModelRecord
from twinface.networks.siamese import SiameseNetwork

OPSET = 18
# The root of the smallest normal number of float32: a product of two smaller weights is "denormal". Weight decay leaves
# them behind, and with them processors of Intel embed fifteen times as slowly. No output changes.
TINY = 1e-19
TOLERANCE = 2e-3  # of an embedding's length; float32 sums in another order differ by about 1e-6
SCORE_TOLERANCE = 1e-3


def export_model(network: SiameseNetwork, record: ModelRecord, target: Path) -> float:
    """Writes the model, with its record inside, once its embeddings and scores are compared with those of torch.

    Args:
        network: trained, on the CPU, float32.
        record: is stored in the file.
        target: the `.onnx` file.

    Returns:
        The largest difference between a score of the file and the network's, over pairs of made-up faces.

    Raises:
        ModelError: scores differ by more than `SCORE_TOLERANCE`, or embeddings by more than `TOLERANCE` of their
            length; nothing is written.
        DivergedError: an embedding is not finite; nothing is written.
        StorageError: the file cannot be written.
    """
    was_training = network.training
    try:
        data = with_checksum(_to_onnx(network.eval(), record))
        with tempfile.TemporaryDirectory() as folder:
            # The candidate has the target's name, because errors of `OnnxModel` name the file.
            candidate = Path(folder) / target.name
            write_bytes(candidate, data)
            difference = _largest_difference(network, record, OnnxModel(candidate), target)
    finally:
        network.train(was_training)
    write_bytes(target, data)
    return difference


def _largest_difference(
    network: SiameseNetwork, record: ModelRecord, embed: EmbedFunction, target: Path
) -> float:
    """Compares with torch on 12 faces in batches of 1 and 11, and on all pairs of them."""
    faces = _made_up_faces(record, 12)
    with torch.inference_mode():
        expected = network.embed(torch.from_numpy(faces)).numpy()
    found = np.concatenate([embed(faces[:1]), embed(faces[1:])])
    of_embeddings = float(np.abs(found - expected).max() / np.linalg.norm(expected, axis=1).max())
    left, right = np.triu_indices(len(faces), 1)
    scores = [record.score(embeddings[left], embeddings[right]) for embeddings in (found, expected)]
    of_scores = float(np.abs(scores[0] - scores[1]).max())
    if not (of_embeddings <= TOLERANCE and of_scores <= SCORE_TOLERANCE):
        raise ModelError(
            f"{target}: not written, because it is not the model that was trained: embeddings differ from torch's by "
            f"{of_embeddings:.1e} of their length (allowed {TOLERANCE}), scores by {of_scores:.1e} (allowed "
            f"{SCORE_TOLERANCE})"
        )
    return of_scores


def _made_up_faces(record: ModelRecord, count: int) -> ByteArray:
    """`[count, H, W, C]` uint8: random squares of one grey value each, since embeddings of noise are all alike."""
    preparation = record.preparation
    height, width = preparation.height, preparation.width
    squares = np.random.default_rng(0).integers(0, 256, (count, 6, 6, preparation.channels), np.uint8)
    faces = np.repeat(np.repeat(squares, -(-height // 6), 1), -(-width // 6), 2)
    return np.ascontiguousarray(faces[:, :height, :width])


class _Embed(nn.Module):
    """`SiameseNetwork.embed` as the forward pass of a module, which the exporter needs."""

    def __init__(self, network: SiameseNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, faces: Tensor) -> Tensor:
        return self.network.embed(faces)


def _to_onnx(network: SiameseNetwork, record: ModelRecord) -> bytes:
    """The serialised ONNX model: "faces" `[batch, H, W, C]` uint8 → "embeddings" `[batch, D]` float32."""
    with torch.no_grad(), _quiet():
        program = torch.onnx.export(
            _Embed(network),
            (torch.from_numpy(_made_up_faces(record, 3)),),
            input_names=["faces"],
            output_names=["embeddings"],
            dynamic_shapes={"faces": {0: torch.export.Dim("batch", min=1)}},
            opset_version=OPSET,
            dynamo=True,
            optimize=True,
            verbose=False,
        )
    assert program is not None
    proto = program.model_proto
    # The exporter notes the source file and line of each node. They would reveal paths of this machine.
    graph = proto.graph
    for part in (*graph.node, *graph.value_info, *graph.initializer, *graph.input, *graph.output, graph):
        del part.metadata_props[:]
        part.doc_string = ""
    for initializer in graph.initializer:
        _drop_tiny(initializer)
    entry = proto.metadata_props.add()
    entry.key, entry.value = RECORD_KEY, record.to_json()
    serialised: bytes = proto.SerializeToString()
    return serialised


def _drop_tiny(initializer: TensorProto) -> None:
    """Sets weights below `TINY` to 0, in place."""
    weights = numpy_helper.to_array(initializer)
    if weights.dtype != np.float32 or not weights.ndim:
        return
    is_tiny = (weights != 0) & (np.abs(weights) < TINY)
    if is_tiny.any():
        initializer.CopyFrom(numpy_helper.from_array(np.where(is_tiny, 0, weights), initializer.name))


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silences the exporter, which prints and logs each of its steps."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "onnx_ir")]
    levels = [logger.level for logger in loggers]
    with (
        warnings.catch_warnings(),
        Path(os.devnull).open("w") as nowhere,
        contextlib.redirect_stdout(nowhere),
    ):
        warnings.simplefilter("ignore")
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
