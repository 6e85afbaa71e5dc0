"""Writes a trained twin in the form that is used: ONNX with its record inside."""

from __future__ import annotations

import contextlib
import logging
import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from twinface.errors import ModelError
from twinface.model_record import ModelRecord
from twinface.onnx_model import RECORD_KEY, OnnxModel, seal
from twinface.storage import write_bytes
from twinface.twin import Twin

OPSET = 18
TOLERANCE = 2e-3  # of an embedding's length; float32 sums in another order differ by about 1e-6


class _Embed(nn.Module):
    def __init__(self, twin: Twin) -> None:
        super().__init__()
        self.twin = twin

    def forward(self, faces: Tensor) -> Tensor:
        return self.twin.embed(faces)


def export_onnx(twin: Twin, record: ModelRecord, target: Path) -> None:
    """Writes `target` and checks that ONNX Runtime gives the embeddings that torch gives.

    Args:
        twin: trained, on the CPU, float32.
        record: goes into the file.
        target: the file to write.

    Raises:
        ModelError: the two forms disagree by more than `TOLERANCE`; the file is not kept.
    """
    preparation = record.preparation
    shape = (preparation.height, preparation.width, 1 if preparation.color == "gray" else 3)
    random = np.random.default_rng(0)
    # Smooth faces rather than noise: noise has no scale in common with what the network knows.
    coarse = random.integers(0, 256, (3, 6, 6, shape[2]), np.uint8)
    faces = np.repeat(np.repeat(coarse, -(-shape[0] // 6), 1), -(-shape[1] // 6), 2)[
        :, : shape[0], : shape[1]
    ]
    faces = np.ascontiguousarray(faces)
    was_training = twin.training
    embed = _Embed(twin.eval())
    with torch.no_grad(), _quiet():
        expected = embed(torch.from_numpy(faces)).numpy()
        program = torch.onnx.export(
            embed,
            (torch.from_numpy(faces),),
            input_names=["faces"],
            output_names=["embeddings"],
            dynamic_shapes={"faces": {0: torch.export.Dim("batch", min=1)}},
            opset_version=OPSET,
            dynamo=True,
            optimize=True,
            verbose=False,
        )
    twin.train(was_training)
    assert program is not None
    proto = program.model_proto
    _forget_where(proto.graph)
    entry = proto.metadata_props.add()
    entry.key, entry.value = RECORD_KEY, record.to_json()
    write_bytes(target, seal(proto.SerializeToString()))
    model = OnnxModel(target)
    # One at a time as well: an exporter may take the batch that it was shown for the only one.
    found = np.concatenate([model(faces[:1]), model(faces[1:])])
    worst = float(np.abs(found - expected).max() / np.linalg.norm(expected, axis=1).max())
    if worst > TOLERANCE:
        target.unlink()
        raise ModelError(f"{target}: ONNX embeddings differ from torch's by {worst:.1e} of their length")


def _forget_where(graph: Any) -> None:
    """Takes out the exporter's notes of which line of which file each node comes from."""
    for part in (*graph.node, *graph.value_info, *graph.initializer, *graph.input, *graph.output, graph):
        del part.metadata_props[:]
        part.doc_string = ""


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
