"""Writes a trained network in the forms that are used, each with the model's record inside and compared with torch.

A new form is one function here and one line in `EXPORTS`.
"""

from __future__ import annotations

import contextlib
import io
import logging
import os
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from twinface.core.errors import ModelError
from twinface.core.storage import write_bytes
from twinface.core.types import ByteArray, Float32Array
from twinface.models.checksum import with_checksum
from twinface.models.embedder import EmbedFunction
from twinface.models.onnx_model import RECORD_KEY, OnnxModel
from twinface.models.record import ModelRecord
from twinface.networks.siamese import SiameseNetwork

OPSET = 18
TOLERANCE = 2e-3  # of an embedding's length; float32 sums in another order differ by about 1e-6
SCORE_TOLERANCE = 1e-3

Files = dict[str, bytes]  # by suffix, in the order in which they are to be written


@dataclass(frozen=True)
class Form:
    """A form of a model.

    Attributes:
        suffix: of the file by which it is named.
        make: network, record → its files.
        read: from that file to an embedding function.
    """

    suffix: str
    make: Callable[[SiameseNetwork, ModelRecord], Files]
    read: Callable[[Path], EmbedFunction]


def export_model(network: SiameseNetwork, record: ModelRecord, target: Path, form: str = "onnx") -> float:
    """Writes `target` once its embeddings and scores are those of torch.

    Args:
        network: trained, on the CPU, float32.
        record: goes into the file.
        target: the file to write, with the suffix of its form.
        form: of `EXPORTS`.

    Returns:
        The largest difference between a score of the file and the network's, over pairs of made-up faces.

    Raises:
        ModelError: scores differ by more than `SCORE_TOLERANCE`, or embeddings by more than `TOLERANCE` of their
            length; nothing is written.
        DivergedError: an embedding is not finite; nothing is written.
        StorageError: a file cannot be written.
    """
    chosen = EXPORTS[form]
    was_training = network.training
    try:
        files = chosen.make(network.eval(), record)
        with tempfile.TemporaryDirectory() as place:
            # Under its own name, so that an error speaks of the file that was asked for.
            candidate = Path(place) / target.name
            for suffix, data in files.items():
                candidate.with_suffix(suffix).write_bytes(data)
            worst = _worst_score(network, record, chosen.read(candidate), target)
    finally:
        network.train(was_training)
    for suffix, data in files.items():
        write_bytes(target.with_suffix(suffix), data)
    return worst


def _worst_score(network: SiameseNetwork, record: ModelRecord, embed: EmbedFunction, target: Path) -> float:
    """Compares with torch on 12 faces in batches of 1 and 11, and on all pairs of them."""
    faces = _some_faces(record, 12)
    with torch.inference_mode():
        expected = network.embed(torch.from_numpy(faces)).numpy()
    found = np.concatenate([embed(faces[:1]), embed(faces[1:])])
    apart = float(np.abs(found - expected).max() / np.linalg.norm(expected, axis=1).max())
    left, right = np.triu_indices(len(faces), 1)
    scores = [record.score(embeddings[left], embeddings[right]) for embeddings in (found, expected)]
    worst = float(np.abs(scores[0] - scores[1]).max())
    if not (apart <= TOLERANCE and worst <= SCORE_TOLERANCE):
        raise ModelError(
            f"{target}: not written, since it is not the model that was trained: embeddings differ from torch's by "
            f"{apart:.1e} of their length (allowed {TOLERANCE}), scores by {worst:.1e} (allowed {SCORE_TOLERANCE})"
        )
    return worst


def _some_faces(record: ModelRecord, count: int) -> ByteArray:
    """`[count, H, W, C]` uint8 of smooth areas: noise has no scale in common with what the network knows."""
    preparation = record.preparation
    height, width = preparation.height, preparation.width
    coarse = np.random.default_rng(0).integers(0, 256, (count, 6, 6, preparation.channels), np.uint8)
    faces = np.repeat(np.repeat(coarse, -(-height // 6), 1), -(-width // 6), 2)
    return np.ascontiguousarray(faces[:, :height, :width])


class _Embed(nn.Module):
    def __init__(self, network: SiameseNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, faces: Tensor) -> Tensor:
        return self.network.embed(faces)


def _onnx(network: SiameseNetwork, record: ModelRecord) -> Files:
    with torch.no_grad(), _quiet():
        program = torch.onnx.export(
            _Embed(network),
            (torch.from_numpy(_some_faces(record, 3)),),
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
    # The exporter's notes of which line of which file each node comes from are nobody's business.
    graph = proto.graph
    for part in (*graph.node, *graph.value_info, *graph.initializer, *graph.input, *graph.output, graph):
        del part.metadata_props[:]
        part.doc_string = ""
    entry = proto.metadata_props.add()
    entry.key, entry.value = RECORD_KEY, record.to_json()
    return {".onnx": with_checksum(proto.SerializeToString())}


def _exported(network: SiameseNetwork, record: ModelRecord) -> Files:
    with torch.no_grad(), _quiet():
        program = torch.export.export(
            _Embed(network),
            (torch.from_numpy(_some_faces(record, 3)),),
            dynamic_shapes={"faces": {0: torch.export.Dim("batch", min=1)}},
        )
        for part in program.graph_module.modules():
            for node in part.graph.nodes if isinstance(part, torch.fx.GraphModule) else ():
                node.meta.pop("stack_trace", None)
        buffer = io.BytesIO()
        torch.export.save(program, buffer, extra_files={f"{RECORD_KEY}.json": record.to_json()})
    return {".pt2": buffer.getvalue()}


def _read_exported(path: Path) -> EmbedFunction:
    """Of a file that this very process has written; no other is opened, since torch would unpickle it."""
    module = torch.export.load(path).module()

    def embed(faces: ByteArray) -> Float32Array:
        with torch.inference_mode():
            return np.asarray(module(torch.from_numpy(faces)).numpy(), np.float32)

    return embed


@contextlib.contextmanager
def _quiet():  # type: ignore[no-untyped-def]
    """The exporter reports each of its steps; none of that helps who trains a model."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "onnx_ir")]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings(), open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):  # noqa: PTH123
        warnings.simplefilter("ignore")
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)


EXPORTS: dict[str, Form] = {
    "onnx": Form(".onnx", _onnx, OnnxModel),
    "exported": Form(".pt2", _exported, _read_exported),
}
