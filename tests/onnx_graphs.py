"""Small ONNX graphs with the input and output of the tiny run's model."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def graph(*nodes: onnx.NodeProto, name: str = "g", initial: dict[str, Any] | None = None) -> onnx.GraphProto:
    """A graph with the input and output of the tiny run's model."""
    return helper.make_graph(
        list(nodes),
        name,
        [helper.make_tensor_value_info("faces", TensorProto.UINT8, ["batch", 24, 24, 1])],
        [helper.make_tensor_value_info("embeddings", TensorProto.FLOAT, ["batch", 16])],
        [numpy_helper.from_array(np.asarray(value), key) for key, value in (initial or {}).items()],
    )


def model_of(graph: onnx.GraphProto, **more: Any) -> onnx.ModelProto:
    opset = [helper.make_opsetid("", 18), helper.make_opsetid("other", 1)]
    return helper.make_model(graph, opset_imports=opset, ir_version=10, **more)
